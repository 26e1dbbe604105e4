"""The table: (state, action, role) -> state, with what each edge needs. What is not here is refused.

Source: DOMAIN.md section 9. Where it leaves a gap (who may do what, where a release leads)
the choice is ours. Pure data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from model.errors import Conflict, NotAllowed
from serve.cases.workflow.states import CaseAction, CaseRole, Kind, State, Track


class Guard(StrEnum):
    """What must hold before an edge is taken; the value is how the docs say it."""

    REASON = "a written reason"
    HOLDER = "by whoever holds the lease"
    JUDGEMENT = "outcome and severity"
    EVIDENCE_SEALED = "evidence sealed"
    FRESH_EYES = "by somebody who has not judged this case"
    TWO_PEOPLE = "two different people if severity is 3 or more, or a second reading is due"
    SAME_JUDGEMENT = "outcome and severity as the first reader's"
    FOLLOWS_CAMPAIGN = "the campaign's case is decided, and this one gets its outcome and severity"
    RATIONALE = "a rationale"
    LAW_ELEMENTS = "ticked elements of a law"
    OWNER = "a named owner"
    NO_IDENTITY = "no subject's identity, or the additional threshold ticked and a reason"
    REFERRALS_ANSWERED = "no platform notice or support referral unanswered"
    DECIDED = "a person has decided the case"
    POLICE_CONSENT = "the reporter's consent: police"
    PLATFORM_CONSENT = "the reporter's consent: platform"
    SUPPORT_CONSENT = "the reporter's consent: support organisation"
    DANGER_OR_CONSENT = "danger to life ticked, or the reporter's consent: police"
    AT_REST = "every other track at rest, and the victim told"
    CERTIFICATE = "the number of a disposal certificate"


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of a state: what is done, by whom, where it leads, and what it needs."""

    before: State
    action: CaseAction
    roles: frozenset[CaseRole]
    after: State
    guards: tuple[Guard, ...] = ()

    @property
    def stays(self) -> bool:
        """Whether the edge only adds to the history."""
        return self.before is self.after


R, S, A, G = CaseRole, State, CaseAction, Guard

CLASSIFIER = frozenset({R.CLASSIFIER})
SYSTEM = frozenset({R.SYSTEM})
SENIORS = frozenset({R.SENIOR_REVIEWER, R.HUB_LEAD})
TRIAGERS = frozenset({R.TRIAGE_OFFICER, R.REVIEW_OFFICER, R.SENIOR_REVIEWER})
REVIEWERS = frozenset({R.REVIEW_OFFICER, R.SENIOR_REVIEWER})
OFFICERS = TRIAGERS | SENIORS
RECORDS = frozenset({R.RECORDS_OFFICER})
OUTSIDE = frozenset({R.REPORTER, R.PARTNER})

JUDGED = (G.HOLDER, G.FRESH_EYES, G.REASON, G.JUDGEMENT)

_INTAKE = (
    Edge(S.RECEIVED, A.SCORE, CLASSIFIER, S.SCORED),
    # A model that is down must not hold a report up.
    Edge(S.RECEIVED, A.ENQUEUE, SYSTEM, S.TRIAGE),
    Edge(S.SCORED, A.ENQUEUE, SYSTEM, S.TRIAGE),
    # For posts that a platform or a scan sends whole: no reporter to ask, and the seal is made at intake.
    Edge(S.SCORED, A.ADMIT_TO_REVIEW, SYSTEM, S.CAPTURED, (G.EVIDENCE_SEALED,)),
    # A link is no end: the text is read in the other case, and a person may undo it.
    Edge(S.SCORED, A.LINK_DUPLICATE, SYSTEM | TRIAGERS, S.DUPLICATE_LINKED),
    Edge(S.DUPLICATE_LINKED, A.UNLINK, TRIAGERS, S.TRIAGE, (G.REASON,)),
    Edge(
        S.DUPLICATE_LINKED, A.FOLLOW_CAMPAIGN, REVIEWERS, S.DECIDED,
        (G.REASON, G.JUDGEMENT, G.EVIDENCE_SEALED, G.FOLLOWS_CAMPAIGN),
    ),
)  # fmt: skip

