"""A hub that scores nothing, opened without a bundle: for programs that only work the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from model.configuration import configs_folder
from model.policy import load_policy
from serve.cases.codes import load_codes
from serve.cases.law import load_law
from serve.cases.ordering import load_queue_rules
from serve.cases.outcomes import load_outcomes
from serve.cases.workflow.timers import load_workflow
from serve.hub import Hub
from serve.registry.live import LiveModels
from serve.settings import Settings
from serve.storage.engine import Database


def bare_hub(url: str, home: Path) -> Hub:
    """The parts of a hub on this database, with the rules that ship."""
    configs = configs_folder()
    return Hub(
        settings=Settings(home=home),
        database=Database(url),
        models=LiveModels(cast("Any", None)),  # nothing is scored here
        policy=load_policy(configs / "policy" / "officer.yaml"),
        outcomes=load_outcomes(configs / "policy" / "outcomes.yaml"),
        workflow=load_workflow(),
        queue_rules=load_queue_rules(),
        law=load_law(),
        codes=load_codes(configs / "codebook" / "codebook-v1.yaml"),
        codebook_sha256="0" * 64,
    )
