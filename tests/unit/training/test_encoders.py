"""Other encoders: SentencePiece, XLM-RoBERTa, DeBERTa and one from scratch, to a bundle that scores."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
sentencepiece = pytest.importorskip("sentencepiece")

from model.bundle import Bundle  # noqa: E402 - only importable with torch
from model.configuration import configs_folder, sha256_of  # noqa: E402 - the same
from model.errors import BadConfig  # noqa: E402 - the same
from model.normalise import normalise_text  # noqa: E402 - the same
from model.onnx_classifier import OnnxClassifier  # noqa: E402 - the same
from model.taxonomy import HEAD_ORDER  # noqa: E402 - the same
from training.batches import encode  # noqa: E402 - the same
from training.corpora.mixture import MixturePost  # noqa: E402 - the same
from training.corpora.pack import NOT_ANNOTATED  # noqa: E402 - the same
from training.encoders import encoder_sha256, pad_token_id, prepare_encoder  # noqa: E402 - the same
from training.network import build_network  # noqa: E402 - the same
from training.recipe import Dropout, EncoderSource, load_recipe  # noqa: E402 - the same
from training.run import train_bundle  # noqa: E402 - the same
from training.vocabulary import tokenizer_from_sentencepiece, train_vocabulary  # noqa: E402 - the same

pytestmark = pytest.mark.training

Recipes = Callable[..., Path]
Rows = Callable[[int, int], list[dict[str, Any]]]

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
SCRATCH = {"layers": 2, "hidden": 32, "attention_heads": 2, "feed_forward": 64, "vocabulary": 200}
# What the pieces of the two families' own models begin with.
XLM_ROBERTA = {"unk_id": 0, "bos_id": 1, "eos_id": 2}
DEBERTA = {f"{name}_id": number for number, name in enumerate(("pad", "bos", "eos", "unk"))} | {
    f"{name}_piece": f"[{piece}]"
    for name, piece in (("pad", "PAD"), ("bos", "CLS"), ("eos", "SEP"), ("unk", "UNK"))
}


def trained_model(texts: list[str], special: dict[str, Any]) -> bytes:
    """A SentencePiece unigram model as the makers of an encoder would train it."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="unigram",
        vocab_size=220,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **special,
    )
    return model.getvalue()


def seeded_encoder(folder: Path, family: str, texts: list[str]) -> dict[str, Any]:
    """Writes a two-layer encoder of `family` without a tokenizer.json; gives the recipe's `encoder`."""
    folder.mkdir()
    torch.manual_seed(5)
    if family == "xlm-roberta":
        vocabulary = folder / "sentencepiece.bpe.model"
        vocabulary.write_bytes(trained_model(texts, XLM_ROBERTA))
        config = transformers.XLMRobertaConfig(
            vocab_size=240, pad_token_id=1, max_position_embeddings=66, type_vocab_size=1, **SIZES
        )
        network = transformers.XLMRobertaModel(config, add_pooling_layer=False)
    else:
        vocabulary = folder / "spm.model"
        vocabulary.write_bytes(trained_model(texts, DEBERTA))
        config = transformers.DebertaV2Config(
            vocab_size=240,
            pad_token_id=0,
            max_position_embeddings=64,
            type_vocab_size=0,
            relative_attention=True,
            position_buckets=16,
            position_biased_input=False,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type=["p2c", "c2p"],
            **SIZES,
        )
        network = transformers.DebertaV2Model(config)
    network.save_pretrained(folder)
    names = ("model.safetensors", vocabulary.name)
    return {
        "folder": str(folder),
        "sha256": {name: sha256_of((folder / name).read_bytes()) for name in names},
    }


def texts_of(rows: list[dict[str, Any]]) -> list[str]:
    return [row["text"] for row in rows]


def prepared(path: Path, texts: list[str], run: Path) -> Path:
    return prepare_encoder(load_recipe(path).recipe, texts, run)


def final_weights(out: Path) -> dict[str, Any]:
    newest = sorted((out / "checkpoints").glob("step-*"))[-1]
    return torch.load(newest / "state.pt", weights_only=True)["network"]  # type: ignore[no-any-return] # torch.load is untyped


