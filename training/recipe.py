"""A training recipe: everything that decides the bundle, read from YAML and known by its hash."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, load_yaml, sha256_of
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER

Split = Literal["train", "dev", "test"]


class EncoderSource(FrozenConfig):
    """Where the pretrained encoder lies, and the SHA-256 of each file that must be found there.

    `package` is an installed Python package that carries the files; `folder` is then a folder inside
    it. Without a package, `folder` is a path on disk.
    """

    package: str | None = None
    folder: str
    sha256: dict[str, str] = Field(min_length=1)

    def locate(self) -> Path:
        """The verified folder. Raises: BadConfig naming the file that is absent or altered."""
        folder = Path(self.folder)
        if self.package is not None:
            spec = importlib.util.find_spec(self.package)
            if spec is None or not spec.submodule_search_locations:
                raise BadConfig(f"encoder: the package {self.package} is not installed")
            folder = Path(next(iter(spec.submodule_search_locations))) / self.folder
        for name, expected in self.sha256.items():
            path = folder / name
            if not path.is_file():
                raise BadConfig(f"encoder: {path} is missing")
            if sha256_of(path.read_bytes()) != expected:
                raise BadConfig(f"encoder: {path} does not have the SHA-256 that the recipe pins")
        return folder


class CorpusUse(FrozenConfig):
    """How one corpus of the data folder enters the mixture.

    `repeat` shows each training post that many times an epoch. `heads` limits which labels are used
    (default: all the corpus has).
    """

    name: str
    repeat: int = Field(default=1, ge=1, le=10)
    heads: tuple[str, ...] = HEAD_ORDER


class BackgroundUse(FrozenConfig):
    """Unlabelled traffic taken as presumed negatives: at most `posts` rows of the named splits."""

    name: str
    posts: int = Field(ge=1)
    splits: tuple[Split | None, ...]


class ThresholdRule(FrozenConfig):
    """How a head's threshold is chosen on dev: what to maximise, and on which corpora (empty: all)."""

    maximise: Literal["balanced_accuracy", "f1"]
    corpora: tuple[str, ...] = ()


class Dropout(FrozenConfig):
    """Dropout rates in training."""

    hidden: float = Field(ge=0, lt=1)
    attention: float = Field(ge=0, lt=1)
    heads: float = Field(ge=0, lt=1)


class Recipe(FrozenConfig):
    """One way to make a bundle from a data folder."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    version: int = Field(ge=1)
    description: str
    encoder: EncoderSource
    max_tokens: int = Field(ge=8, le=512)
    dropout: Dropout
    head_weights: dict[str, float]
    epochs: int = Field(ge=1)
    batch_posts: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    heads_learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    warmup_share: float = Field(ge=0, lt=1)
    clip_norm: float = Field(gt=0)
    seed: int
    checkpoint_steps: int = Field(ge=1)
    precision: Literal["bf16", "no"] = "bf16"
    dev_percent: int = Field(
        ge=1, le=50, description="share of a corpus without a dev split that is held out"
    )
    near_duplicate_jaccard: float = Field(gt=0, le=1)
    weak_labels: bool = Field(description="use HateXplain's and DGHSD's derived_target hints")
    noise_share: float = Field(ge=0, le=1, description="share of training posts shown with spelling noise")
    far_right_lexicon: str
    thresholds: dict[str, ThresholdRule]
    full_precision: tuple[str, ...] = Field(
        default=(), description="matrix products, by a part of their name, that int8 leaves as they are"
    )
    labels_repeat: int = Field(default=1, ge=1, le=10)
    corpora: tuple[CorpusUse, ...] = Field(min_length=1)
    background: tuple[BackgroundUse, ...] = ()
    evaluation_only: tuple[str, ...] = Field(description="corpora whose every text is barred from training")

    @model_validator(mode="after")
    def _heads_complete(self) -> Recipe:
        if set(self.head_weights) != set(HEAD_ORDER):
            raise ValueError(f"head_weights: exactly {HEAD_ORDER}")
        if set(self.thresholds) != set(HEAD_ORDER):
            raise ValueError(f"thresholds: exactly {HEAD_ORDER}")
        for use in self.corpora:
            if not set(use.heads) <= set(HEAD_ORDER):
                raise ValueError(f"corpora: {use.name}: heads must be among {HEAD_ORDER}")
        return self


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe with the path it came from and the SHA-256 of its bytes."""

    recipe: Recipe
    path: Path
    sha256: str


def load_recipe(path: Path) -> LoadedRecipe:
    """The checked recipe of a YAML file. Raises: BadConfig."""
    recipe, digest = load_yaml(path, Recipe)
    return LoadedRecipe(recipe, path, digest)


def code_sha256(*rooms: str) -> str:
    """One SHA-256 over the Python sources of the named rooms, so that a bundle knows what made it."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(p for room in rooms for p in (root / room).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
