"""Every fault the product raises on purpose: one root, a stable code each.

Codes are part of the public contract (API bodies, `watchhouse score` rows) and are never reused.
HTTP status numbers live in `serve/problems.py` only: faults are raised below HTTP.
A message names the field at fault and never contains submitted text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Fault(Exception):  # noqa: N818 - "Fault" is the house word; subclasses are named for what went wrong
    """A refusal with a stable `code` and a message that is safe to show to anybody.

    `members` are further facts for the caller (say, the rows that were refused), as safe to show as
    the message; over HTTP they stand beside `code` in the problem.
    """

    code = "fault"

    def __init__(
        self, message: str, *, field: str | None = None, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.members = dict(members or {})


class BadInput(Fault):
    """Something in the request or the row cannot be used as it stands."""

    code = "bad_input"


class NotText(BadInput):
    """The text has a NUL, a lone surrogate, or is not a string at all."""

    code = "not_text"


class TextEmpty(BadInput):
    """The text has no characters besides white space and invisible ones."""

    code = "text_empty"


class TextTooLong(BadInput):
    """The text has more characters than `MAX_TEXT_CHARACTERS`."""

    code = "text_too_long"


class BadBody(BadInput):
    """The request body is not the JSON that it should be."""

    code = "bad_body"


class BodyTooDeep(BadBody):
    """The JSON nests deeper than the limit."""

    code = "body_too_deep"


class BodyTooLarge(Fault):
    """The request body has more bytes than the limit."""

    code = "body_too_large"


class BadRecord(BadInput):
    """A row of an input file cannot be read; the message gives its number and field."""

    code = "bad_record"


class WrongContentType(Fault):
    """The body is of a content type that this address does not take."""

    code = "wrong_content_type"


class BadFile(BadInput):
    """A file cannot be opened, or is not of the format that its name says; the message names it."""

    code = "bad_file"


class NotSignedIn(Fault):
    """No valid API key or session came with the request."""

    code = "not_signed_in"


class WrongCode(NotSignedIn):
    """The code of the second step is wrong, or was used before."""

    code = "wrong_code"


class NotAllowed(Fault):
    """The person or key is known, and may not do this."""

    code = "not_allowed"


class IdentityRefused(NotAllowed):
    """The sign-in service's answer does not let this person in; the message never quotes it."""

    code = "identity_refused"


class NotFound(Fault):
    """There is no such thing, or it is not for this person to know."""

    code = "not_found"


class MethodNotAllowed(Fault):
    """The address exists, and does not take this HTTP method."""

    code = "method_not_allowed"


class Conflict(Fault):
    """The thing is no longer in the state that the request assumes."""

    code = "conflict"


class LeaseLost(Conflict):
    """The lease that came with the request is not the case's live lease."""

    code = "lease_lost"


class CaseDecided(Conflict):
    """The case has been decided already."""

    code = "case_decided"


class KeyReused(Fault):
    """An Idempotency-Key came a second time with another body."""

    code = "idempotency_key_reused"


class KeyInUse(Conflict):
    """The first request with this Idempotency-Key is still running."""

    code = "idempotency_key_in_use"


class DuplicateName(Conflict):
    """The name is taken."""

    code = "duplicate_name"


class LastAdministrator(Conflict):
    """It would leave the hub without anybody who can manage people."""

    code = "last_administrator"


class TooMany(Fault):
    """More attempts than allowed in the time; try later."""

    code = "too_many"


class Unavailable(Fault):
    """A part that this needs (model, database) is not ready."""

    code = "unavailable"


class ProviderUnavailable(Unavailable):
    """The sign-in service does not answer, or not as its own description says."""

    code = "provider_unavailable"


class SecretUnreadable(Unavailable):
    """Something that was sealed with the hub's secret key does not open with the key that it has now."""

    code = "secret_unreadable"


class InternalError(Fault):
    """A bug of ours; the log has it under the request's id."""

    code = "internal_error"


class BundleRefused(Fault):
    """A bundle failed verification; the message names the file. Nothing is scored with it."""

    code = "bundle_refused"


class BadConfig(Fault):
    """A configuration file or setting is wrong; the message lists all faults at once."""

    code = "bad_config"


class LeakFound(Fault):
    """A text of an evaluation set was about to be trained on."""

    code = "leak_found"


class ExportRefused(Fault):
    """The exported network does not keep what the trained one promises."""

    code = "export_refused"
