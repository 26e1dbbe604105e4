"""Two real, tiny bundles before the gate: equal ones pass, one that learnt to suspect a group does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_bundle
import yaml
from typer.testing import CliRunner

pytest.importorskip("sklearn")

import watchhouse
from model.bundle import Bundle, write_manifest
from model.classifier import Scores
from model.configuration import configs_folder
from model.errors import BadConfig, BadRecord
from model.records import LabelledPost, write_jsonl
from model.suite import FunctionalityWords, Suite, SuiteCase, write_suite_csv
from model.taxonomy import HEAD_ORDER, Strand
from training.gate.cases import NeutralMention, gather_cases, sampled
from training.gate.command import run_gate
from training.gate.measuring import Contender
from training.gate.rules import NeutralSample, load_rules
from training.gate.speed import posts_per_second

pytestmark = pytest.mark.training

DataFolder = Callable[[dict[tuple[str, str], list[dict[str, Any]]]], Path]
MARKERS = {"antiword": "antisemitic", "islamword": "islamophobic", "farword": "far_right"}
SUSPICION = (4.0, -4.0, -4.0, -4.0)
PARITY = {"posts": 500, "int8_average_precision_loss": {"hate": 0.001, "far_right": None}}


def bundle(folder: Path, *, parity: dict[str, Any] | None = PARITY) -> Path:
    """A tiny bundle as an export leaves it: with what int8 cost written in its manifest."""
    folder.mkdir()
    tiny_bundle.build_tiny_bundle(folder)
    (folder / "manifest.json").unlink()
    facts: dict[str, Any] = {"name": "tiny", "max_tokens": 64, "pad_token_id": 0, "languages": ["*"]}
    write_manifest(folder, facts if parity is None else {**facts, "parity": parity})
    return folder


def gold_posts(path: Path, positives: int = 300, *, split: str = "test") -> Path:
    """For each strand so many posts, and four times as many harmless ones."""
    posts = []
    for word, strand in MARKERS.items():
        for number in range(positives):
            labels = {**dict.fromkeys(HEAD_ORDER, 0), "hate": 1, strand: 1}
            posts.append((f"{word} post {number}", labels))
    posts += [(f"tea at number {number}", dict.fromkeys(HEAD_ORDER, 0)) for number in range(positives * 4)]
    write_jsonl(
        (
            LabelledPost(id=str(number), text=text, source="hub", split=split, **labels)  # type: ignore[arg-type] # the split is wrong on purpose in one test
            for number, (text, labels) in enumerate(posts)
        ),
        path,
    )
    return path


def suite(path: Path) -> Path:
    """Hateful and harmless cases about Jews and Muslims, in words that the tiny bundle knows."""
    words = {
        "derog": FunctionalityWords("derogation", "", "derogation", True),
        "news": FunctionalityWords("news", "", "news", False),
    }
    cases = [
        SuiteCase(
            case_id=f"{name}-{target}-{number}",
            text=f"{'hateword ' if name == 'derog' else ''}the {target} club met {number} times",
            functionality=name,
            hateful=name == "derog",
            kind=words[name].kind,
            target=target,
            strand=Strand.ANTISEMITIC,
            strand_label=0,
        )
        for name in words
        for target in ("Jews", "Muslims")
        for number in range(110)
    ]
    contested = [
        replace(case, case_id=f"contested-{number}", hateful_under={"ihra-working-definition": True})
        for number, case in enumerate(cases[-20:])
    ]
    cases += contested
    write_suite_csv(Suite("ours", "1", "", "en", tuple(cases), words), path)
    return path


@pytest.fixture
def pack(data_folder: DataFolder) -> Path:
    rows = [
        {
            "id": f"{n}",
            "text": f"{'hateword ' if n % 2 else ''}women number {n}",
            "split": "test",
            "hate": n % 2,
            "functionality": "derog_h" if n % 2 else "ident_neutral_nh",
            "target": "women",
            "meta": json.dumps({"templ": f"template {n}"}),
        }
        for n in range(240)
    ]
    return data_folder({("known", "hatecheck"): rows})


@pytest.fixture
def run(tmp_path: Path, pack: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs the gate on two folders; gives the exit status and what it wrote."""

    def gate(new: Path, old: Path, **changes: Any) -> tuple[int, dict[str, Any]]:
        given: dict[str, Any] = {
            "gold": [gold_posts(tmp_path / "gold.jsonl")],
            "suites": [suite(tmp_path / "ours.csv")],
            "speeds": lambda _new, _old, _texts: (100.0, 100.0),
            **changes,
        }
        status = run_gate(new, old, pack, out=tmp_path / "gate.json", **given)
        return status, json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))

    return gate


