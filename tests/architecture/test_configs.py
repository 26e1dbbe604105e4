"""Every file under configs/ is read by the code that owns it; a file that nobody claims is a mistake."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from labelling.codebook import load_codebook
from labelling.firewall import load_firewall
from labelling.interchange.mapping import load_mapping
from labelling.practice.courses import load_courses
from labelling.quality.adjudication_rules import load_adjudication_rules
from labelling.sampling.rules import load_sampling_rules
from model.configuration import configs_folder, load_yaml
from model.errors import BadConfig
from model.language import load_language_settings
from model.policy import load_policy
from serve.cases.law import load_law
from serve.cases.ordering import load_queue_rules
from serve.cases.outcomes import load_outcomes
from serve.cases.workflow.timers import load_workflow
from serve.intake.sample_feed import read_sample_feed
from serve.storage.identifiers import utc_now
from training.ablation import load_plan
from training.corpora.contrast import FamilyFile
from training.corpora.lexicon import load_lexicon
from training.corpora.swaps import load_identity_terms
from training.evaluation.definitions import load_definition_pairs
from training.evaluation.gates import load_anchors, load_gates
from training.evaluation.group_rules import load_groups
from training.evaluation.identities import load_neutral_suite
from training.evaluation.perturbation_settings import load_perturbation_settings
from training.gate.rules import load_rules
from training.recipe import load_recipe
from training.report.peers import load_peers
from training.simulation.plan import load_simulation_plan
from training.simulation.poison import load_poison_plan
from training.suites.definition import load_definition
from training.targets.target_settings import load_target_settings

ROOT = Path(__file__).resolve().parents[2]


def load_practice(path: Path) -> Any:
    """The courses, checked as the hub does it: against the codebook that ships."""
    return load_courses(load_codebook(ROOT / "configs" / "codebook" / "codebook-v1.yaml"), path)


# First match wins. A new kind of file gets a line here, with the loader that the product uses for it.
LOADERS: list[tuple[str, Callable[[Path], Any]]] = [
    ("policy/outcomes.yaml", load_outcomes),
    ("policy/gate.yaml", load_rules),
    ("policy/workflow.yaml", load_workflow),
    ("policy/queue.yaml", load_queue_rules),
    ("law/*.yaml", load_law),
    ("policy/*.yaml", load_policy),
    ("codebook/adjudication.yaml", load_adjudication_rules),
    ("codebook/*.yaml", load_codebook),
    ("interchange/*.yaml", load_mapping),
    ("labelling/firewall.yaml", load_firewall),
    ("labelling/practice-*.yaml", load_practice),
    ("labelling/poison.yaml", load_poison_plan),
    ("labelling/sampling.yaml", load_sampling_rules),
    ("labelling/simulation.yaml", load_simulation_plan),
    ("language/identification.yaml", load_language_settings),
    ("evaluation/gates.yaml", load_gates),
    ("evaluation/anchors.yaml", load_anchors),
    ("evaluation/neutral-identity.yaml", load_neutral_suite),
    ("evaluation/definitions.yaml", load_definition_pairs),
    ("evaluation/groups.yaml", load_groups),
    ("evaluation/peers.yaml", load_peers),
    ("evaluation/perturbations.yaml", load_perturbation_settings),
    ("evaluation/targets.yaml", load_target_settings),
    ("suites/*.yaml", load_definition),
    ("train/far-right-lexicon.yaml", load_lexicon),
    ("train/contrast/*.yaml", lambda path: load_yaml(path, FamilyFile)),
    ("train/identity-terms.yaml", load_identity_terms),
    ("train/ablation.yaml", load_plan),
    ("train/*.yaml", load_recipe),
]


def loader_of(name: str) -> Callable[[Path], Any] | None:
    return next((loader for pattern, loader in LOADERS if fnmatch(name, pattern)), None)


@pytest.fixture(scope="module")
def config_names() -> list[str]:
    names = [
        path.relative_to(configs_folder()).as_posix() for path in sorted(configs_folder().rglob("*.y*ml"))
    ]
    assert len(names) >= len(LOADERS)
    return names


def test_every_yaml_file_loads_through_its_own_shape(config_names: list[str]) -> None:
    for name in config_names:
        loader = loader_of(name)
        assert loader is not None, f"configs/{name}: no loader claims it; see LOADERS"
        assert loader(configs_folder() / name)


def test_every_loader_has_a_file(config_names: list[str]) -> None:
    claimed = {loader_of(name) for name in config_names}

    assert claimed == {loader for _, loader in LOADERS}


def test_yaml_with_an_unknown_key_is_refused(config_names: list[str], tmp_path: Path) -> None:
    for name in config_names:
        loader = loader_of(name)
        assert loader is not None
        altered = tmp_path / name.replace("/", "-")
        altered.write_text(
            (configs_folder() / name).read_text(encoding="utf-8") + "\nno_such_key_at_all: 1\n",
            encoding="utf-8",
        )
        with pytest.raises(BadConfig, match="no_such_key_at_all"):
            loader(altered)


def test_sample_feed_loads_whole() -> None:
    posts = read_sample_feed(configs_folder() / "hub" / "sample-feed.jsonl", now=utc_now())

    assert len(posts) >= 150
