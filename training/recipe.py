"""A training recipe: everything that decides the bundle, read from YAML and known by its hash."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER

Split = Literal["train", "dev", "test"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Names of an encoder's weights, in the order in which transformers looks for them."""


class MaskedWords(FrozenConfig):
    """Epochs in which a new encoder guesses masked tokens of the training posts, before it learns labels.

    Source: Devlin et al. 2019 (15 % of the tokens; of these 80 % masked, 10 % swapped, 10 % left).
    """

    epochs: int = Field(ge=1)
    learning_rate: float = Field(gt=0)


class ScratchEncoder(FrozenConfig):
    """Sizes of a BERT encoder that starts from random weights, and of its SentencePiece vocabulary.

    `vocabulary` is the most pieces there may be; posts with few different words give fewer.
    """

    layers: int = Field(default=4, ge=1, le=24)
    hidden: int = Field(default=256, ge=16, le=1024)
    attention_heads: int = Field(default=4, ge=1, le=16)
    feed_forward: int = Field(default=1024, ge=16, le=4096)
    vocabulary: int = Field(default=8000, ge=50, le=100_000)
    masked_words: MaskedWords | None = None

    @model_validator(mode="after")
    def _heads_fit(self) -> ScratchEncoder:
        if self.hidden % self.attention_heads:
            raise ValueError("hidden: must be a multiple of attention_heads")
        return self


class EncoderSource(FrozenConfig):
    """Where the encoder comes from: a folder, a Python package, a model hub, or nowhere yet.

    `folder` is a path on disk, or with `package` a folder inside that installed package. `hub` names a
    model (owner/name) at the commit `revision`; only files that `sha256` names are fetched. `scratch`
    makes a new encoder and vocabulary from the training posts. `sha256` pins each file that is used.
    """

    package: str | None = None
    folder: str | None = None
    hub: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    scratch: ScratchEncoder | None = None
    sha256: dict[FileName, Sha256] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> EncoderSource:
        if [self.folder, self.hub, self.scratch].count(None) != 2:
            raise ValueError("exactly one of folder (with package or without), hub and scratch")
        if self.package is not None and self.folder is None:
            raise ValueError("package: folder must say where in the package")
        if (self.hub is None) != (self.revision is None):
            raise ValueError("hub and revision go together: what a hub's name points to changes")
        if self.scratch is not None:
            if self.sha256:
                raise ValueError("sha256: an encoder made from scratch has no file yet to pin")
            return self
        if not set(WEIGHTS) & set(self.sha256):
            raise ValueError(f"sha256: must pin the weights, {' or '.join(WEIGHTS)}")
        if self.hub is not None and "config.json" not in self.sha256:
            raise ValueError("sha256: must pin config.json: only pinned files are fetched")
        return self

    def locate(self) -> Path:
        """The verified folder of an encoder that exists.

        Raises: BadConfig naming the file that is absent or altered, or saying that the recipe makes its own.
        """
        folder = self._folder()
        for name, expected in self.sha256.items():
            path = folder / name
            if not path.is_file():
                raise BadConfig(f"encoder: {path} is missing")
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != expected:
                raise BadConfig(f"encoder: {path} does not have the SHA-256 that the recipe pins")
        # Of two files of weights in one folder the first of WEIGHTS is loaded: it must be the verified one.
        found_weights = next(name for name in WEIGHTS if (folder / name).is_file())
        if found_weights not in self.sha256:
            raise BadConfig(f"encoder: {folder / found_weights} would be loaded, and is not pinned")
        return folder

    def _folder(self) -> Path:
        if self.hub is not None and self.revision is not None:
            from training.hub_files import fetched

            return fetched(self.hub, self.revision, self.sha256)
        if self.folder is None:
            raise BadConfig("encoder: the recipe makes its own; it is in the folder of a run, under encoder/")
        if self.package is None:
            return Path(self.folder)
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise BadConfig(f"encoder: the package {self.package} is not installed")
        return Path(next(iter(spec.submodule_search_locations))) / self.folder


class CorpusUse(FrozenConfig):
    """How one corpus of the data folder enters the mixture.

    `repeat` shows each training post that many times an epoch. `heads` limits which labels are used
    (default: all the corpus has). `own_bias` gives the corpus its own shift of the logits in training, for
    corpora whose bar for "hate" is not the codebook's.
    """

    name: str
    repeat: int = Field(default=1, ge=1, le=10)
    heads: tuple[str, ...] = HEAD_ORDER
    own_bias: bool = False


