"""One running hub: what every request may reach, built once in `create_app` and passed down."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from fastapi import Request

from model.classifier import Classifier
from model.policy import Policy
from serve.cases.codes import JudgementCodes
from serve.cases.law import LawCatalogue
from serve.cases.ordering import QueueRules
from serve.cases.outcomes import OutcomeCatalogue
from serve.cases.workflow.timers import WorkflowRules
from serve.people.exposure.policy import ExposurePolicy, load_exposure
from serve.registry.live import LiveModels
from serve.settings import Settings
from serve.storage.engine import Database


@dataclass(frozen=True)
class Hub:
    """The parts of a hub. `posts_waiting` and `suites_waiting` wake whoever scores what was just stored."""

    settings: Settings
    database: Database
    models: LiveModels
    policy: Policy
    outcomes: OutcomeCatalogue
    workflow: WorkflowRules
    queue_rules: QueueRules
    law: LawCatalogue
    codes: JudgementCodes
    codebook_sha256: str
    exposure: ExposurePolicy = field(default_factory=load_exposure)
    posts_waiting: threading.Event = field(default_factory=threading.Event)
    suites_waiting: threading.Event = field(default_factory=threading.Event)

    @property
    def classifier(self) -> Classifier:
        """The classifier whose scores count now. Take it once a batch: the next reading may give another."""
        return self.models.current


def hub_of(request: Request) -> Hub:
    """The hub that serves this request."""
    hub: Hub = request.app.state.hub
    return hub
