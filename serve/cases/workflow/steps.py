"""A step that somebody asks for, what the hub knows then, and how far a case has come. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from serve.cases.workflow.states import JUDGEMENTS, CaseAction, CaseRole, State, Track


class Consent(StrEnum):
    """With whom a reporter lets us share the report."""

    POLICE = "police"
    PLATFORM = "platform"
    SUPPORT = "support_org"


NOBODY_REPORTED = frozenset(Consent)
"""The consents of a post that nobody reported: it holds no reporter's data, so nothing limits it."""


class SecondReviewCause(StrEnum):
    """Why a second person must read a case whatever its severity. Source: DOMAIN.md section 9."""

    CONTESTED_CODE = "contested_code"
    CONTEXT_FLAG = "context_flag"
    LOW_CONFIDENCE = "low_confidence"
    RANDOM_SAMPLE = "random_sample"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person said a case is."""

    actor: str
    outcome: str
    severity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What somebody asks to do, and what they bring along; which of it is needed, the edge says.

    `rationale` says in words why this force and this law; `owner` is the officer there who answers for it.
    """

    action: CaseAction
    actor: str
    role: CaseRole
    at: datetime
    reason: str = ""
    outcome: str | None = None
    severity: int | None = None
    rationale: str = ""
    law_elements: tuple[str, ...] = ()
    owner: str = ""
    keeps_subject_identity: bool = False
    additional_threshold_met: bool = False
    danger_to_life: bool = False
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What other rooms know of the case when a step is asked for. Nothing known means nothing allowed.

    `campaign`: the judgements of the case that this one is linked to, oldest first, once it is decided.
    """

    evidence_sealed: bool = False
    consents: frozenset[Consent] = frozenset()
    second_review_causes: frozenset[SecondReviewCause] = frozenset()
    campaign: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A step that was taken: one line of the append-only history."""

    step: Step
    before: State
    after: State


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a case has come: a state on every track, all that was done, and the victim's next update.

    `victim_update_due` is None only when nothing goes on and the victim knows what came of it.
    """

    received_at: datetime
    position: Mapping[Track, State]
    victim_update_due: datetime | None
    history: tuple[Entry, ...] = field(default=())

    def judgements(self) -> tuple[Judgement, ...]:
        """Every judgement there ever was, oldest first."""
        return _judgements(self.history)

    def judgements_of_this_round(self) -> tuple[Judgement, ...]:
        """The judgements since the case was last reopened, oldest first."""
        reopened = [
            number for number, entry in enumerate(self.history, 1) if entry.step.action is CaseAction.REOPEN
        ]
        return _judgements(self.history[max(reopened, default=0) :])

    def holder(self) -> str | None:
        """Who claimed the case last, which in an `in_...` state is who holds it."""
        claims = [entry.step.actor for entry in self.history if entry.step.action is CaseAction.CLAIM]
        return claims[-1] if claims else None

    def entered(self, track: Track) -> datetime:
        """When the case came into the state that it is in on a track."""
        moves = [
            entry.step.at
            for entry in self.history
            if entry.before is not entry.after and entry.after.track is track
        ]
        return moves[-1] if moves else self.received_at


def _judgements(history: tuple[Entry, ...]) -> tuple[Judgement, ...]:
    return tuple(
        Judgement(step.actor, step.outcome, step.severity)
        for step in (entry.step for entry in history)
        if step.action in JUDGEMENTS and step.outcome is not None and step.severity is not None
    )
