"""What roles and scopes mean, for the administrator who gives them."""

from __future__ import annotations

from typing import Final

from serve.people.roles import Role

ROLE_MEANINGS: Final[dict[Role, str]] = {
    Role.OFFICER: "Takes cases, reads posts, decides, refers, and labels.",
    Role.SUPERVISOR: "All that an officer does; judges between readers, reopens cases, reads the audit log.",
    Role.HUB_LEAD: "Judges between two readers, answers for queues and codebook; takes no case first.",
    Role.RECORDS_OFFICER: "Reads cases to keep or dispose of records.",
    Role.ANNOTATOR: "Labels texts, and reaches nothing else.",
    Role.RESEARCHER: "Reads evaluation reports, runs suites, takes extracts without names. No cases.",
    Role.AUDITOR: "Reads the audit log, and reaches no post.",
    Role.ADMIN: "Makes accounts and keys, and reaches no post.",
}

SCOPE_MEANINGS: Final[dict[str, str]] = {
    "score": "Scores texts; nothing is stored.",
    "posts": "Sends posts in, and asks what became of them.",
    "review": "Works the queue: reads posts, claims and decides cases.",
}