def test_equal_bundles_promote_with_every_kind_of_line_judged(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    status, written = run(bundle(tmp_path / "new"), bundle(tmp_path / "old"))

    assert (status, written["verdict"], written["reasons"]) == (0, "promote", [])
    assert {line["family"] for line in written["lines"]} == set(
        yaml.safe_load((configs_folder() / "policy" / "gate.yaml").read_text("utf-8"))["families"]
    )
    assert all(line["value"] == 0 for line in written["lines"] if line["family"] != "int8_parity")
    cases = {line["name"]: line["posts"] for line in written["lines"]}
    assert cases["suite ours"] == 440  # without those on which the definition profiles differ
    names = set(cases)
    assert {"F1 of far_right", "suites, target: Muslims", "suite ours, head antisemitic"} <= names
    assert "neutral mentions left alone: Sikh (neutral suite)" in names


def test_bundle_made_worse_for_one_group_alone_is_refused_and_the_group_is_named(
    tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = bundle(tmp_path / "old")
    for word in ("muslim", "muslims"):
        monkeypatch.setitem(tiny_bundle.TINY_LOGITS, word, SUSPICION)

    status, written = run(bundle(tmp_path / "new"), old)

    assert (status, written["verdict"]) == (1, "refuse")
    assert any("neutral mentions left alone: Muslim (" in reason for reason in written["reasons"])
    assert any("suites, target: Muslims" in reason for reason in written["reasons"])
    worse = {line["group"] for line in written["lines"] if line["verdict"] == "inferior"}
    assert {"Muslim", "Muslims"} <= worse
    assert not worse & {"Jewish", "Jews", "Sikh", "women", *HEAD_ORDER}


def test_bundle_that_lost_that_suspicion_is_promoted(
    tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = bundle(tmp_path / "new")
    for word in ("muslim", "muslims"):
        monkeypatch.setitem(tiny_bundle.TINY_LOGITS, word, SUSPICION)

    assert run(new, bundle(tmp_path / "old"))[0] == 0


def test_too_few_gold_posts_ask_for_labels(tmp_path: Path, run: Callable[..., Any]) -> None:
    few = gold_posts(tmp_path / "few.jsonl", 120)

    status, written = run(bundle(tmp_path / "new"), bundle(tmp_path / "old"), gold=[few])

    assert (status, written["verdict"]) == (3, "needs labels")
    # 130 positives of a strand are missing, one post in seven (120 of 840) is one.
    assert written["labels_needed"] == 910
    assert all("of the 250 wanted" in reason for reason in written["reasons"])


def test_line_that_no_case_is_about_holds_the_promotion_back(
    tmp_path: Path, pack: Path, run: Callable[..., Any]
) -> None:
    words = {"news": FunctionalityWords("news", "", "news", False)}
    cases = tuple(SuiteCase(f"{n}", f"the club met {n} times", "news", False) for n in range(220))
    path = tmp_path / "hatecheck.csv"  # in the place of the data folder's, which names whom a case is about
    write_suite_csv(Suite("hatecheck", "1", "", "en", cases, words), path)

    status, written = run(bundle(tmp_path / "new"), bundle(tmp_path / "old"), suites=[path])

    assert (status, written["verdict"]) == (3, "needs labels")
    assert written["reasons"] == ["suite_target: no case: not measured"]


def test_bundle_that_no_longer_reads_a_mention_does_not_leave_it_alone(tmp_path: Path) -> None:
    reader = Contender.of(Bundle.load(bundle(tmp_path / "any")))
    folder = bundle(tmp_path / "english")
    (folder / "manifest.json").unlink()
    write_manifest(folder, {"name": "e", "max_tokens": 64, "pad_token_id": 0, "languages": ["en"]})
    of_english = Contender.of(Bundle.load(folder))
    texts = ["Наши соседи сегодня пекут хлеб и поют песни", "Our neighbours bake bread today and sing songs"]

    assert reader.leaves_alone(texts).tolist() == [True, True]
    assert of_english.leaves_alone(texts).tolist() == [False, True]


def test_sample_of_neutral_mentions_asks_about_every_group_in_the_same_words() -> None:
    mentions = [
        NeutralMention("source", group, f"{n} tea with", f"{n} tea with {group}")
        for n in range(300)
        for group in ("sikhs", "jews", "gay people")
    ]
    wanted = NeutralSample(sentences_a_group=20, seed=1, reason="a test")

    found = sampled(mentions, wanted)

    wordings = {
        group: [one.template for one in found if one.group == group]
        for group in ("sikhs", "jews", "gay people")
    }
    assert len(found) == 60
    assert wordings["sikhs"] == wordings["jews"] == wordings["gay people"]
    assert [one for one in mentions if one in found] == found
    assert found != sampled(mentions, wanted.model_copy(update={"seed": 2}))
    assert load_rules()[0].neutral_sample.sentences_a_group >= load_rules()[0].families["neutral_group"].least


@pytest.mark.parametrize("parity", [None, {"posts": 9, "int8_average_precision_loss": {"hate": 0.02}}])
def test_bundle_without_good_int8_parity_is_refused(
    tmp_path: Path, run: Callable[..., Any], parity: dict[str, Any] | None
) -> None:
    status, written = run(bundle(tmp_path / "new", parity=parity), bundle(tmp_path / "old"))

    assert status == 1
    assert written["reasons"][0].startswith("int8 parity")


def test_much_slower_bundle_is_refused(tmp_path: Path, run: Callable[..., Any]) -> None:
    def speeds(_new: Any, _old: Any, _texts: Any) -> tuple[float, float]:
        return 60.0, 100.0

    status, written = run(bundle(tmp_path / "new"), bundle(tmp_path / "old"), speeds=speeds)

    assert status == 1
    assert written["reasons"][0].startswith("posts a second")


def test_gold_posts_that_training_may_have_taken_are_refused(tmp_path: Path, pack: Path) -> None:
    new = Bundle.load(bundle(tmp_path / "new"))
    train = gold_posts(tmp_path / "train.jsonl", 1, split="train")

    with pytest.raises(BadRecord, match="marked test"):
        gather_cases(new, new, pack, gold=[train])


def test_bundle_without_its_recipe_and_no_gold_posts_is_told_so(tmp_path: Path, pack: Path) -> None:
    new = Bundle.load(bundle(tmp_path / "new"))

    with pytest.raises(BadConfig, match="recipe"):
        gather_cases(new, new, pack)


def test_dev_posts_are_those_that_neither_bundle_trained_or_calibrated_on(
    tmp_path: Path, tiny_pack: Path, tiny_recipe: Callable[..., Path]
) -> None:
    from training.corpora.mixture import build_mixture
    from training.corpora.overlap import in_calibration_half
    from training.recipe import load_recipe

    made, mixtures = [], []
    for name, percent in (("new", 50), ("old", 25)):
        recipe = tiny_recipe(dev_percent=percent)
        folder = bundle(tmp_path / name)
        shutil.copy(recipe, folder / "recipe.yaml")
        mixture = build_mixture(load_recipe(recipe).recipe, tiny_pack)
        (folder / "manifest.json").unlink()
        write_manifest(
            folder,
            {"name": name, "max_tokens": 64, "pad_token_id": 0, "data": mixture.files},
        )
        made.append(Bundle.load(folder))
        mixtures.append(mixture)

    cases = gather_cases(made[0], made[1], tiny_pack)

    seen = {post.text for mixture in mixtures for post in mixture.train}
    assert len(cases.texts) == len(cases.labels) > 20
    assert not set(cases.texts) & seen
    assert not any(in_calibration_half(text) for text in cases.texts)
    assert set(cases.texts) < {post.text for post in mixtures[0].dev}


def test_current_bundle_made_from_other_data_by_the_same_recipe_is_not_taken_on_trust(
    tmp_path: Path, tiny_pack: Path, tiny_recipe: Callable[..., Path]
) -> None:
    from training.corpora.mixture import build_mixture
    from training.recipe import load_recipe

    recipe = tiny_recipe()
    files = build_mixture(load_recipe(recipe).recipe, tiny_pack).files
    made = []
    for name, data in (("new", files), ("old", dict.fromkeys(files, "0" * 64))):
        folder = bundle(tmp_path / name)
        shutil.copy(recipe, folder / "recipe.yaml")
        (folder / "manifest.json").unlink()
        write_manifest(folder, {"name": name, "max_tokens": 64, "pad_token_id": 0, "data": data})
        made.append(Bundle.load(folder))

    with pytest.raises(BadConfig, match="not what the bundle was made from"):
        gather_cases(made[0], made[1], tiny_pack)


def test_speed_is_the_median_round_of_both_in_turn() -> None:
    class Counting:
        def __init__(self) -> None:
            self.calls = 0

        def score(self, texts: list[str]) -> Scores:
            self.calls += 1
            return Scores(np.zeros((len(texts), 4), dtype=np.float32), "counting")

    new, old = Counting(), Counting()
    ticks = iter(range(1000))

    of_new, of_old = posts_per_second(new, old, ["a", "b"], clock=lambda: float(next(ticks)))  # type: ignore[arg-type] # scores is all that is asked of it

    assert (of_new, of_old) == (2.0, 2.0)
    assert new.calls == old.calls == 6


def test_command_wants_a_bundle_and_data_unless_it_simulates() -> None:
    result = CliRunner().invoke(watchhouse.app, ["gate"])

    assert result.exit_code == 2
    assert "--simulate" in result.output
