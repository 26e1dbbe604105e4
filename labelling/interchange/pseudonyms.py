"""Names of annotators in other tools, as pseudonyms: no import brings a person's name into our files."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping as Names

from labelling.interchange.quarantine import Reason, refused

_OURS = re.compile(r"annotator-[0-9a-f]{12}")


class Pseudonyms:
    """Gives each foreign name its pseudonym, the same each time and in each file of that tool.

    Without a `key` anybody who guesses a name can check the guess; with one, only who has the key can.
    """

    def __init__(self, tool: str, known: Names[str, str], *, keep: bool = False, key: bytes = b"") -> None:
        self._tool, self._known, self._keep, self._key = tool, known, keep, key

    def of(self, name: object) -> str | None:
        """The pseudonym of a name or number; None for none.

        Raises: BadRecord when it is neither.
        """
        if name is None or name == "":
            return None
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise refused(Reason.WRONG_SHAPE, "annotator: neither a name nor a number")
        name = str(name)
        if name in self._known:
            return self._known[name]
        if self._keep or _OURS.fullmatch(name):
            return name
        told = f"{self._tool}:{name}".encode("utf-8", "surrogatepass")
        return f"annotator-{hmac.new(self._key, told, hashlib.sha256).hexdigest()[:12]}"
