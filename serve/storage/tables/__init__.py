"""Every table of the hub: the schema is one read, a file for each kind of thing.

The same definitions serve SQLite and PostgreSQL. Instants are UTC (`UtcDateTime`). Lists and
small objects are JSON. Nothing here has behaviour: rules live in the rooms.
"""

from __future__ import annotations

from serve.storage.tables.cases import Case, CasePost, Decision
from serve.storage.tables.exposure import Break, ExposurePreferences, Reading, WentOn
from serve.storage.tables.labelling import LabelRow, Task
from serve.storage.tables.log import AuditEvent
from serve.storage.tables.people import ApiKey, IdempotencyKey, Officer, Session, SignInAttempt
from serve.storage.tables.posts import Post, PostScores
from serve.storage.tables.research import SuiteResult, SuiteRow, SuiteRun
from serve.storage.tables.row import Row, RowNumber, UtcDateTime

__all__ = [
    "ApiKey",
    "AuditEvent",
    "Break",
    "Case",
    "CasePost",
    "Decision",
    "ExposurePreferences",
    "IdempotencyKey",
    "LabelRow",
    "Officer",
    "Post",
    "PostScores",
    "Reading",
    "Row",
    "RowNumber",
    "Session",
    "SignInAttempt",
    "SuiteResult",
    "SuiteRow",
    "SuiteRun",
    "Task",
    "UtcDateTime",
    "WentOn",
]
