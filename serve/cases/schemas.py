"""The shapes of `/v1/cases`: what comes in, what goes out, with an example each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, WithJsonSchema

from model.taxonomy import SEVERITIES

EXAMPLE_CASE_ID = "01KAJZ2M5T8Q3W7X9Y1Z4B6C8E"
EXAMPLE_LEASE = {"number": 1, "expires_at": "2026-11-21T09:41:00Z"}
EXAMPLE_POST = {
    "post_id": "01KAJZ2M5T8Q3W7X9Y1Z4B6C8D",
    "id": "a-17",
    "text": "The mosque on Station Road opens its doors to visitors on Sunday.",
    "platform": "example.social",
    "url": "https://example.social/p/17",
    "author": "@station_road",
    "posted_at": "2026-11-21T09:30:00Z",
    "received_at": "2026-11-21T09:31:02.114Z",
    "scores": {"hate": 0.0131, "antisemitic": 0.0012, "islamophobic": 0.0188, "far_right": 0.0021},
    "route": "low_priority",
    "reason": "no rule applies; the highest score is islamophobic 0.02",
    "bundle": "minilm-0123456789ab",
}
EXAMPLE_DECISION = {
    "decision_id": "01KAJZ2M5T8Q3W7X9Y1Z4B6C8F",
    "case_id": EXAMPLE_CASE_ID,
    "decided_at": "2026-11-21T09:33:10.020Z",
    "decided_by": "key:01KAJZ2M5T8Q3W7X9Y1Z4B6C8G",
    "cycle": 0,
    "supersedes": None,
    "outcome": "no_action",
    "outcome_detail": "not_hate",
    "strands": [],
    "codes": [],
    "severity": 0,
    "standard": None,
    "law": [],
    "proportionality": "",
    "dissent": [],
    "reason": "An open day is announced; nobody is attacked.",
    "bundles": ["minilm-0123456789ab"],
    "policy_sha256": "7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a",
    "outcomes_sha256": "ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d",
    "codebook_sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "law_sha256": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
}
EXAMPLE_CASE = {
    "case_id": EXAMPLE_CASE_ID,
    "state": "in_review",
    "route": "low_priority",
    "reason": "no rule applies; the highest score is islamophobic 0.02",
    "strands": [],
    "priority": 0.0188,
    "created_at": "2026-11-21T09:31:02.380Z",
    "posts": [EXAMPLE_POST],
}

# The number must fit the column, or the database would refuse it in its own words. Claims begin at 1; a case
# that nobody has claimed says 0, which is a lease that nobody holds.
LeaseNumber = Annotated[StrictInt, Field(ge=0, le=2**31 - 1, description="`lease.number` of the claim.")]

Priority = Annotated[
    float | None,
    Field(description="The policy's; null where scores are kept from readers until the case is judged."),
]

SEVERITY_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": SEVERITIES[0], "maximum": SEVERITIES[-1]},
        {"type": "string", "pattern": f"^[Ss][{SEVERITIES[0]}-{SEVERITIES[-1]}]$"},
    ],
    "title": "Severity",
    "description": "0 to 4, or S0 to S4.",
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": value})


class ClaimIn(BaseModel):
    """Nothing to say yet: the queue decides which case comes next."""

    model_config = _example({})


class LeaseIn(BaseModel):
    """The lease that the caller holds."""

    model_config = _example({"lease": 1})

    lease: LeaseNumber


class LawIn(BaseModel):
    """A provision of the law catalogue, with its elements that are met and those that are missing."""

    model_config = _example({"id": "POA29B", "met": ["threatening", "published"], "missing": ["intent"]})

    id: StrictStr
    met: list[StrictStr] = Field(default=[], max_length=40)
    missing: list[StrictStr] = Field(default=[], max_length=40)


class DecisionIn(BaseModel):
    """What a person says of the case they hold, and why."""

    model_config = _example(
        {
            "lease": 1,
            "outcome": "no_action",
            "outcome_detail": "not_hate",
            "strands": [],
            "severity": 0,
            "reason": "An open day is announced; nobody is attacked.",
        }
    )

    lease: LeaseNumber
    outcome: StrictStr = Field(description="One of the `outcomes` of the claim, in any letter case.")
    outcome_detail: StrictStr | None = Field(default=None, description="One of the outcome's details.")
    strands: list[StrictStr] = Field(description="Those that apply; may be empty.", max_length=30)
    # Judged in deciding.check_severity: a union here would put its own branches into the name of the field.
    severity: Annotated[Any, WithJsonSchema(SEVERITY_SCHEMA)]
    reason: StrictStr = Field(description="1 to 5,000 characters: what another officer must know.")
    codes: list[StrictStr] = Field(
        default=[], description="Of the codebook, of those strands.", max_length=40
    )
    speech_act: StrictStr | None = Field(default=None, description="A speech act of the codebook.")
    context_flags: list[StrictStr] = Field(default=[], description="Flags of the codebook.", max_length=40)
    confidence: Literal["high", "medium", "low"] = "high"
    standard: StrictStr | None = Field(default=None, description="The standard of proof that was applied.")
    law: list[LawIn] = Field(default=[], description="Elements; some outcomes ask for them.", max_length=20)
    proportionality: StrictStr = Field(default="", description="Some outcomes, and S1 and S2, ask for it.")
    saw_scores: StrictBool = Field(default=False, description="Whether the scores were shown before judging.")


class LeaseOut(BaseModel):
    """A live lease. `number` goes with every request about the case; after `expires_at` it is lost."""

    number: int
    expires_at: datetime


class HeartbeatOut(BaseModel):
    """The lease with its new end."""

    model_config = _example({"lease": EXAMPLE_LEASE})

    lease: LeaseOut


class ReleasedOut(BaseModel):
    """The case, back in the queue."""

    model_config = _example({"case_id": EXAMPLE_CASE_ID, "state": "captured"})

    case_id: str
    state: str


class CaseScores(BaseModel):
    """The machine's scores, each from 0 to 1, null where the text could not be scored."""

    hate: float | None
    antisemitic: float | None
    islamophobic: float | None
    far_right: float | None


