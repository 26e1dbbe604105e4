"""From one word of the command line to a target, whatever it names."""

from __future__ import annotations

import os
from pathlib import Path

from model.bundle import MANIFEST, Bundle
from model.errors import BadConfig
from training.targets.endpoints import KEY_VARIABLE, SCHEME, open_endpoint
from training.targets.predictions import SUFFIXES, PredictionsTarget
from training.targets.protocol import Target
from training.targets.shapes import SHAPES
from training.targets.specs import read_options
from training.targets.target_settings import load_target_settings

KINDS = (
    f"a bundle's folder, a Hugging Face folder, a file of predictions ({', '.join(SUFFIXES)}), or "
    f"{'|'.join(SHAPES)}+http(s)://HOST"
)


def open_target(spec: str, *, key: str | None = None) -> Target:
    """The target that `spec` names, ready to score.

    A folder with `manifest.json` is a bundle, one with `config.json` a Hugging Face classifier; `.jsonl`,
    `.csv` and `.parquet` are predictions; `watchhouse+https://HOST` and its like are endpoints, whose key is
    `key`, else the environment's WATCHHOUSE_TARGET_KEY. Behind `?` a spec may say what the target calls a
    head (`hate=LABEL_1`), a threshold (`threshold.hate=0.6`), and `model`, `language`, `api_version` or
    `output_type` where the endpoint has them.

    Raises: BadConfig for a spec that names nothing or whose names cannot be mapped; BundleRefused, BadFile
        for what cannot be loaded; Unavailable, NotAllowed, BadRecord for an endpoint that does not answer,
        refuses the key, or is of another shape.
    """
    if "://" in spec and not Path(spec).exists():
        if SCHEME.match(spec) is None:
            # Not told again: a URL may hold a password.
            raise BadConfig(
                f"target: not an address that can be scored with; wanted: {KINDS}", field="target"
            )
        return open_endpoint(spec, key or os.environ.get(KEY_VARIABLE) or None, load_target_settings())
    path, query = _path_and_query(spec)
    if (path / MANIFEST).is_file():
        if query:
            raise BadConfig("target: a bundle takes nothing behind ?: it says all by itself", field="target")
        from training.targets.bundle_target import BundleTarget

        return BundleTarget(Bundle.load(path))
    options = read_options(query)
    if (path / "config.json").is_file():
        # Here, not at the top: torch takes seconds that no other target need pay.
        from training.targets.hugging_face import HuggingFaceTarget

        return HuggingFaceTarget(path, options, load_target_settings())
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return PredictionsTarget(path, options, load_target_settings().threshold)
    raise BadConfig(f"target: {path} is none of: {KINDS}", field="target")


def _path_and_query(spec: str) -> tuple[Path, str]:
    """The path and what stands behind its last `?`; a path that exists as it stands has no query."""
    if "?" not in spec or Path(spec).exists():
        return Path(spec), ""
    path, query = spec.rsplit("?", 1)
    return Path(path), query
