"""Imports point one way, and a room is opened only when it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TRAINING_LIBRARIES = {"torch", "transformers", "datasets", "sklearn", "accelerate", "sentencepiece"}
SERVING_LIBRARIES = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "onnxruntime", "alembic", "jinja2"}
SHOW_MODULES = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def modules_after(statement: str, folder: Path) -> set[str]:
    """Top-level modules of a fresh interpreter that ran `statement` outside the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHHOUSE_")}
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{statement}; {SHOW_MODULES}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_importing_the_hub_brings_no_training_library(tmp_path: Path) -> None:
    loaded = modules_after("import serve.app, serve.server, serve.demo, labelling.pages", tmp_path)

    assert {"serve", "labelling", "fastapi"} <= loaded
    assert loaded & TRAINING_LIBRARIES == set()


def test_importing_the_front_door_opens_no_room(tmp_path: Path) -> None:
    loaded = modules_after("import watchhouse", tmp_path)

    assert {"watchhouse", "model"} <= loaded
    assert loaded & (TRAINING_LIBRARIES | SERVING_LIBRARIES) == set()
    assert loaded & {"serve", "labelling", "training"} == set()


def test_scoring_files_needs_neither_web_nor_database(tmp_path: Path) -> None:
    loaded = modules_after("import model.score_files, model.onnx_classifier", tmp_path)

    assert loaded & (TRAINING_LIBRARIES | {"fastapi", "starlette", "uvicorn", "sqlalchemy"}) == set()


def test_import_contracts_are_kept(repository: Path) -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint_imports, "--no-logo", "--no-cache"], cwd=repository, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
