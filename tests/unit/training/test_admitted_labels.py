"""Labels of the hub in a training run: only with the firewall's slip, and as shares of people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn import functional

from model.admission import AdmissionSlip, write_slip
from model.configuration import sha256_of
from model.errors import BadConfig, BadInput, BadRecord
from model.records import LabelledPost, write_jsonl
from model.taxonomy import HEAD_ORDER
from training.batches import encode, labels_shown
from training.corpora.hub_labels import voted_posts
from training.corpora.mixture import MixturePost, build_mixture
from training.corpora.pack import NOT_ANNOTATED
from training.label_drift import GoldDrift, posts_beside
from training.losses import masked_bce_sums
from training.recipe import load_recipe
from training.run import check_sources, train_bundle

pytestmark = pytest.mark.training

Recipes = Callable[..., Path]
SOFT = {"hate": 0.75, "antisemitic": 0.5}


def admitted(path: Path, *records: LabelledPost, largest_source: int = 0) -> Path:
    """A file of labels with the slip that the firewall gives."""
    write_jsonl(records, path)
    slip = AdmissionSlip(
        file_sha256=sha256_of(path.read_bytes()),
        rules="firewall 1",
        rules_sha256="0" * 64,
        made_at="2026-11-23T00:00:00+00:00",
        texts=len(records),
        labels=2 * len(records),
        held_back={},
        largest_source=largest_source,
        source_at_most=0.01,
    )
    write_slip(slip, path)
    return path


def soft_post(**changes: Any) -> LabelledPost:
    known: dict[str, Any] = {
        "id": "h1",
        "text": "A sentence from the desk",
        "source": "hub",
        "split": "train",
        "hate": 1,
        "soft": SOFT,
        "speech_act": "endorses",
        "rationale": ((2, 10),),
    }
    return LabelledPost(**{**known, **changes})


def test_labels_without_a_slip_train_nothing_unless_that_is_asked_for(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    path = tmp_path / "labels.jsonl"
    write_jsonl([soft_post()], path)

    with pytest.raises(BadRecord, match="has not passed the firewall"):
        train_bundle(tiny_recipe(), data=tiny_pack, out=tmp_path / "run", labels=[path])
    assert not (tmp_path / "run").exists()

    train_bundle(
        tiny_recipe(),
        data=tiny_pack,
        out=tmp_path / "run",
        labels=[path],
        stop_after_steps=1,
        unchecked_labels=True,
    )


def test_labels_with_a_slip_train(tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path) -> None:
    path = admitted(tmp_path / "labels.jsonl", soft_post())

    train_bundle(tiny_recipe(), data=tiny_pack, out=tmp_path / "run", labels=[path], stop_after_steps=1)

    with path.open("a") as file:
        file.write("\n")
    with pytest.raises(BadRecord, match="was changed"):
        train_bundle(tiny_recipe(), data=tiny_pack, out=tmp_path / "other", labels=[path])


def test_source_with_more_than_its_share_of_the_true_training_set_is_refused(tmp_path: Path) -> None:
    slip_of_two = admitted(tmp_path / "labels.jsonl", soft_post(), largest_source=2)
    slip = AdmissionSlip.model_validate_json(Path(f"{slip_of_two}.admission.json").read_bytes())

    check_sources([slip], 200)
    with pytest.raises(BadConfig, match="one source has brought 2 of 199"):
        check_sources([slip], 199)


def test_shares_act_and_marks_come_along_from_an_admitted_row(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    write_jsonl([soft_post(), soft_post(id="h2", text="Another one", soft=None)], path)

    first, second = voted_posts([path])

    assert (first.labels, first.soft) == ([1, -1, -1, -1], (0.75, 0.5, None, None))
    assert (first.speech_act, first.rationale) == ("endorses", ((2, 10),))
    assert (second.soft, second.speech_act) == (None, None)


def test_mixture_keeps_a_text_of_which_nobody_can_tell_more_than_the_shares(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    path = tmp_path / "labels.jsonl"
    write_jsonl([soft_post(hate=None, rationale=None, speech_act=None, soft={"hate": 0.5})], path)

    mixture = build_mixture(load_recipe(tiny_recipe()).recipe, tiny_pack, [path])

    (post,) = [post for post in mixture.train if post.corpus == "hub"]
    assert post.soft == (0.5, None, None, None)


def mixed(**changes: Any) -> MixturePost:
    known: dict[str, Any] = {"soft": (0.75, 0.5, None, 0.25), **changes}
    return MixturePost("hub", "0", "red blue", [1, NOT_ANNOTATED, 0, NOT_ANNOTATED], **known)


def test_training_aims_at_the_share_and_dev_is_measured_on_labels_alone() -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "red": 1, "blue": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()

    batch = encode([mixed(), mixed(in_dev=True), mixed(soft=None)], tokenizer, 9).batch([0, 1, 2])

    assert batch.labels.tolist() == [[1, 0, 0, 0], [1, -1, 0, -1], [1, -1, 0, -1]]
    assert batch.aims[0].tolist() == [0.75, 0.5, 0.0, 0.25]
    assert batch.aims[2].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert labels_shown(mixed(in_dev=True)) == [1, NOT_ANNOTATED, 0, NOT_ANNOTATED]


def test_loss_of_a_share_is_that_of_so_many_people() -> None:
    logits = torch.tensor([[0.3], [-1.2]])
    labels = torch.tensor([[1], [NOT_ANNOTATED]], dtype=torch.int8)
    aims = torch.tensor([[0.75], [0.0]])

    found = masked_bce_sums(logits, labels, aims=aims)

    yes = functional.softplus(-logits[0, 0])
    no = functional.softplus(logits[0, 0])
    assert found.item() == pytest.approx(float(0.75 * yes + 0.25 * no))
    assert masked_bce_sums(logits, labels).item() == pytest.approx(float(yes))


# --- The gold set -------------------------------------------------------------------------------------


@pytest.fixture
def gold(tmp_path: Path, posts_made_up: Any) -> Path:
    rows = posts_made_up(80, 9)
    path = tmp_path / "gold.jsonl"
    write_jsonl(
        [
            LabelledPost(
                id=f"g{number}",
                text=f"{row['text']} {number}",
                source="hub",
                split="test",
                **{head: row[head] for head in HEAD_ORDER},
            )
            for number, row in enumerate(rows)
        ],
        path,
    )
    return path


def test_labels_turned_round_cost_the_gold_set_and_right_ones_do_not(
    tiny_recipe: Recipes, tiny_pack: Path, posts_made_up: Any, gold: Path
) -> None:
    drift = GoldDrift(tiny_pack, [gold], load_recipe(tiny_recipe(labels_repeat=3)).recipe)
    rows = posts_made_up(200, 21)

    def labels(turned: bool) -> list[LabelledPost]:
        return [
            LabelledPost(
                id=str(number),
                text=f"{row['text']} again {number}",
                source="hub",
                **{h: None if row[h] is None else row[h] ^ turned for h in HEAD_ORDER},
            )
            for number, row in enumerate(rows)
        ]

    before, right, posts = drift(labels(turned=False))
    same, wrong, _ = drift(labels(turned=True))

    assert posts == 80
    assert before == same
    assert before > 0.8
    assert right >= before - 0.01
    assert wrong < before - 0.2


def test_gold_without_enough_of_either_kind_is_refused(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    path = tmp_path / "gold.jsonl"
    write_jsonl([LabelledPost(id="1", text="One", source="hub", split="test", hate=1)], path)

    with pytest.raises(BadInput, match="gold"):
        GoldDrift(tiny_pack, [path], load_recipe(tiny_recipe()).recipe)


def test_posts_beside_are_the_rows_of_the_training_corpora(tiny_pack: Path) -> None:
    assert posts_beside(tiny_pack) == 240
