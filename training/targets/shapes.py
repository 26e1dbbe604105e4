"""The four shapes of scoring endpoint: what each is sent, how it answers, and how it says no.

Source: INTERFACES.md section 1 (1.1 Perspective, 1.2 OpenAI, 1.3 Azure); serve/scoring/schemas.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from model.errors import BadConfig, BadRecord
from training.targets.answer_fields import at, plain, rows, share, whole, wrong
from training.targets.remembering import LANGUAGE, NOT_SCORED, Answer

REFUSED: Final = "refused"
"""The endpoint does not take the text, and gives no reason that we know."""

TOO_MANY: Final = "too_many"
"""The text had no room in its request and is to be sent in another one."""

Names = Mapping[str, tuple[str, ...]]
Read = tuple[list[Answer], str | None]
"""One answer for each text of the request; the model's name where the answer tells it."""


@dataclass(frozen=True)
class Shape(ABC):
    """How one kind of endpoint is spoken to. `names` holds its names for our heads."""

    names: Names
    parameters: Mapping[str, str]

    path: ClassVar[str]
    further: ClassVar[tuple[str, ...]] = ()
    """The parameters that a spec may hold for it."""

    def __post_init__(self) -> None:
        """Raises: BadConfig for a head without a name."""
        for head, names in self.names.items():
            if not names or not all(names):
                raise BadConfig(f"target: {head}: wants one or more names", field="target")

    @abstractmethod
    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """The JSON of a request."""

    @abstractmethod
    def read(self, answer: Any, count: int) -> Read:
        """What a good answer says. Raises: BadRecord naming the field that is wrong."""

    def read_refusal(self, answer: Any, count: int) -> list[Answer] | None:
        """What a refused request (400, 413, 422) says of its texts; None if it says nothing of them."""
        return [REFUSED] if count == 1 else None

    def params(self, key: str | None) -> dict[str, str]:
        """What stands in the address."""
        return {}

    def headers(self, key: str | None) -> dict[str, str]:
        """What lets the request in."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def model(self) -> str:
        """What stands for the model where the answer does not name it; empty: nothing does."""
        return ""

    def largest(self, answer: Any, path: tuple[str | int, ...], *ends: str) -> dict[str, float]:
        """By head the largest share that stands at `path`, NAME, `ends`."""
        return {
            head: max(share(answer, *path, name, *ends) for name in names)
            for head, names in self.names.items()
        }


class WatchhouseShape(Shape):
    """Our own `/v1/score`: many posts a request, a row for each, whatever is wrong with the others."""

    path = "/v1/score"

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """`{"posts": [{"id", "text"}]}`."""
        return {"posts": [{"id": str(place), "text": text} for place, text in enumerate(texts)]}

    def read(self, answer: Any, count: int) -> Read:
        """Scores, or `language`, or the code of the fault."""
        return self._rows(answer, count), plain(answer, "bundle")

    def read_refusal(self, answer: Any, count: int) -> list[Answer] | None:
        """A request none of whose posts can be scored is refused whole, with the same rows."""
        return self._rows(answer, count) if isinstance(answer, dict) and "results" in answer else None

    def _rows(self, answer: Any, count: int) -> list[Answer]:
        rows(answer, "results", count=count)
        return [self._row(answer, place) for place in range(count)]

    def _row(self, answer: Any, place: int) -> Answer:
        here = ("results", place)
        row = at(answer, *here)
        if at(answer, *here, "id") != str(place):
            raise wrong((*here, "id"), "is not the id of the post in this place")
        if "error" in row:
            return plain(answer, *here, "error")
        if row.get("not_scored") is not None:
            return LANGUAGE if plain(answer, *here, "not_scored") == LANGUAGE else NOT_SCORED
        return self.largest(answer, (*here, "scores"))


class PerspectiveShape(Shape):
    """Perspective's `comments:analyze`: one comment a request, a score for each attribute."""

    path = "/v1alpha1/comments:analyze"
    further = ("language",)
    refusals: ClassVar[dict[str, str]] = {
        "COMMENT_TOO_LONG": "comment_too_long",
        "COMMENT_EMPTY": "comment_empty",
        "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE": LANGUAGE,
        "LANGUAGE_DETECTION_FAILED": LANGUAGE,
    }
    """By `errorType`: what is wrong with the text. Every other type is a fault of the request."""

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """One comment, its attributes, and that it may not be stored."""
        attributes = sorted({name for names in self.names.values() for name in names})
        sent: dict[str, Any] = {
            "comment": {"text": texts[0], "type": "PLAIN_TEXT"},
            "requestedAttributes": {name: {} for name in attributes},
            "doNotStore": True,
        }
        if language := self.parameters.get("language"):
            sent["languages"] = [language]
        return sent

    def read(self, answer: Any, count: int) -> Read:
        """The summary score of each attribute."""
        return [self.largest(answer, ("attributeScores",), "summaryScore", "value")], None

    def read_refusal(self, answer: Any, count: int) -> list[Answer] | None:
        """The comment's refusal by `error.details[].errorType`."""
        try:
            details = at(answer, "error", "details")
            kinds = [at(details, place, "errorType") for place in range(len(details))]
        except (BadRecord, TypeError):
            return None
        known = [self.refusals[kind] for kind in kinds if kind in self.refusals]
        return [known[0]] if known else None

    def params(self, key: str | None) -> dict[str, str]:
        """The key is part of the address, as Perspective has it."""
        return {"key": key} if key else {}

    def headers(self, key: str | None) -> dict[str, str]:
        """None."""
        return {}