_TRIAGE = (
    Edge(S.TRIAGE, A.CLAIM, TRIAGERS, S.IN_TRIAGE),
    Edge(S.IN_TRIAGE, A.RELEASE, TRIAGERS, S.TRIAGE, (G.HOLDER,)),
    Edge(S.IN_TRIAGE, A.EXPIRE_LEASE, SYSTEM, S.TRIAGE),
    Edge(S.IN_TRIAGE, A.LINK_DUPLICATE, TRIAGERS, S.DUPLICATE_LINKED, (G.HOLDER, G.REASON)),
    Edge(S.IN_TRIAGE, A.ASK_FOR_INFO, TRIAGERS, S.NEEDS_INFO, (G.HOLDER, G.REASON)),
    Edge(S.NEEDS_INFO, A.ANSWER, OUTSIDE | TRIAGERS, S.TRIAGE),
    Edge(S.NEEDS_INFO, A.STOP_WAITING, SYSTEM | TRIAGERS, S.TRIAGE),
    Edge(S.IN_TRIAGE, A.MARK_OUT_OF_SCOPE, TRIAGERS, S.OUT_OF_SCOPE, (G.HOLDER, G.REASON, G.NO_IDENTITY)),
    Edge(S.IN_TRIAGE, A.SEAL_EVIDENCE, TRIAGERS, S.CAPTURED, (G.HOLDER, G.EVIDENCE_SEALED)),
)

_REVIEW = (
    Edge(S.CAPTURED, A.CLAIM, REVIEWERS, S.IN_REVIEW, (G.FRESH_EYES,)),
    Edge(S.IN_REVIEW, A.RELEASE, REVIEWERS, S.CAPTURED, (G.HOLDER,)),
    Edge(S.IN_REVIEW, A.EXPIRE_LEASE, SYSTEM, S.CAPTURED),
    Edge(S.IN_REVIEW, A.DECIDE, REVIEWERS, S.DECIDED, (*JUDGED, G.TWO_PEOPLE)),
    Edge(S.IN_REVIEW, A.SEND_TO_SECOND_REVIEW, REVIEWERS, S.SECOND_REVIEW, JUDGED),
    Edge(S.SECOND_REVIEW, A.CLAIM, REVIEWERS, S.IN_SECOND_REVIEW, (G.FRESH_EYES,)),
    Edge(S.IN_SECOND_REVIEW, A.RELEASE, REVIEWERS, S.SECOND_REVIEW, (G.HOLDER,)),
    Edge(S.IN_SECOND_REVIEW, A.EXPIRE_LEASE, SYSTEM, S.SECOND_REVIEW),
    Edge(
        S.IN_SECOND_REVIEW, A.AGREE, REVIEWERS, S.DECIDED, (*JUDGED, G.SAME_JUDGEMENT, G.TWO_PEOPLE)
    ),
    Edge(S.IN_SECOND_REVIEW, A.DISAGREE, REVIEWERS, S.ADJUDICATION, JUDGED),
    Edge(S.ADJUDICATION, A.CLAIM, SENIORS, S.IN_ADJUDICATION, (G.FRESH_EYES,)),
    Edge(S.IN_ADJUDICATION, A.RELEASE, SENIORS, S.ADJUDICATION, (G.HOLDER,)),
    Edge(S.IN_ADJUDICATION, A.EXPIRE_LEASE, SYSTEM, S.ADJUDICATION),
    Edge(S.IN_ADJUDICATION, A.ADJUDICATE, SENIORS, S.DECIDED, (*JUDGED, G.TWO_PEOPLE)),
)  # fmt: skip

_AFTERWARDS = (
    Edge(S.DECIDED, A.REQUEST_CRIME_RECORD, REVIEWERS | SENIORS, S.CRIME_CANDIDATE, (G.REASON,)),
    Edge(
        S.CRIME_CANDIDATE, A.ALLOCATE_FORCE, REVIEWERS | SENIORS, S.FORCE_ALLOCATED,
        (G.RATIONALE, G.LAW_ELEMENTS, G.OWNER),
    ),
    Edge(
        S.FORCE_ALLOCATED, A.HAND_OVER, REVIEWERS | SENIORS, S.HANDED_OVER,
        (G.EVIDENCE_SEALED, G.POLICE_CONSENT),
    ),
    # The named force declines, or it was the wrong one: the override needs its reason.
    Edge(S.FORCE_ALLOCATED, A.TAKE_BACK, REVIEWERS | SENIORS, S.CRIME_CANDIDATE, (G.REASON,)),
    Edge(S.HANDED_OVER, A.TAKE_BACK, REVIEWERS | SENIORS, S.CRIME_CANDIDATE, (G.REASON,)),
    Edge(S.HANDED_OVER, A.RECORD_OUTCOME, REVIEWERS | SENIORS, S.OUTCOME_RECORDED, (G.REASON,)),
    Edge(S.DECIDED, A.RECORD_NON_CRIME, REVIEWERS | SENIORS, S.NON_CRIME, (G.REASON, G.NO_IDENTITY)),
    Edge(S.DECIDED, A.CLOSE_NO_ACTION, REVIEWERS | SENIORS, S.NO_ACTION, (G.REASON, G.NO_IDENTITY)),
    Edge(
        S.DECIDED, A.CLOSE_ANSWERED, REVIEWERS | SENIORS, S.ANSWERED_OTHERWISE,
        (G.REASON, G.NO_IDENTITY, G.REFERRALS_ANSWERED),
    ),
)  # fmt: skip

