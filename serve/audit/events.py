"""Everything the audit log can say: `source:subject:action`, past sense, never reused."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """A kind of thing that happened. The value is what is stored."""

    POST_STORED = "intake:post:stored"
    POST_SCORED = "scoring:post:scored"
    CASE_OPENED = "scoring:case:opened"
    CASE_CLAIMED = "cases:case:claimed"
    LEASE_RENEWED = "cases:lease:renewed"
    LEASE_RELEASED = "cases:lease:released"
    LEASE_EXPIRED = "cases:lease:expired"
    CASE_DECIDED = "cases:case:decided"
    POST_REVEALED = "console:post:revealed"
    KEY_CREATED = "people:key:created"
    KEY_REVOKED = "people:key:revoked"
    OFFICER_CREATED = "people:officer:created"
    OFFICER_DISABLED = "people:officer:disabled"
    PREFERENCES_CHANGED = "people:preferences:changed"
    SIGNED_IN = "people:officer:signed_in"
    SIGN_IN_REFUSED = "people:officer:sign_in_refused"
    SIGNED_OUT = "people:officer:signed_out"
    TASK_ADDED = "labelling:task:added"
    TASK_CLAIMED = "labelling:task:claimed"
    TASK_LEASE_RENEWED = "labelling:lease:renewed"
    TASK_LEASE_RELEASED = "labelling:lease:released"
    TASK_LEASE_EXPIRED = "labelling:lease:expired"
    TASK_SKIPPED = "labelling:task:skipped"
    LABEL_SAVED = "labelling:label:saved"
    LABEL_UNDONE = "labelling:label:undone"
    LABELS_EXPORTED = "labelling:labels:exported"
    REPORT_DOWNLOADED = "research:report:downloaded"
    SUITE_UPLOADED = "research:suite:uploaded"
    SUITE_DISCARDED = "research:suite:discarded"
    SUITE_RUN_REQUESTED = "research:run:requested"
    SUITE_RUN_FINISHED = "research:run:finished"
    SUITE_TEXTS_SHOWN = "research:texts:shown"
    EXTRACT_MADE = "research:extract:made"
