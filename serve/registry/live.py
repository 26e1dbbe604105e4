"""The classifier that scores now: it changes when the alias does, whole, and never in mid-batch.

Whoever scores takes `models.current` once and keeps it to the end of its batch: scores, thresholds and bundle
id then belong together. Every process looks at the alias by itself, so a promotion or a way back reaches all
replicas within seconds, and none has to be restarted. A bundle that cannot be loaded changes nothing:
the process goes on with the one it has, says so in its log, and is not ready.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

import structlog

from model.bundle import Bundle
from model.classifier import Classifier
from model.errors import Fault, NotFound
from model.language import ANY_LANGUAGE, check_languages, load_identifier
from serve.logs import described
from serve.registry.aliases import aliases, begin
from serve.registry.bundles import load_registered, register
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import BundleRow
from serve.worker import Worker

ACTOR: Final = "system:bundles"
LOOK_SECONDS: Final = 2.0
"""How often a process looks whether another bundle is to score."""


class LiveModels:
    """The classifier that scores, and the shadow if there is one; both change under the reader's hands.

    Safe to read from every thread: each reading gives one whole classifier.
    """

    def __init__(self, current: Classifier) -> None:
        self._current = current
        self._shadow: Classifier | None = None
        self.is_well = True
        """False while a bundle that should score cannot be loaded."""

    @property
    def current(self) -> Classifier:
        """The classifier whose scores count."""
        return self._current

    @property
    def shadow(self) -> Classifier | None:
        """The classifier that scores beside it, unseen; None if there is none."""
        return self._shadow

    def replace(self, current: Classifier, shadow: Classifier | None) -> None:
        """Puts other classifiers in their place, for whoever asks from now on."""
        self._shadow = shadow
        self._current = current


class BundleWatch:
    """The background thread that follows the aliases."""

    def __init__(self, models: LiveModels, database: Database, home: Path, *, threads: int) -> None:
        self._models = models
        self._database = database
        self._home = home
        self._threads = threads
        self._lock = threading.Lock()
        self.worker = Worker("bundles", self.look, poll_seconds=LOOK_SECONDS)

    def look(self) -> bool:
        """Loads what the aliases name where that is not what is loaded; never more to do at once."""
        with self._database.read() as session:
            named = aliases(session)
        if named is None:
            return False
        with self._lock:
            loaded = self._models
            shadow_id = None if loaded.shadow is None else loaded.shadow.bundle_id
            if (loaded.current.bundle_id, shadow_id) == (named.current, named.shadow) and loaded.is_well:
                return False
            try:
                current = self._loaded(named.current)
                shadow = None if named.shadow is None else self._loaded(named.shadow)
            except (Fault, OSError) as error:
                loaded.is_well = False
                structlog.get_logger().error("a bundle cannot be loaded", **described(error))
                return False
            loaded.replace(current, shadow)
            loaded.is_well = True
            structlog.get_logger().info(
                "bundles in use", current=named.current, shadow=named.shadow or "none"
            )
        return False

    def _loaded(self, bundle_id: str) -> Classifier:
        for known in (self._models.current, self._models.shadow):
            if known is not None and known.bundle_id == bundle_id:
                return known
        with self._database.read() as session:
            row = session.get(BundleRow, bundle_id)
        if row is None:
            raise NotFound("bundle: it is not registered", field="bundle")
        return classifier_of(load_registered(self._home, row), threads=self._threads)


def classifier_of(bundle: Bundle, *, threads: int) -> Classifier:
    """A classifier of a verified bundle, its languages known to the identifier. Raises: BadConfig."""
    # Here, not at the top: onnxruntime takes a quarter second that callers of the types need not pay.
    from model.onnx_classifier import OnnxClassifier

    classifier = OnnxClassifier(bundle, threads=threads)
    check_languages(classifier.languages)
    if ANY_LANGUAGE not in classifier.languages:
        load_identifier()
    return classifier


def begin_with(database: Database, home: Path, folder: Path) -> BundleRow:
    """Registers the bundle that a hub starts with; on a hub without aliases it becomes the current one.

    A hub that has aliases keeps them: `bundle` in its settings is where it began, not where it is.

    Raises: BundleRefused.
    """
    with database.write() as session:
        row = register(session, home=home, folder=folder, actor=ACTOR, now=utc_now())
        named = begin(session, bundle_id=row.bundle_id, actor=ACTOR, now=utc_now())
        current = session.get(BundleRow, named.current)
    if current is None:
        raise NotFound("bundle: the current one is not registered", field="bundle")
    return current
