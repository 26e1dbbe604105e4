"""The steps of the workflow as the console words them: what the button says, and what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from serve.cases.workflow.states import CaseAction, State, Track


@dataclass(frozen=True, slots=True)
class Words:
    """One step in words. `done` is a sentence's end: "Case AB12 ...".

    `hint` says what follows from the step where its name does not.
    """

    title: str
    done: str
    hint: str = ""


A = CaseAction
ACTION_WORDS: Final[Mapping[CaseAction, Words]] = MappingProxyType(
    {
        A.SCORE: Words("Score", "was scored"),
        A.ENQUEUE: Words("Send to triage", "went to triage"),
        A.ADMIT_TO_REVIEW: Words("Send to review", "went to review"),
        A.CLAIM: Words("Take the case", "was taken"),
        A.RELEASE: Words("Put it back", "is back in the queue"),
        A.EXPIRE_LEASE: Words("End the lease", "went back to the queue"),
        A.LINK_DUPLICATE: Words(
            "Link it to a case with the same text",
            "is linked to another case",
            "It is then read there, and not here.",
        ),
        A.UNLINK: Words("Undo the link", "stands by itself again", "It goes back to triage."),
        A.FOLLOW_CAMPAIGN: Words("Decide as its campaign", "was decided as its campaign"),
        A.ASK_FOR_INFO: Words(
            "Ask for information",
            "waits for information",
            "The case waits until the reporter or partner has answered, or the time for it is over.",
        ),
        A.ANSWER: Words("The answer has come", "has its answer and is back in triage"),
        A.STOP_WAITING: Words("Wait no longer", "waits no longer and is back in triage"),
        A.MARK_OUT_OF_SCOPE: Words(
            "Out of scope",
            "is out of scope",
            "Another strand, not online, or not in England and Wales. Say in the reason where it was sent.",
        ),
        A.SEAL_EVIDENCE: Words(
            "Seal the evidence and send it to review",
            "is sealed and waits for review",
            "Before anything else: what is online may vanish.",
        ),
        A.DECIDE: Words("Decide", "is decided"),
        A.SEND_TO_SECOND_REVIEW: Words("Judge", "was judged; somebody else reads it before it is decided"),
        A.AGREE: Words("Judge", "was judged by two readers who agree"),
        A.DISAGREE: Words("Judge", "was judged; the two readers differ, and a senior decides"),
        A.ADJUDICATE: Words("Decide between two readers", "is decided between the two readers"),
        A.REQUEST_CRIME_RECORD: Words("Request a crime record", "may be a crime and waits for a force"),
        A.ALLOCATE_FORCE: Words(
            "Allocate a force",
            "has a force and an owner there",
            "By the victim's home, else where the victim was, else where the suspect is.",
        ),
        A.TAKE_BACK: Words("Take it back from the force", "was taken back from the force"),
        A.HAND_OVER: Words("Record that the force has it", "was handed over to the force"),
        A.RECORD_OUTCOME: Words("Record the force's outcome", "has the force's outcome"),
        A.RECORD_NON_CRIME: Words("Record it, not a crime", "is recorded, not a crime"),
        A.CLOSE_NO_ACTION: Words("Close without action", "is closed without action"),
        A.CLOSE_ANSWERED: Words(
            "Close as answered",
            "is closed as answered",
            "Answered by a platform, support, a school or advice.",
        ),
        A.REOPEN: Words(
            "Reopen the case",
            "was reopened",
            "New evidence, or our own error. Somebody who has not judged it reads it afresh. For an appeal,"
            " record the appeal.",
        ),
        A.ACKNOWLEDGE_REPORT: Words("Record that the report was acknowledged", "has its acknowledgement"),
        A.UPDATE_VICTIM: Words("Record an update to the victim", "has an update to the victim"),
        A.ESCALATE: Words(
            "Raise an emergency",
            "is an emergency",
            "Danger to life, an identified target or place, or terrorism. Ring 999 first.",
        ),
        A.RELAY_EMERGENCY: Words("Record that the emergency was passed on", "was passed on as an emergency"),
        A.STAND_DOWN: Words("Stand the emergency down", "is no emergency any more"),
        A.NOTIFY_PLATFORM: Words("Record a notice to the platform", "has a notice to the platform"),
        A.RECORD_REMOVAL: Words("The platform removed it", "was removed by the platform"),
        A.RECORD_RESTRICTION: Words("The platform restricted it", "was restricted by the platform"),
        A.RECORD_REFUSAL: Words("The platform refused", "was left up by the platform"),
        A.RECORD_NO_REPLY: Words("The platform did not reply", "has no reply from the platform"),
        A.REOPEN_NOTICE: Words("Take the notice up again", "may have another notice to the platform"),
        A.REFER_SUPPORT: Words("Refer to victim support", "was referred to victim support"),
        A.RECORD_SUPPORT: Words("Support was taken up", "has support taken up"),
        A.RECORD_DECLINED: Words("Support was declined", "has support declined"),
        A.REOPEN_SUPPORT: Words("Offer support again", "may be referred to support again"),
        A.BEGIN_RETENTION_REVIEW: Words("Begin the retention review", "is in retention review"),
        A.RETAIN: Words("Keep it", "is kept on"),
        A.DISPOSE: Words("Dispose of it", "was disposed of"),
    }
)
"""Every step of the table. Tests keep it whole."""

TRACK_WORDS: Final[Mapping[Track, str]] = MappingProxyType(
    {
        Track.CASE: "The case",
        Track.EMERGENCY: "Emergency",
        Track.PLATFORM: "Platform",
        Track.SUPPORT: "Victim support",
        Track.RETENTION: "Retention",
    }
)

STAGE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.TRIAGE.value: "Triage",
        State.CAPTURED.value: "Review",
        State.SECOND_REVIEW.value: "Second review",
        State.ADJUDICATION.value: "Adjudication",
    }
)
"""The states in which a case waits for somebody, as stages of the work."""

DUE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "emergency": "emergency",
        "reported": "reported to us",
        "urgent": "urgent",
        "review": "review",
        "routine": "routine",
    }
)
"""The due classes of configs/policy/queue.yaml, in the words of a list."""


def state_words(state: str) -> str:
    """A state as a heading says it: `in_second_review` is "In second review"."""
    words = state.replace("_", " ")
    return words[:1].upper() + words[1:]
