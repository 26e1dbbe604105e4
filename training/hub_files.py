"""Files of a pretrained encoder from a model hub: the pinned commit, and only the files that are pinned."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from model.errors import BadConfig


def fetched(hub: str, revision: str, names: Collection[str]) -> Path:
    """The folder of the local hub cache that holds the files `names` of the model `hub` at `revision`.

    What is not there yet is fetched, unless `HF_HUB_OFFLINE=1` forbids it. The files are not verified
    here. Raises: BadConfig saying what is missing and how to give a folder instead.
    """
    from huggingface_hub import hf_hub_download

    folder = Path()
    for name in sorted(names):
        try:
            folder = Path(hf_hub_download(hub, name, revision=revision)).parent
        except Exception as error:
            # The library has a dozen unrelated classes for one thing: the file is not to be had.
            raise BadConfig(
                f"encoder: {name} of {hub} at {revision} is not in the local cache and cannot be fetched "
                f"({type(error).__name__}). Fetch {', '.join(sorted(names))} elsewhere, put them in a "
                "folder, and write `folder: PATH` in the recipe for `hub` and `revision`; keep `sha256`"
            ) from None
    return folder
