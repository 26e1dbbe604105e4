"""Every table of the hub: the schema is one read, a file for each kind of thing.

The same definitions serve SQLite and PostgreSQL. Instants are UTC (`UtcDateTime`). Lists and
small objects are JSON. Nothing here has behaviour: rules live in the rooms.
"""

from __future__ import annotations

from serve.storage.tables.cases import (
    CLAIMABLE,
    HELD,
    Case,
    CasePost,
    CaseSkip,
    CaseStep,
    Draft,
    Note,
    Report,
)
from serve.storage.tables.decisions import Appeal, Decision, DecisionPost, Judgement, PostReversal
from serve.storage.tables.exposure import Break, ExposurePreferences, Reading, WentOn
from serve.storage.tables.finding import SavedFilter, SearchEntry
from serve.storage.tables.labelling import (
    Adjudication,
    BatchRow,
    GoldItem,
    LabelRow,
    LabelSuspect,
    PracticeAnswer,
    Quarantined,
    Task,
    TaskSlot,
    TermReview,
)
from serve.storage.tables.log import AuditEvent
from serve.storage.tables.people import (
    ApiKey,
    IdempotencyKey,
    Officer,
    RecoveryCode,
    RoleGrant,
    Session,
    SignInAttempt,
    SignInStep,
    UsedState,
)
from serve.storage.tables.posts import Post, PostScores
from serve.storage.tables.registry import (
    AliasChange,
    BundleAlias,
    BundleRow,
    GateVerdict,
    Promotion,
    ShadowScores,
)
from serve.storage.tables.research import SuiteResult, SuiteRow, SuiteRun
from serve.storage.tables.row import Row, RowNumber, UtcDateTime
from serve.storage.tables.texts import CaseText, DistinctText, PostText, TextBand, TextSeparation

__all__ = [
    "CLAIMABLE",
    "HELD",
    "Adjudication",
    "AliasChange",
    "ApiKey",
    "Appeal",
    "AuditEvent",
    "BatchRow",
    "Break",
    "BundleAlias",
    "BundleRow",
    "Case",
    "CasePost",
    "CaseSkip",
    "CaseStep",
    "CaseText",
    "Decision",
    "DecisionPost",
    "DistinctText",
    "Draft",
    "ExposurePreferences",
    "GateVerdict",
    "GoldItem",
    "IdempotencyKey",
    "Judgement",
    "LabelRow",
    "LabelSuspect",
    "Note",
    "Officer",
    "Post",
    "PostReversal",
    "PostScores",
    "PostText",
    "PracticeAnswer",
    "Promotion",
    "Quarantined",
    "Reading",
    "RecoveryCode",
    "Report",
    "RoleGrant",
    "Row",
    "RowNumber",
    "SavedFilter",
    "SearchEntry",
    "Session",
    "ShadowScores",
    "SignInAttempt",
    "SignInStep",
    "SuiteResult",
    "SuiteRow",
    "SuiteRun",
    "Task",
    "TaskSlot",
    "TermReview",
    "TextBand",
    "TextSeparation",
    "UsedState",
    "UtcDateTime",
    "WentOn",
]