class CasePostOut(BaseModel):
    """A post of a case as it was sent, with the machine's newest scores and the bundle that gave them.

    `scores` and `reason` are null while the rules of the queue keep them from readers.
    """

    post_id: str
    id: str | None
    text: str
    platform: str | None
    url: str | None
    author: str | None
    posted_at: datetime | None
    received_at: datetime
    scores: CaseScores | None
    route: str | None
    reason: str | None
    bundle: str | None


class DecisionOut(BaseModel):
    """A decision with everything it stood on."""

    model_config = _example(EXAMPLE_DECISION)

    decision_id: str
    case_id: str
    decided_at: datetime
    decided_by: str
    cycle: int
    supersedes: str | None
    outcome: str
    outcome_detail: str | None
    strands: list[str]
    codes: list[str]
    severity: int
    standard: str | None
    law: list[dict[str, Any]]
    proportionality: str
    reason: str
    dissent: list[dict[str, Any]]
    bundles: list[str]
    policy_sha256: str
    outcomes_sha256: str
    codebook_sha256: str
    law_sha256: str | None


class JudgedOut(BaseModel):
    """What came of a judgement: the case's state, and its decision unless somebody else must read it too."""

    model_config = _example(
        {
            "case_id": EXAMPLE_CASE_ID,
            "state": "no_action",
            "judgement_id": "01KAJZ2M5T8Q3W7X9Y1Z4B6C8H",
            "decision": EXAMPLE_DECISION,
        }
    )

    case_id: str
    state: str
    judgement_id: str
    decision: DecisionOut | None


class CaseSummary(BaseModel):
    """A case without its posts."""

    case_id: str
    state: str
    route: str
    strands: list[str]
    priority: Priority
    due_class: str
    due_at: datetime | None
    created_at: datetime
    decided_at: datetime | None


class CaseOut(BaseModel):
    """A case with its posts; `lease` only if it is the caller's own and live."""

    model_config = _example({**EXAMPLE_CASE, "decided_at": None, "lease": EXAMPLE_LEASE, "decision": None})

    case_id: str
    state: str
    route: str
    reason: str | None
    strands: list[str]
    priority: Priority
    created_at: datetime
    decided_at: datetime | None
    posts: list[CasePostOut]
    lease: LeaseOut | None
    decision: DecisionOut | None


class ClaimOut(BaseModel):
    """The claimed case, the lease on it, and the codes of the outcomes that may be decided today."""

    model_config = _example(
        {**EXAMPLE_CASE, "lease": EXAMPLE_LEASE, "outcomes": ["platform_notice", "no_action"]}
    )

    case_id: str
    state: str
    route: str
    reason: str | None
    strands: list[str]
    priority: Priority
    created_at: datetime
    posts: list[CasePostOut]
    lease: LeaseOut
    outcomes: list[str]


class CasePageOut(BaseModel):
    """A page of cases; `next` goes into `after` for the following page and is null on the last."""

    model_config = _example(
        {
            "cases": [
                {
                    "case_id": EXAMPLE_CASE_ID,
                    "state": "captured",
                    "route": "low_priority",
                    "strands": [],
                    "priority": 0.0188,
                    "due_class": "routine",
                    "due_at": "2026-12-11T17:00:00Z",
                    "created_at": "2026-11-21T09:31:02.380Z",
                    "decided_at": None,
                }
            ],
            "next": None,
        }
    )

    cases: list[CaseSummary]
    next: str | None
