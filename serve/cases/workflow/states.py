"""The words of the workflow: tracks, states, roles and actions. Pure.

A case runs on several tracks side by side and stands in one state of each. A platform may answer, support be
taken up or an emergency be raised wherever the case itself stands, and none of them loses the case's place.

Source: DOMAIN.md section 9 for the names of states and roles. That page draws one line; the split
into tracks is ours: its "any state may jump here" and "parallel" are tracks here, and so is retention.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Track(StrEnum):
    """One of the things that go on with a case at the same time."""

    CASE = "case"
    EMERGENCY = "emergency"
    PLATFORM = "platform"
    SUPPORT = "support"
    RETENTION = "retention"


class Kind(StrEnum):
    """What a state asks of people."""

    OPEN = "open"
    """Somebody owes the next step."""
    RESTING = "resting"
    """Nothing is owed; the track may begin, or begin again, at any time."""
    TERMINAL = "terminal"
    """Ended: only reopening, with a reason, leaves it."""


class State(StrEnum):
    """Where a case stands on a track. `in_...` states are held by one person under a lease."""

    RECEIVED = "received"
    SCORED = "scored"
    DUPLICATE_LINKED = "duplicate_linked"
    TRIAGE = "triage"
    IN_TRIAGE = "in_triage"
    NEEDS_INFO = "needs_info"
    OUT_OF_SCOPE = "out_of_scope"
    CAPTURED = "captured"
    IN_REVIEW = "in_review"
    SECOND_REVIEW = "second_review"
    IN_SECOND_REVIEW = "in_second_review"
    ADJUDICATION = "adjudication"
    IN_ADJUDICATION = "in_adjudication"
    DECIDED = "decided"
    CRIME_CANDIDATE = "crime_candidate"
    FORCE_ALLOCATED = "force_allocated"
    HANDED_OVER = "handed_over"
    OUTCOME_RECORDED = "outcome_recorded"
    NON_CRIME = "non_crime"
    NO_ACTION = "no_action"
    ANSWERED_OTHERWISE = "answered_otherwise"

    NO_EMERGENCY = "no_emergency"
    EMERGENCY_ESCALATED = "emergency_escalated"
    EMERGENCY_RELAYED = "emergency_relayed"

    NOT_NOTIFIED = "not_notified"
    PLATFORM_REFERRED = "platform_referred"
    REMOVED = "removed"
    RESTRICTED = "restricted"
    REFUSED = "refused"
    NO_REPLY = "no_reply"

    NOT_OFFERED = "not_offered"
    SUPPORT_REFERRED = "support_referred"
    SUPPORT_TAKEN_UP = "support_taken_up"
    SUPPORT_DECLINED = "support_declined"

    HELD = "held"
    RETENTION_REVIEW = "retention_review"
    RETAINED = "retained"
    DISPOSED = "disposed"

    @property
    def track(self) -> Track:
        """The one track that the state is on."""
        return MEANINGS[self][0]

    @property
    def kind(self) -> Kind:
        """What the state asks of people."""
        return MEANINGS[self][1]

    @property
    def meaning(self) -> str:
        """The state in plain words."""
        return MEANINGS[self][2]


MEANINGS: Final[Mapping[State, tuple[Track, Kind, str]]] = MappingProxyType(
    {
        State.RECEIVED: (Track.CASE, Kind.OPEN, "stored; nothing has read it yet"),
        State.SCORED: (Track.CASE, Kind.OPEN, "the machine has said where it comes in the queue"),
        State.DUPLICATE_LINKED: (Track.CASE, Kind.OPEN, "the same text is read in another case"),
        State.TRIAGE: (Track.CASE, Kind.OPEN, "waits for triage"),
        State.IN_TRIAGE: (Track.CASE, Kind.OPEN, "somebody is triaging it"),
        State.NEEDS_INFO: (Track.CASE, Kind.OPEN, "the reporter or partner was asked something"),
        State.OUT_OF_SCOPE: (Track.CASE, Kind.TERMINAL, "not online, another strand, or not for this hub"),
        State.CAPTURED: (Track.CASE, Kind.OPEN, "evidence is sealed; waits for review"),
        State.IN_REVIEW: (Track.CASE, Kind.OPEN, "somebody reads it, the score hidden"),
        State.SECOND_REVIEW: (Track.CASE, Kind.OPEN, "waits for a second reader"),
        State.IN_SECOND_REVIEW: (
            Track.CASE,
            Kind.OPEN,
            "the second reader has it, the first judgement hidden",
        ),
        State.ADJUDICATION: (Track.CASE, Kind.OPEN, "the two readers differ; waits for a senior"),
        State.IN_ADJUDICATION: (Track.CASE, Kind.OPEN, "a senior decides between the two"),
        State.DECIDED: (Track.CASE, Kind.OPEN, "judged; what follows from it is still to be done"),
        State.CRIME_CANDIDATE: (Track.CASE, Kind.OPEN, "may be a crime; waits for a force"),
        State.FORCE_ALLOCATED: (Track.CASE, Kind.OPEN, "a force and an owner are named"),
        State.HANDED_OVER: (Track.CASE, Kind.OPEN, "the force has it"),
        State.OUTCOME_RECORDED: (Track.CASE, Kind.TERMINAL, "the force has said what came of it"),
        State.NON_CRIME: (Track.CASE, Kind.TERMINAL, "no crime; recorded as the policy in force allows"),
        State.NO_ACTION: (Track.CASE, Kind.TERMINAL, "nothing further, for a stated reason"),
        State.ANSWERED_OTHERWISE: (
            Track.CASE,
            Kind.TERMINAL,
            "answered by a platform, support, a school or advice",
        ),
        State.NO_EMERGENCY: (Track.EMERGENCY, Kind.RESTING, "nobody has raised one"),
        State.EMERGENCY_ESCALATED: (
            Track.EMERGENCY,
            Kind.OPEN,
            "danger to life, or terrorism: minutes count",
        ),
        State.EMERGENCY_RELAYED: (Track.EMERGENCY, Kind.RESTING, "the emergency service has it"),
        State.NOT_NOTIFIED: (Track.PLATFORM, Kind.RESTING, "no notice has gone out"),
        State.PLATFORM_REFERRED: (Track.PLATFORM, Kind.OPEN, "the platform has our notice"),
        State.REMOVED: (Track.PLATFORM, Kind.TERMINAL, "the platform took the post down"),
        State.RESTRICTED: (Track.PLATFORM, Kind.TERMINAL, "the platform limited who sees it"),
        State.REFUSED: (Track.PLATFORM, Kind.TERMINAL, "the platform left it up and said so"),
        State.NO_REPLY: (Track.PLATFORM, Kind.RESTING, "no answer in time; a late one may still come"),
        State.NOT_OFFERED: (Track.SUPPORT, Kind.RESTING, "support has not been arranged"),
        State.SUPPORT_REFERRED: (Track.SUPPORT, Kind.OPEN, "a support organisation was asked"),
        State.SUPPORT_TAKEN_UP: (Track.SUPPORT, Kind.TERMINAL, "the person harmed has support"),
        State.SUPPORT_DECLINED: (Track.SUPPORT, Kind.TERMINAL, "support was offered and not wanted"),
        State.HELD: (Track.RETENTION, Kind.RESTING, "kept; its review is not due"),
        State.RETENTION_REVIEW: (Track.RETENTION, Kind.OPEN, "a records officer asks whether to keep it"),
        State.RETAINED: (
            Track.RETENTION,
            Kind.RESTING,
            "kept on, for a stated reason, until the next review",
        ),
        State.DISPOSED: (Track.RETENTION, Kind.TERMINAL, "destroyed, with a certificate"),
    }
)

START: Final[Mapping[Track, State]] = MappingProxyType(
    {
        Track.CASE: State.RECEIVED,
        Track.EMERGENCY: State.NO_EMERGENCY,
        Track.PLATFORM: State.NOT_NOTIFIED,
        Track.SUPPORT: State.NOT_OFFERED,
        Track.RETENTION: State.HELD,
    }
)
"""Where every case begins."""


class CaseRole(StrEnum):
    """In what capacity somebody acts on a case. Researcher, auditor and admin may do nothing."""

    CLASSIFIER = "classifier"
    SYSTEM = "system"
    REPORTER = "reporter"
    PARTNER = "partner"
    PLATFORM = "platform"
    TRIAGE_OFFICER = "triage_officer"
    REVIEW_OFFICER = "review_officer"
    SENIOR_REVIEWER = "senior_reviewer"
    HUB_LEAD = "hub_lead"
    RECORDS_OFFICER = "records_officer"
    RESEARCHER = "researcher"
    AUDITOR = "auditor"
    ADMIN = "admin"


MACHINES: Final = frozenset({CaseRole.CLASSIFIER, CaseRole.SYSTEM})
"""Roles that are no person: the classifier, and clocks and jobs."""


class CaseAction(StrEnum):
    """What is done to a case. Each belongs to one track."""

    SCORE = "score"
    ENQUEUE = "enqueue"
    ADMIT_TO_REVIEW = "admit_to_review"
    LINK_DUPLICATE = "link_duplicate"
    UNLINK = "unlink"
    FOLLOW_CAMPAIGN = "follow_campaign"
    CLAIM = "claim"
    RELEASE = "release"
    EXPIRE_LEASE = "expire_lease"
    ASK_FOR_INFO = "ask_for_info"
    ANSWER = "answer"
    STOP_WAITING = "stop_waiting"
    MARK_OUT_OF_SCOPE = "mark_out_of_scope"
    SEAL_EVIDENCE = "seal_evidence"
    DECIDE = "decide"
    SEND_TO_SECOND_REVIEW = "send_to_second_review"
    AGREE = "agree"
    DISAGREE = "disagree"
    ADJUDICATE = "adjudicate"
    REQUEST_CRIME_RECORD = "request_crime_record"
    ALLOCATE_FORCE = "allocate_force"
    TAKE_BACK = "take_back"
    HAND_OVER = "hand_over"
    RECORD_OUTCOME = "record_outcome"
    RECORD_NON_CRIME = "record_non_crime"
    CLOSE_NO_ACTION = "close_no_action"
    CLOSE_ANSWERED = "close_answered"
    REOPEN = "reopen"
    ACKNOWLEDGE_REPORT = "acknowledge_report"
    UPDATE_VICTIM = "update_victim"

    ESCALATE = "escalate"
    RELAY_EMERGENCY = "relay_emergency"
    STAND_DOWN = "stand_down"

    NOTIFY_PLATFORM = "notify_platform"
    RECORD_REMOVAL = "record_removal"
    RECORD_RESTRICTION = "record_restriction"
    RECORD_REFUSAL = "record_refusal"
    RECORD_NO_REPLY = "record_no_reply"
    REOPEN_NOTICE = "reopen_notice"

    REFER_SUPPORT = "refer_support"
    RECORD_SUPPORT = "record_support"
    RECORD_DECLINED = "record_declined"
    REOPEN_SUPPORT = "reopen_support"

    BEGIN_RETENTION_REVIEW = "begin_retention_review"
    RETAIN = "retain"
    DISPOSE = "dispose"


REOPENINGS: Final = frozenset({CaseAction.REOPEN, CaseAction.REOPEN_NOTICE, CaseAction.REOPEN_SUPPORT})
"""The only actions that leave a terminal state."""

JUDGEMENTS: Final = frozenset(
    {
        CaseAction.DECIDE,
        CaseAction.SEND_TO_SECOND_REVIEW,
        CaseAction.AGREE,
        CaseAction.DISAGREE,
        CaseAction.ADJUDICATE,
    }
)
"""The actions by which a person says what a post is: each carries an outcome and a severity."""
