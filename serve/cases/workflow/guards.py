"""What each guard asks of a step. Pure: everything it looks at is handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from model.errors import BadInput, Conflict, Fault, NotAllowed
from model.taxonomy import SEVERITIES
from serve.cases.workflow.states import State, Track
from serve.cases.workflow.steps import Circumstances, Consent, Judgement, Progress, Step
from serve.cases.workflow.table import Guard, is_at_rest

GRAVE: Final = 3
"""The severity from which two different people stand behind a decision. Source: DOMAIN.md section 9."""

DECIDED: Final = frozenset(
    {
        State.DECIDED, State.CRIME_CANDIDATE, State.FORCE_ALLOCATED, State.HANDED_OVER,
        State.OUTCOME_RECORDED, State.NON_CRIME, State.NO_ACTION, State.ANSWERED_OTHERWISE,
    }
)  # fmt: skip
"""The states of a case that a person has decided."""

Check = Callable[[Progress, Step, Circumstances], Fault | None]


def first_failure(
    guards: tuple[Guard, ...], progress: Progress, step: Step, known: Circumstances
) -> Fault | None:
    """The fault of the first guard that does not hold; None if all hold.

    BadInput names what the step must bring, Conflict what has to happen first, NotAllowed who may not do it.
    """
    for guard in guards:
        fault = CHECKS[guard](progress, step, known)
        if fault is not None:
            return fault
    return None


def _written(name: str) -> Check:
    def check(_progress: Progress, step: Step, _known: Circumstances) -> Fault | None:
        return None if getattr(step, name).strip() else BadInput(f"{name}: must be written", field=name)

    return check


def _consent(wanted: Consent) -> Check:
    def check(_progress: Progress, _step: Step, known: Circumstances) -> Fault | None:
        if wanted in known.consents:
            return None
        return Conflict(f"consent: the reporter has not agreed to share this with: {wanted}", field="consent")

    return check


def _holder(progress: Progress, step: Step, _known: Circumstances) -> Fault | None:
    return None if progress.holder() == step.actor else NotAllowed("the case is held by somebody else")


def _judgement(_progress: Progress, step: Step, _known: Circumstances) -> Fault | None:
    if step.outcome is None or not step.outcome.strip():
        return BadInput("outcome: must be chosen", field="outcome")
    if type(step.severity) is not int or step.severity not in SEVERITIES:  # a bool is an int to `in`
        return BadInput("severity: 0 to 4", field="severity")
    return None


def _evidence_sealed(_progress: Progress, _step: Step, known: Circumstances) -> Fault | None:
    return None if known.evidence_sealed else Conflict("evidence: must be sealed first", field="evidence")


def _fresh_eyes(progress: Progress, step: Step, known: Circumstances) -> Fault | None:
    if any(judgement.actor == step.actor for judgement in (*progress.judgements(), *known.campaign)):
        return NotAllowed("this person has judged the case already; it takes somebody else")
    return None


def _two_people(progress: Progress, step: Step, known: Circumstances) -> Fault | None:
    # What any reader ever called grave stays grave: an appeal cannot make one person's word enough.
    ever = (*progress.judgements(), *known.campaign)
    grave = any(severity >= GRAVE for severity in (step.severity or 0, *(each.severity for each in ever)))
    if not grave and not known.second_review_causes:
        return None
    if any(judgement.actor != step.actor for judgement in progress.judgements_of_this_round()):
        return None
    return Conflict("the case needs a second review before it is decided", field="severity")


def _same_judgement(progress: Progress, step: Step, _known: Circumstances) -> Fault | None:
    judged = progress.judgements_of_this_round()
    if judged and (judged[-1].outcome, judged[-1].severity) == (step.outcome, step.severity):
        return None
    return Conflict("the two readers differ: the case goes to adjudication", field="outcome")


def _follows_campaign(_progress: Progress, step: Step, known: Circumstances) -> Fault | None:
    if not known.campaign:
        return Conflict("the campaign's case must be decided first", field="campaign")
    last: Judgement = known.campaign[-1]
    if (last.outcome, last.severity) != (step.outcome, step.severity):
        return Conflict("outcome and severity must be those of the campaign's case", field="outcome")
    if max(each.severity for each in known.campaign) >= GRAVE and len({j.actor for j in known.campaign}) < 2:
        return Conflict("the campaign's case needs a second review", field="campaign")
    return None


def _law_elements(_progress: Progress, step: Step, _known: Circumstances) -> Fault | None:
    if step.law_elements and all(element.strip() for element in step.law_elements):
        return None
    return BadInput("law_elements: tick those that are met", field="law_elements")


def _no_identity(_progress: Progress, step: Step, _known: Circumstances) -> Fault | None:
    if not step.keeps_subject_identity:
        return None
    if not step.additional_threshold_met:
        return BadInput(
            "additional_threshold_met: without it a person's identity is not kept",
            field="additional_threshold_met",
        )
    return None if step.reason.strip() else BadInput("reason: must be written", field="reason")


def _referrals_answered(progress: Progress, _step: Step, _known: Circumstances) -> Fault | None:
    if is_at_rest(progress.position[track] for track in (Track.PLATFORM, Track.SUPPORT)):
        return None
    return Conflict("referrals: one has not been answered", field="referrals")


def _decided(progress: Progress, _step: Step, _known: Circumstances) -> Fault | None:
    return None if progress.position[Track.CASE] in DECIDED else Conflict("the case must be decided first")


def _danger_or_consent(_progress: Progress, step: Step, known: Circumstances) -> Fault | None:
    if step.danger_to_life or Consent.POLICE in known.consents:
        return None
    return Conflict("consent: neither police nor danger to life", field="danger_to_life")


def _at_rest(progress: Progress, _step: Step, _known: Circumstances) -> Fault | None:
    others = [state for track, state in progress.position.items() if track is not Track.RETENTION]
    if not is_at_rest(others):
        return Conflict("something still goes on with the case")
    if progress.victim_update_due is not None:
        return Conflict("the victim has not been told what came of it", field="victim_update")
    return None


CHECKS: Final[Mapping[Guard, Check]] = MappingProxyType(
    {
        Guard.REASON: _written("reason"),
        Guard.HOLDER: _holder,
        Guard.JUDGEMENT: _judgement,
        Guard.EVIDENCE_SEALED: _evidence_sealed,
        Guard.FRESH_EYES: _fresh_eyes,
        Guard.TWO_PEOPLE: _two_people,
        Guard.SAME_JUDGEMENT: _same_judgement,
        Guard.FOLLOWS_CAMPAIGN: _follows_campaign,
        Guard.RATIONALE: _written("rationale"),
        Guard.LAW_ELEMENTS: _law_elements,
        Guard.OWNER: _written("owner"),
        Guard.NO_IDENTITY: _no_identity,
        Guard.REFERRALS_ANSWERED: _referrals_answered,
        Guard.DECIDED: _decided,
        Guard.POLICE_CONSENT: _consent(Consent.POLICE),
        Guard.PLATFORM_CONSENT: _consent(Consent.PLATFORM),
        Guard.SUPPORT_CONSENT: _consent(Consent.SUPPORT),
        Guard.DANGER_OR_CONSENT: _danger_or_consent,
        Guard.AT_REST: _at_rest,
        Guard.CERTIFICATE: _written("certificate"),
    }
)
"""The check of each guard."""