def says_what_it_learnt(bundle: Path) -> None:
    classifier = OnnxClassifier(Bundle.load(bundle), threads=1)
    values = classifier.score(["jews secretly control every bank", "we had tea with friends"]).values
    column = HEAD_ORDER.index("antisemitic")
    assert values[0, column] > 0.5 > values[1, column]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised inside onnxruntime's quantiser
@pytest.mark.parametrize(("family", "padding"), [("xlm-roberta", 1), ("deberta-v2", 0)])
def test_sentencepiece_encoder_gives_a_bundle_that_scores(
    family: str, padding: int, tiny_recipe: Recipes, tiny_pack: Path, posts_made_up: Rows, tmp_path: Path
) -> None:
    encoder = seeded_encoder(tmp_path / family, family, texts_of(posts_made_up(300, 9)))
    recipe = tiny_recipe(encoder=encoder, languages=["en", "de"], side_weights={"rationale": 0.5})

    bundle = train_bundle(recipe, data=tiny_pack, out=tmp_path / "run", labels=[])

    assert bundle is not None
    says_what_it_learnt(bundle)
    loaded = Bundle.load(bundle)
    assert (loaded.pad_token_id, loaded.languages) == (padding, ("en", "de"))
    text = "the  council walked, then had “tea” today"
    rationale = OnnxClassifier(loaded, threads=1).annotate([text])[0].token_rationales
    assert rationale is not None
    assert "".join(text[start:end] for start, end, _ in rationale) == text.replace(" ", "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the same
def test_encoder_from_scratch_gives_a_bundle_that_scores(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    masked_words = {"epochs": 1, "learning_rate": 1e-3}
    recipe = tiny_recipe(encoder={"scratch": {**SCRATCH, "masked_words": masked_words}})

    bundle = train_bundle(recipe, data=tiny_pack, out=tmp_path / "run", labels=[])

    assert bundle is not None
    says_what_it_learnt(bundle)


def test_interrupted_run_from_scratch_ends_with_the_very_same_weights(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipe(encoder={"scratch": SCRATCH}, epochs=1)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train_bundle(recipe, data=tiny_pack, out=whole, labels=[], stop_after_steps=10)
    train_bundle(recipe, data=tiny_pack, out=broken, labels=[], stop_after_steps=6)
    made_at = (broken / "encoder" / "tokenizer.json").stat().st_mtime_ns
    train_bundle(recipe, data=tiny_pack, out=broken, labels=[], stop_after_steps=10)

    assert (broken / "encoder" / "tokenizer.json").stat().st_mtime_ns == made_at
    assert encoder_sha256(whole / "encoder") == encoder_sha256(broken / "encoder")
    first, second = final_weights(whole), final_weights(broken)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_run_folder_with_a_vocabulary_of_other_posts_is_refused(
    tiny_recipe: Recipes, posts_made_up: Rows, tmp_path: Path
) -> None:
    recipe = tiny_recipe(encoder={"scratch": SCRATCH})
    prepared(recipe, texts_of(posts_made_up(80, 1)), tmp_path)

    with pytest.raises(BadConfig, match="other posts"):
        prepared(recipe, texts_of(posts_made_up(80, 2)), tmp_path)


def test_checkpoint_of_another_encoder_is_refused(
    tiny_recipe: Recipes, tiny_pack: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    names = ("config.json", "model.safetensors", "tokenizer.json")
    encoder = tmp_path / "encoder-here"
    encoder.mkdir()
    for name in names:
        (encoder / name).write_bytes((tiny_encoder / name).read_bytes())
    pins = {name: sha256_of((encoder / name).read_bytes()) for name in names[1:]}
    recipe = tiny_recipe(encoder={"folder": str(encoder), "sha256": pins})
    train_bundle(recipe, data=tiny_pack, out=tmp_path / "run", labels=[], stop_after_steps=5)
    # The recipe does not pin config.json: only what was loaded tells the two encoders apart.
    config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
    (encoder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}), encoding="utf-8")

    with pytest.raises(BadConfig, match="another recipe"):
        train_bundle(recipe, data=tiny_pack, out=tmp_path / "run", labels=[], stop_after_steps=5)


@pytest.fixture(scope="module")  # used by this file alone
def vocabularies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A SentencePiece model by family, learnt from a few sentences in several scripts."""
    folder = tmp_path_factory.mktemp("vocabularies")
    words = ["the", "council", "opened", "a", "library", "Straße", "naïve", "über", "мир", "друзья", "مرحبا"]
    texts = [" ".join(words[i % 5 :: 1 + i % 4]) + f" {i}" for i in range(300)]
    models = {
        "xlm-roberta": trained_model(texts, XLM_ROBERTA),
        "deberta-v2": trained_model(texts, DEBERTA),
        "bert": train_vocabulary(texts, 200),
    }
    for family, model in models.items():
        (folder / f"{family}.model").write_bytes(model)
    return {family: folder / f"{family}.model" for family in models}


@pytest.mark.parametrize("family", ["xlm-roberta", "deberta-v2", "bert"])
@given(raw=st.text(st.sampled_from("the council STRAßE naïve über мир 19,. ﬁ½\u0301مر"), max_size=40))
def test_converted_tokenizer_reads_as_sentencepiece_does(
    family: str, raw: str, vocabularies: dict[str, Path]
) -> None:
    text = normalise_text(raw)  # as training and scoring do before any tokenizer
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(vocabularies[family]))
    expected = pieces.encode(text.lower() if family == "bert" else text)
    if family == "xlm-roberta":  # its ids: four special tokens where the model has three; <unk> is 3
        expected = [piece + 1 if piece else 3 for piece in expected]

    encoding = tokenizer_from_sentencepiece(vocabularies[family], family).encode(text)

    assert encoding.ids[1:-1] == expected
    assert encoding.special_tokens_mask == [1, *[0] * len(expected), 1]


def test_vocabulary_from_the_same_posts_is_the_same(posts_made_up: Rows) -> None:
    texts = texts_of(posts_made_up(100, 4))

    assert train_vocabulary(texts, 150) == train_vocabulary(texts, 150)
    assert train_vocabulary(texts, 150) != train_vocabulary(texts[:50], 150)


@pytest.mark.parametrize(
    ("texts", "match"), [([" "], "no training posts"), (["abcdefghijklmnopqrstuvwxyz"], "too few")]
)
def test_vocabulary_that_cannot_be_learnt_is_a_bad_recipe(texts: list[str], match: str) -> None:
    with pytest.raises(BadConfig, match=match):
        train_vocabulary(texts, 10)


@pytest.mark.parametrize("family", ["xlm-roberta", "deberta-v2"])
def test_blank_before_a_marked_word_is_not_marked(family: str, vocabularies: dict[str, Path]) -> None:
    text = "the new qq library"
    start = text.index("qq")
    # The span holds the blank after the word, as joined spans of words do.
    post = MixturePost("first", "1", text, [1, 0, 0, 0], rationale=((start, start + 3),))
    tokenizer = tokenizer_from_sentencepiece(vocabularies[family], family)

    labels = encode([post], tokenizer, 0).token_labels

    encoding = tokenizer.encode(text)
    marked = [text[a:b].strip() for (a, b), label in zip(encoding.offsets, labels, strict=True) if label == 1]
    assert "".join(marked) == "qq"
    for (a, b), label in zip(encoding.offsets, labels, strict=True):
        assert (label == NOT_ANNOTATED) == (not text[a:b].strip())
    assert (labels[0], labels[-1]) == (NOT_ANNOTATED, NOT_ANNOTATED)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"hub": "a/b"}, "exactly one"),
        ({"folder": None}, "exactly one"),
        ({"folder": None, "hub": "a/b"}, "go together"),
        ({"folder": None, "hub": "a/b", "revision": "main"}, "revision"),
        ({"folder": None, "hub": "a/b", "revision": "0" * 40}, "config.json"),
        ({"folder": None, "package": "p", "scratch": {}}, "package"),
        ({"folder": None, "scratch": {}}, "no file yet"),
        ({"folder": None, "scratch": {"hidden": 33, "attention_heads": 2}, "sha256": {}}, "multiple"),
        ({"sha256": {}}, "weights"),
        ({"sha256": {"model.safetensors": "filled in later"}}, "sha256"),
        ({"sha256": {"model.safetensors": "0" * 64, "../config.json": "0" * 64}}, "sha256"),
    ],
)
def test_source_of_an_encoder_that_is_not_one_is_refused(
    changes: dict[str, Any], match: str, tiny_recipe: Recipes
) -> None:
    source = {"folder": "somewhere", "sha256": {"model.safetensors": "0" * 64}, **changes}

    with pytest.raises(BadConfig, match=match):
        load_recipe(tiny_recipe(encoder=source))


def test_weights_beside_the_pinned_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pinned")
    source = EncoderSource(folder=str(tmp_path), sha256={"pytorch_model.bin": sha256_of(b"pinned")})
    assert source.locate() == tmp_path
    (tmp_path / "model.safetensors").write_bytes(b"would be loaded first")

    with pytest.raises(BadConfig, match="not pinned"):
        source.locate()


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and a hub that may not be asked."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_hub_encoder_in_the_local_cache_is_found_and_verified(hub_cache: Path) -> None:
    revision = "5" * 40
    snapshot = hub_cache / "models--made--up" / "snapshots" / revision
    snapshot.mkdir(parents=True)
    contents = {"config.json": b"{}", "model.safetensors": b"weights"}
    for name, data in contents.items():
        (snapshot / name).write_bytes(data)
    pins = {name: sha256_of(data) for name, data in contents.items()}

    assert EncoderSource(hub="made/up", revision=revision, sha256=pins).locate() == snapshot
    altered = {**pins, "config.json": sha256_of(b"other")}
    with pytest.raises(BadConfig, match="does not have the SHA-256"):
        EncoderSource(hub="made/up", revision=revision, sha256=altered).locate()


@pytest.mark.parametrize("name", ["xlm-roberta", "mdeberta"])
def test_shipped_recipe_whose_encoder_is_not_here_says_how_to_give_it(name: str, hub_cache: Path) -> None:
    recipe = load_recipe(configs_folder() / "train" / f"{name}.yaml").recipe

    with pytest.raises(BadConfig, match="folder: PATH") as caught:
        recipe.encoder.locate()

    assert str(recipe.encoder.hub) in str(caught.value)
    assert all(pin in str(caught.value) for pin in recipe.encoder.sha256)


def test_shipped_recipe_from_scratch_makes_its_encoder(posts_made_up: Rows, tmp_path: Path) -> None:
    recipe = load_recipe(configs_folder() / "train" / "from-scratch.yaml").recipe
    assert recipe.encoder.scratch is not None
    small = recipe.encoder.scratch.model_copy(update={"masked_words": None})
    recipe = recipe.model_copy(update={"encoder": EncoderSource(scratch=small)})

    folder = prepare_encoder(recipe, texts_of(posts_made_up(40, 1)), tmp_path)

    network = build_network(folder, recipe.dropout)
    assert network.heads.in_features == small.hidden
    assert len(network.encoder.encoder.layer) == small.layers
    with pytest.raises(BadConfig, match="makes its own"):
        recipe.encoder.locate()


def test_weights_in_half_precision_are_trained_in_full(tiny_encoder: Path, tmp_path: Path) -> None:
    transformers.AutoModel.from_pretrained(tiny_encoder).half().save_pretrained(tmp_path)

    network = build_network(tmp_path, Dropout(hidden=0, attention=0, heads=0))

    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_padding_and_longest_text_come_from_the_encoder(
    tiny_recipe: Recipes, posts_made_up: Rows, tmp_path: Path
) -> None:
    encoder = seeded_encoder(tmp_path / "x", "xlm-roberta", texts_of(posts_made_up(300, 9)))

    folder = prepared(tiny_recipe(encoder=encoder, max_tokens=64), [], tmp_path / "run")

    assert pad_token_id(folder) == 1
    with pytest.raises(BadConfig, match="at most 64"):  # 66 rows of positions, counted from 2
        prepared(tiny_recipe(encoder=encoder, max_tokens=65), [], tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"model_type": "electra"}, "training knows"),
        ({"pad_token_id": None}, "pad_token_id"),
        ({"pad_token_id": 100_000}, "pads with"),
        ({"vocab_size": 20}, "beyond"),
    ],
)
def test_encoder_that_does_not_fit_its_tokenizer_is_refused(
    changes: dict[str, Any], match: str, tiny_recipe: Recipes, tiny_encoder: Path, tmp_path: Path
) -> None:
    for path in tiny_encoder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
    pins = {
        name: sha256_of((tmp_path / name).read_bytes()) for name in ("model.safetensors", "tokenizer.json")
    }

    with pytest.raises(BadConfig, match=match):
        prepared(tiny_recipe(encoder={"folder": str(tmp_path), "sha256": pins}), [], tmp_path / "run")
