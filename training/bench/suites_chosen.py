"""Which functional suites a bench runs: ours, HateCheck where the data folder has it, and files named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.configuration import configs_folder
from model.errors import BadInput
from model.suite import Suite
from training.corpora.pack import read_manifest
from training.report.peers import published_titles
from training.suites.reading import open_suite

FROM_DATA = ("hatecheck",)
"""Suites of the data folder that are run without being asked for."""


def chosen_suites(files: Sequence[Path], data: Path) -> list[Suite]:
    """The suites, HateCheck first, then those of configs/suites, then `files`.

    Raises: BadInput for two suites of one name; as `open_suite`.
    """
    manifest = read_manifest(data)
    paths = [manifest[name].path for name in FROM_DATA if name in manifest]
    paths += sorted((configs_folder() / "suites").glob("*.yaml"))
    suites = [_of_corpus(path) for path in paths] + [open_suite(path) for path in files]
    names = [suite.name for suite in suites]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"suite: {name} is there twice; a file's name is its suite's", field="suite")
    return suites


def _of_corpus(path: Path) -> Suite:
    """A suite whose file names its functionalities only by their codes gets their published titles."""
    suite = open_suite(path)
    titles = published_titles(suite.name)
    named = {
        name: replace(words, title=titles.get(name, words.title))
        for name, words in suite.functionalities.items()
    }
    return replace(suite, functionalities=named)
