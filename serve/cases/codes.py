"""The codebook's codes and flags as a judgement may name them, and which of them are contested.

The codebook's full shape belongs to `labelling/codebook.py`, which stands above `serve` and cannot be
imported here; a judgement needs four lists of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from model.configuration import load_yaml
from model.errors import BadInput


class Code(BaseModel):
    """A code of a strand. `sensitive`: contested, so never on one person's word."""

    # extra="ignore" against the house rule: labelling/codebook.py reads the same file whole and is strict.
    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    title: str
    meaning: str
    sensitive: bool = False


class Strand(BaseModel):
    """A strand with its codes."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # the same reason as above

    value: str
    title: str
    codes: tuple[Code, ...] = ()


class Flag(BaseModel):
    """A context flag or a speech act."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # the same reason as above

    value: str
    title: str
    meaning: str = ""


class JudgementCodes(BaseModel):
    """What a judgement may name, with the codebook's version."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # the same reason as above

    version: str
    strands: tuple[Strand, ...]
    speech_acts: tuple[Flag, ...]
    context_flags: tuple[Flag, ...]

    def check_codes(self, codes: Sequence[str], strands: Sequence[str]) -> list[str]:
        """The codes once each, in the codebook's order; of chosen strands only. Raises: BadInput."""
        allowed = {code.code: strand.value for strand in self.strands for code in strand.codes}
        unknown = [code for code in codes if code not in allowed]
        if unknown:
            raise BadInput("codes: not in the codebook", field="codes")
        if any(allowed[code] not in strands for code in codes):
            raise BadInput("codes: each of a strand that was chosen", field="codes")
        return [code for code in allowed if code in codes]

    def contested(self, codes: Sequence[str]) -> list[str]:
        """Those of the codes that touch political speech: they take a second reader."""
        sensitive = {code.code for strand in self.strands for code in strand.codes if code.sensitive}
        return [code for code in codes if code in sensitive]

    def check_flags(self, flags: Sequence[str]) -> list[str]:
        """The context flags once each, in the codebook's order. Raises: BadInput."""
        known = [flag.value for flag in self.context_flags]
        if set(flags) - set(known):
            raise BadInput(f"context_flags: each one of {', '.join(known)}", field="context_flags")
        return [flag for flag in known if flag in flags]

    def check_speech_act(self, act: str | None) -> str | None:
        """The speech act, or None where none was said. Raises: BadInput."""
        if act is None or act == "":
            return None
        known = [one.value for one in self.speech_acts]
        if act not in known:
            raise BadInput(f"speech_act: one of {', '.join(known)}", field="speech_act")
        return act


def load_codes(codebook: Path) -> JudgementCodes:
    """The codes of a codebook file. Raises: BadConfig."""
    return load_yaml(codebook, JudgementCodes)[0]
