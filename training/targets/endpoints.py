"""A scoring endpoint as a target: asked in batches, patiently, and never with the key in a message."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from model.errors import BadConfig, BadRecord, NotAllowed, Unavailable
from model.turns import in_turn
from training.targets.answer_fields import wrong
from training.targets.remembering import Answer, RememberingTarget
from training.targets.shapes import REFUSED, SHAPES, TOO_MANY, Shape
from training.targets.specs import read_options
from training.targets.target_settings import EndpointNames, TargetSettings
from training.targets.transport import Address, Transport

KEY_VARIABLE: Final = "WATCHHOUSE_TARGET_KEY"
SCHEME = re.compile(rf"({'|'.join(SHAPES)})\+(https?)://")
PROBE: Final = "The library opens at nine."
"""Asked when a target is opened: a wrong address, key or shape shows before the first post is sent."""

NOT_TEXT: Final = "not_text"
_REFUSALS = (
    httpx.codes.BAD_REQUEST,
    httpx.codes.REQUEST_ENTITY_TOO_LARGE,
    httpx.codes.UNPROCESSABLE_ENTITY,
)
_KEY = re.compile(r"[!-~]+")


class EndpointTarget(RememberingTarget):
    """Scores over HTTP. A text that the endpoint refuses has none; its reason is the endpoint's.

    Raises: as `score`, on opening, for a text of ours that every endpoint takes.
    """

    def __init__(
        self,
        name: str,
        shape: Shape,
        transport: Transport,
        names: EndpointNames,
        thresholds: Mapping[str, float],
    ) -> None:
        self._shape = shape
        self._transport = transport
        self._sizes = names
        self._model: str | None = None
        model = self._probe() or shape.model()
        called = " ".join(f"{head}={','.join(shape.names[head])}" for head in shape.names)
        identity = " ".join(part for part in (self._shown, model, called) if part)
        super().__init__(name, identity, tuple(shape.names), thresholds)

    def _probe(self) -> str | None:
        """The model's name, where the endpoint tells it."""
        with self._transport.opened() as client:
            answers = self._asked(client, [PROBE])
        if isinstance(answers[0], str):
            raise BadConfig(f"{self._shown}: does not score even a plain English sentence", field="target")
        return self._model

    def _ask(self, texts: Sequence[str]) -> Iterator[Answer]:
        size, at_once = self._sizes.posts_per_request, self._sizes.at_once
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        with self._transport.opened() as client, ThreadPoolExecutor(at_once) as pool:
            for answers in in_turn(pool, lambda batch: self._sendable(client, batch), batches, at_once):
                yield from answers

    def _sendable(self, client: httpx.Client, texts: Sequence[str]) -> list[Answer]:
        """As `_asked`, without the texts that are no UTF-8 and so cannot be sent."""
        fit = [text for text in texts if _is_utf8(text)]
        answers = iter(self._asked(client, fit) if fit else ())
        return [next(answers) if _is_utf8(text) else NOT_TEXT for text in texts]

    def _asked(self, client: httpx.Client, texts: Sequence[str]) -> list[Answer]:
        """The answers for the texts, asked together; those that had no room are asked again."""
        answers = self._answers(client, texts)
        if answers is None:  # a request that is refused whole is halved until the texts at fault stand alone
            middle = len(texts) // 2
            return self._asked(client, texts[:middle]) + self._asked(client, texts[middle:])
        left = [place for place, answer in enumerate(answers) if answer == TOO_MANY]
        if len(left) == len(texts):
            raise Unavailable(f"{self._shown}: has no room even for one post", field="target")
        if left:
            for place, answer in zip(left, self._asked(client, [texts[at] for at in left]), strict=True):
                answers[place] = answer
        return answers

    def _answers(self, client: httpx.Client, texts: Sequence[str]) -> list[Answer] | None:
        """One request's answers; None if it was refused without a word on its several texts."""
        response = self._transport.post(client, self._shape.body(texts))
        status = response.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise NotAllowed(
                f"{self._shown}: refuses the key (status {status}); it is read from {KEY_VARIABLE}"
            )
        if status in _REFUSALS:
            refused = self._shape.read_refusal(_json(response, lenient=True), len(texts))
            if refused is None and len(texts) == 1:
                if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
                    return [REFUSED]
                raise BadRecord(f"{self._shown}: refuses the request (status {status})", field="target")
            return refused
        if not response.is_success:
            raise Unavailable(f"{self._shown}: answers with status {status}", field="target")
        answers, model = self._shape.read(_json(response), len(texts))
        if model is not None and self._model not in (None, model):
            raise BadRecord("answer: the model is another one than at the start", field="model")
        self._model = model
        return answers

    @property
    def _shown(self) -> str:
        return self._transport.address.shown


def open_endpoint(
    spec: str, key: str | None, settings: TargetSettings, *, sleep: Callable[[float], None] = time.sleep
) -> EndpointTarget:
    """The endpoint of a spec such as `perspective+https://HOST?hate=TOXICITY`.

    Raises: BadConfig for a spec that cannot be used; what `Target.score` raises if the endpoint does not
        score a first sentence of ours.
    """
    found = SCHEME.match(spec)
    if found is None:
        raise BadConfig(f"target: an endpoint is {'|'.join(SHAPES)}+http(s)://HOST", field="target")
    kind, protocol = found.groups()
    host, base, query = _parts(f"{protocol}://{spec[found.end() :]}")
    names: EndpointNames = getattr(settings, kind)
    options = read_options(query, SHAPES[kind].further)
    called = options.names or names.heads
    if key is not None and not _KEY.fullmatch(key):
        raise BadConfig(f"{KEY_VARIABLE}: must be visible ASCII characters", field=KEY_VARIABLE)
    shape = SHAPES[kind](called, {**names.defaults, **options.further})
    address = Address(_joined(base, shape.path), shape.params(key), shape.headers(key))
    thresholds = {
        head: options.thresholds.get(head, names.thresholds.get(head, settings.threshold)) for head in called
    }
    transport = Transport(address, settings.asking, sleep)
    return EndpointTarget(f"{kind} {host}", shape, transport, names, thresholds)


def _parts(url: str) -> tuple[str, str, str]:
    """Host with port, the address without its query, and the query. Raises: BadConfig without the URL."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        host = None
    if not host or parts.fragment:
        raise BadConfig("target: the address wants a host, perhaps a port and a path", field="target")
    if "@" in parts.netloc:
        raise BadConfig(
            f"target: the address may hold no user name or password; the key is read from {KEY_VARIABLE}",
            field="target",
        )
    return parts.netloc, f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), parts.query


def _joined(base: str, path: str) -> str:
    """The full address, whether `base` ends before the path, behind its version, or with it."""
    first = "/" + path.split("/")[1]
    if base.endswith(path):
        return base
    return base + (path.removeprefix(first) if base.endswith(first) else path)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json(response: httpx.Response, *, lenient: bool = False) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        if lenient:
            return None
        raise wrong((), "not JSON") from None