class OpenAiShape(Shape):
    """OpenAI's moderations: many inputs a request, a score for each category."""

    path = "/v1/moderations"
    further = ("model",)

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """The inputs and the model."""
        return {"input": list(texts), "model": self.parameters["model"]}

    def read(self, answer: Any, count: int) -> Read:
        """`category_scores`; a category that was applied to no input was not scored."""
        rows(answer, "results", count=count)
        return [self._row(answer, place) for place in range(count)], plain(answer, "model")

    def _row(self, answer: Any, place: int) -> Answer:
        here = ("results", place)
        scores = self.largest(answer, (*here, "category_scores"))
        applied = at(answer, *here).get("category_applied_input_types")
        if isinstance(applied, dict):
            scores = {
                head: value
                for head, value in scores.items()
                if any(applied.get(name) != [] for name in self.names[head])
            }
        return scores or NOT_SCORED


class AzureShape(Shape):
    """Azure's `text:analyze`: one text a request; a severity for each category, as a share of the worst."""

    path = "/contentsafety/text:analyze"
    further = ("api_version", "output_type")
    worst: ClassVar[dict[str, int]] = {"FourSeverityLevels": 6, "EightSeverityLevels": 7}
    """By output type the largest severity: 0, 2, 4, 6 or 0 to 7."""

    def __post_init__(self) -> None:
        """Raises: BadConfig for an output type that Azure does not have."""
        super().__post_init__()
        if self.parameters["output_type"] not in self.worst:
            raise BadConfig(f"target: output_type is one of {', '.join(self.worst)}", field="target")

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """One text and its categories."""
        categories = sorted({name for names in self.names.values() for name in names})
        return {"text": texts[0], "categories": categories, "outputType": self.parameters["output_type"]}

    def read(self, answer: Any, count: int) -> Read:
        """`categoriesAnalysis`, a list in any order."""
        found = at(answer, "categoriesAnalysis")
        if not isinstance(found, list):
            raise wrong(("categoriesAnalysis",), "must be a list")
        worst = self.worst[self.parameters["output_type"]]
        severities: dict[str, float] = {}
        for place in range(len(found)):
            here = ("categoriesAnalysis", place)
            category = plain(answer, *here, "category")
            severities[category] = whole(answer, *here, "severity", most=worst) / worst
        by_category = {"categoriesAnalysis": severities}
        return [self.largest(by_category, ("categoriesAnalysis",))], None

    def params(self, key: str | None) -> dict[str, str]:
        """The version of the interface."""
        return {"api-version": self.parameters["api_version"]}

    def headers(self, key: str | None) -> dict[str, str]:
        """The key, in Azure's own header."""
        return {"Ocp-Apim-Subscription-Key": key} if key else {}

    def model(self) -> str:
        """The version of the interface: Azure names no model."""
        return f"api-version={self.parameters['api_version']}"


SHAPES: Final[dict[str, type[Shape]]] = {
    "watchhouse": WatchhouseShape,
    "perspective": PerspectiveShape,
    "openai": OpenAiShape,
    "azure": AzureShape,
}