# An appeal, new evidence, or our own error. Out of scope was never captured, so it goes back to triage.
_REOPENING = (
    Edge(S.OUT_OF_SCOPE, A.REOPEN, SENIORS, S.TRIAGE, (G.REASON,)),
    *(
        Edge(before, A.REOPEN, SENIORS, S.CAPTURED, (G.REASON,))
        for before in (
            S.DECIDED, S.CRIME_CANDIDATE, S.FORCE_ALLOCATED, S.HANDED_OVER, S.OUTCOME_RECORDED, S.NON_CRIME,
            S.NO_ACTION, S.ANSWERED_OTHERWISE,
        )
    ),
)  # fmt: skip

_EVERYWHERE = tuple(
    edge
    for state in State
    if state.track is Track.CASE
    for edge in (
        Edge(state, A.ACKNOWLEDGE_REPORT, SYSTEM | OFFICERS, state),
        Edge(state, A.UPDATE_VICTIM, OFFICERS, state, (G.REASON,)),
    )
)

_EMERGENCY = (
    Edge(S.NO_EMERGENCY, A.ESCALATE, OUTSIDE | OFFICERS, S.EMERGENCY_ESCALATED, (G.REASON,)),
    Edge(S.EMERGENCY_RELAYED, A.ESCALATE, OUTSIDE | OFFICERS, S.EMERGENCY_ESCALATED, (G.REASON,)),
    Edge(
        S.EMERGENCY_ESCALATED, A.RELAY_EMERGENCY, OFFICERS, S.EMERGENCY_RELAYED,
        (G.REASON, G.DANGER_OR_CONSENT),
    ),
    Edge(S.EMERGENCY_ESCALATED, A.STAND_DOWN, SENIORS, S.NO_EMERGENCY, (G.REASON,)),
)  # fmt: skip

_NOTICE = (G.REASON, G.DECIDED, G.EVIDENCE_SEALED, G.PLATFORM_CONSENT)
_REPLIES = REVIEWERS | SENIORS | {R.PLATFORM}
_PLATFORM = (
    Edge(S.NOT_NOTIFIED, A.NOTIFY_PLATFORM, REVIEWERS | SENIORS, S.PLATFORM_REFERRED, _NOTICE),
    Edge(S.NO_REPLY, A.NOTIFY_PLATFORM, REVIEWERS | SENIORS, S.PLATFORM_REFERRED, _NOTICE),
    Edge(S.PLATFORM_REFERRED, A.RECORD_NO_REPLY, SYSTEM | REVIEWERS, S.NO_REPLY),
    *(
        Edge(before, action, _REPLIES, after)
        for before in (S.PLATFORM_REFERRED, S.NO_REPLY)
        for action, after in (
            (A.RECORD_REMOVAL, S.REMOVED), (A.RECORD_RESTRICTION, S.RESTRICTED),
            (A.RECORD_REFUSAL, S.REFUSED),
        )
    ),
    *(
        Edge(before, A.REOPEN_NOTICE, REVIEWERS | SENIORS, S.NOT_NOTIFIED, (G.REASON,))
        for before in (S.REMOVED, S.RESTRICTED, S.REFUSED)
    ),
)  # fmt: skip