class BackgroundUse(FrozenConfig):
    """Unlabelled traffic taken as presumed negatives: at most `posts` rows of the named splits.

    `mentions` of them name an identity, as far as there are so many: ordinary posts rarely do, and a
    classifier that sees identities only in hateful posts takes the name for the hate.
    """

    name: str
    posts: int = Field(ge=1)
    mentions: int = Field(default=0, ge=0)
    splits: tuple[Split | None, ...]


class ThresholdRule(FrozenConfig):
    """How a head's threshold is chosen on dev: what to maximise, and on which corpora (empty: all)."""

    maximise: Literal["balanced_accuracy", "f1"]
    corpora: tuple[str, ...] = ()


class AbstainRule(FrozenConfig):
    """When a head is called uncertain.

    Outside of its band at most this share of decisions is wrong on each side, and of the hateful posts at
    most this share is called not hateful.
    """

    error_at_most: float = Field(default=0.05, gt=0, lt=0.5)
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="of the bound, on each side of the band"
    )


class OperatingRule(FrozenConfig):
    """What the named operating points of a head aim at; the review load caps `recall_first`."""

    recall: float = Field(default=0.95, gt=0, le=1)
    reviews_per_10000: int = Field(default=500, ge=1, le=10_000)
    precision: float = Field(default=0.95, gt=0, le=1)


class Dropout(FrozenConfig):
    """Dropout rates in training."""

    hidden: float = Field(ge=0, lt=1)
    attention: float = Field(ge=0, lt=1)
    heads: float = Field(ge=0, lt=1)


class SideWeights(FrozenConfig):
    """Weights of the losses beside the heads; 0 leaves one out."""

    speech_act: float = Field(default=0.0, ge=0)
    offensive: float = Field(default=0.0, ge=0)
    rationale: float = Field(default=0.0, ge=0)


class RationalePretraining(FrozenConfig):
    """Epochs on marked words alone before the rest, at a share of the learning rate.

    Source: Kim et al. 2022, masked rationale prediction; CLASSIFIER.md section 5 E.
    """

    epochs: int = Field(ge=1)
    rate_share: float = Field(gt=0, le=1)


class Finishing(FrozenConfig):
    """A last, slow stage on a part of the posts: `shares` says how much of each corpus is shown once more.

    `rate_share`: of the peak learning rate, falling to 0. `rationale`: weight of the marked words here; above
    0, every post with marked words is shown. `blend`: how much of the last stage ships; the rest are the
    weights it began with. Source: Wortsman et al. 2022, WiSE-FT (blended weights keep what
    each has learnt). The head that marks words is then fitted anew on the blended encoder.
    """

    shares: dict[str, float] = Field(min_length=1)
    rate_share: float = Field(gt=0, le=1)
    rationale: float = Field(ge=0)
    blend: float = Field(default=1.0, gt=0, le=1)


class SwapUse(FrozenConfig):
    """Identity-swapped copies: the share of posts that get one, and the weight of their logits' gap."""

    terms: str
    share: float = Field(gt=0, le=1)
    weight: float = Field(ge=0)


class ContrastUse(FrozenConfig):
    """Posts made from our own contrast families.

    None comes nearer than `jaccard` (of words) to a post of `away_from`, so that no evaluation suite's
    template is learnt by a back door. `share_at_most`: of all showings. Source: CLASSIFIER.md section 5 E
    (constructed data beyond 15 % harms held-out classes).
    """

    families: tuple[str, ...] = Field(min_length=1)
    posts: int = Field(ge=1)
    away_from: tuple[str, ...]
    jaccard: float = Field(gt=0, le=1)
    share_at_most: float = Field(default=0.15, gt=0, le=0.15)


class Averaging(FrozenConfig):
    """An exponential moving average of the weights over the last part of the run; it is what ships."""

    from_share: float = Field(ge=0, lt=1)
    decay: float = Field(gt=0, lt=1)
    every_steps: int = Field(ge=1)


class Recipe(FrozenConfig):
    """One way to make a bundle from a data folder."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    version: int = Field(ge=1)
    description: str
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = Field(
        default=("en",), min_length=1, description="ISO 639 codes of what the bundle is meant to read"
    )
    encoder: EncoderSource
    max_tokens: int = Field(ge=8, le=512)
    dropout: Dropout
    head_weights: dict[str, float]
    side_weights: SideWeights = SideWeights()
    presumed_q: float = Field(
        default=0.0, ge=0, le=1, description="bounds the loss of presumed negatives; 0 leaves it as it is"
    )
    rationale_pretraining: RationalePretraining | None = None
    swaps: SwapUse | None = None
    contrast: ContrastUse | None = None
    averaging: Averaging | None = None
    finishing: Finishing | None = None
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
    abstain: AbstainRule = AbstainRule()
    operating_points: OperatingRule = OperatingRule()
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