_SUPPORT = (
    Edge(S.NOT_OFFERED, A.REFER_SUPPORT, OFFICERS, S.SUPPORT_REFERRED, (G.SUPPORT_CONSENT,)),
    Edge(S.NOT_OFFERED, A.RECORD_DECLINED, OFFICERS, S.SUPPORT_DECLINED),
    Edge(S.SUPPORT_REFERRED, A.RECORD_SUPPORT, OFFICERS | {R.PARTNER}, S.SUPPORT_TAKEN_UP),
    Edge(S.SUPPORT_REFERRED, A.RECORD_DECLINED, OFFICERS | {R.PARTNER}, S.SUPPORT_DECLINED),
    Edge(S.SUPPORT_TAKEN_UP, A.REOPEN_SUPPORT, OFFICERS, S.NOT_OFFERED, (G.REASON,)),
    Edge(S.SUPPORT_DECLINED, A.REOPEN_SUPPORT, OFFICERS, S.NOT_OFFERED, (G.REASON,)),
)

_RETENTION = (
    Edge(S.HELD, A.BEGIN_RETENTION_REVIEW, SYSTEM | RECORDS, S.RETENTION_REVIEW, (G.AT_REST,)),
    Edge(S.RETAINED, A.BEGIN_RETENTION_REVIEW, SYSTEM | RECORDS, S.RETENTION_REVIEW, (G.AT_REST,)),
    Edge(S.RETENTION_REVIEW, A.RETAIN, RECORDS, S.RETAINED, (G.REASON,)),
    Edge(S.RETENTION_REVIEW, A.DISPOSE, RECORDS, S.DISPOSED, (G.REASON, G.AT_REST, G.CERTIFICATE)),
)

EDGES: Final[tuple[Edge, ...]] = (
    *_INTAKE, *_TRIAGE, *_REVIEW, *_AFTERWARDS, *_REOPENING, *_EVERYWHERE, *_EMERGENCY, *_PLATFORM, *_SUPPORT,
    *_RETENTION,
)  # fmt: skip
"""Every edge, in the order in which a case meets them."""

OUTWARD: Final[Mapping[CaseAction, Guard]] = MappingProxyType(
    {
        A.HAND_OVER: G.POLICE_CONSENT,
        A.NOTIFY_PLATFORM: G.PLATFORM_CONSENT,
        A.REFER_SUPPORT: G.SUPPORT_CONSENT,
        A.RELAY_EMERGENCY: G.DANGER_OR_CONSENT,
    }
)
"""The actions that tell somebody outside of a case, and the consent that limits each."""


def _by_key(edges: Iterable[Edge]) -> Mapping[tuple[State, CaseAction], Edge]:
    found: dict[tuple[State, CaseAction], Edge] = {}
    for edge in edges:
        if found.setdefault((edge.before, edge.action), edge) is not edge:
            raise AssertionError(f"two edges from {edge.before} by {edge.action}")
    return MappingProxyType(found)


TABLE: Final = _by_key(EDGES)
"""The edges by (state, action); a role takes one of them or none, so a step never has two ends."""

TRACK_OF: Final[Mapping[CaseAction, Track]] = MappingProxyType(
    {edge.action: edge.before.track for edge in EDGES}
)
"""The track that each action moves."""


def find_edge(state: State, action: CaseAction, role: CaseRole) -> Edge:
    """The edge of the table.

    Raises: Conflict if the action does not belong to the state, NotAllowed if it is for other roles; both say
    in the message and in `members["allowed"]` what this role may do there.

    >>> find_edge(State.IN_REVIEW, CaseAction.RELEASE, CaseRole.REVIEW_OFFICER).after.value
    'captured'
    """
    edge = TABLE.get((state, action))
    if edge is not None and role in edge.roles:
        return edge
    allowed = [other.value for other in allowed_actions(state, role)]
    words = f"{role} may do here: {', '.join(allowed) or 'nothing'}"
    members = {"state": state.value, "allowed": allowed}
    if edge is None:
        raise Conflict(f"{action} is no step from {state}; {words}", field="action", members=members)
    raise NotAllowed(f"{action} from {state} is for others; {words}", field="role", members=members)


def allowed_actions(state: State, role: CaseRole) -> tuple[CaseAction, ...]:
    """What a role may do in a state, guards aside, in the order of the table."""
    return tuple(edge.action for edge in EDGES if edge.before is state and role in edge.roles)


def is_at_rest(states: Iterable[State]) -> bool:
    """Whether nobody owes a step in any of the states."""
    return all(state.kind is not Kind.OPEN for state in states)
