"""Suspected labels: planted errors are found, each reason says what is so, and runs repeat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import watchhouse
from model.errors import BadInput
from model.post_labels import AnnotatorLabel, PostLabels, write_post_labels
from model.records import LabelledPost, write_jsonl
from model.suspects import Suspect, read_consensus, read_suspects
from training.label_errors.blind_spots import blind_spots
from training.label_errors.command import LabelErrors, find_label_errors, label_errors_of
from training.label_errors.crowd import crowd_of
from training.label_errors.ranking import head_findings
from training.label_errors.repeats import Repeats, repeats_among
from training.label_errors.simulation import made_up_posts, measure, plant
from training.label_errors.unseen import Baseline, HeadScores
from training.label_errors.votes import NO_LABEL, votes_of

pytestmark = pytest.mark.training

POSTS = 800


@pytest.fixture(scope="module")
def clean() -> list[PostLabels]:
    return made_up_posts(POSTS)


@pytest.fixture(scope="module")
def nothing_planted(clean: list[PostLabels]) -> LabelErrors:
    return label_errors_of(clean)


@pytest.fixture(scope="module")
def planted(clean: list[PostLabels]) -> LabelErrors:
    posts, _ = plant(clean)
    return label_errors_of(posts)


def post(number: int, text: str, *labels: AnnotatorLabel, adjudicated: int | None = None) -> PostLabels:
    decided = None if adjudicated is None else said("supervisor", adjudicated)
    return PostLabels(id=f"own-{number}", text=text, source="test", labels=labels, adjudicated=decided)


def said(annotator: str, hate: int) -> AnnotatorLabel:
    return AnnotatorLabel.model_validate({"annotator": annotator, "hate": hate})


def reasons_of(found: LabelErrors, post_id: str) -> set[str]:
    return {reason.reason for row in found.suspects if row.post_id == post_id for reason in row.reasons}


def row_of(found: LabelErrors, post_id: str) -> Suspect:
    return next(row for row in found.suspects if row.post_id == post_id)


def test_planted_errors_come_first(clean: list[PostLabels]) -> None:
    found = measure(clean, at=(10, 20))

    assert found.planted == 40
    assert found.precision_at[10] >= 0.9
    assert found.precision_at[40] >= 0.6
    assert found.recall >= 0.6


def test_clean_labels_give_few_suspects_and_no_blind_spot(nothing_planted: LabelErrors) -> None:
    assert len(nothing_planted.suspects) < POSTS * 0.03
    assert nothing_planted.summary["heads"]["hate"]["blind_spots"] == 0


def test_two_runs_find_the_same(clean: list[PostLabels], planted: LabelErrors) -> None:
    posts, _ = plant(clean)

    assert label_errors_of(posts) == planted


def test_each_suspect_says_what_it_stands_on(clean: list[PostLabels], planted: LabelErrors) -> None:
    _, wrong = plant(clean)
    rows = planted.suspects

    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
    assert [row.suspicion for row in rows] == sorted((row.suspicion for row in rows), reverse=True)
    top = rows[0]
    assert top.post_id in wrong
    assert top.given is not None
    assert top.suggested == 1 - top.given
    assert list(top.votes.values()) == [top.given]
    assert "model_disagrees" in reasons_of(planted, top.post_id)
    assert (top.out_of_fold, top.adjudicated) == (True, False)


def test_repeats_with_different_labels_name_each_other(clean: list[PostLabels]) -> None:
    same = "the quiet library near our old station was busy again today"
    twins = [post(number, f"{same}{'!' * number}", said("a", number % 2)) for number in range(2)]

    found = label_errors_of([*clean, *twins])

    assert "contradicts_near_duplicates" in reasons_of(found, "own-0") & reasons_of(found, "own-1")
    reason = next(r for r in row_of(found, "own-1").reasons if r.reason == "contradicts_near_duplicates")
    assert reason.posts == ("own-0",)
    assert row_of(found, "own-1").suspicion > row_of(found, "own-0").suspicion


def test_the_more_repeats_contradict_a_label_the_more_it_is_suspected() -> None:
    posts = [post(n, "the same words", said("a", label)) for n, label in enumerate((1, 0, 0, 1))]
    votes = votes_of(posts, "hate")
    scores = np.full(len(posts), 0.5)
    repeats = repeats_among([one.text for one in posts])

    def suspicion(known: Repeats) -> list[float]:
        found = head_findings(posts, votes, HeadScores(scores, 0.5), known, out_of_fold=True).suspects
        return [row.suspicion for row in sorted(found, key=lambda row: row.post_id)]

    # Each post has three repeats, two of which say otherwise: 1 - 1/2 * (1 - 1/2 * 2/3).
    assert suspicion(repeats) == pytest.approx([2 / 3] * 4, abs=1e-4)
    assert suspicion(Repeats(((),) * 4, repeats.families)) == []


def test_a_repeat_is_never_in_another_fold(clean: list[PostLabels]) -> None:
    # Ten copies of one town post, all labelled 1: were a copy trained on, it would score its own label.
    copies = [
        post(n, f"the council opened a new library near the station {'today ' * n}", said("a", 1))
        for n in range(10)
    ]
    posts = [*clean, *copies]
    normalised = [one.text for one in posts]
    repeats = repeats_among(normalised)

    scores = Baseline(normalised, repeats.families, seed=1).scores(votes_of(posts, "hate"))

    assert scores is not None
    assert len(set(repeats.families[-10:])) == 1
    assert scores.values[-10:].max() < 0.5


def test_an_annotator_who_never_says_yes_where_nobody_looked_is_noticed(clean: list[PostLabels]) -> None:
    blind = [
        one.model_copy(update={"labels": (said("annotator-0", 0),)})
        if one.labels[0].annotator == "annotator-0"
        else one
        for one in clean
    ]
    missed = {one.id for one in clean if one.labels[0].annotator == "annotator-0" and one.labels[0].hate == 1}

    found = label_errors_of(blind)

    named = {
        row.post_id
        for row in found.suspects
        if "single_annotator_blind_spot" in reasons_of(found, row.post_id)
    }
    assert found.summary["heads"]["hate"]["blind_spots"] == 1
    assert len(named & missed) >= 0.8 * len(named) > 0


def test_few_posts_alone_are_no_blind_spot() -> None:
    posts = [post(number, f"text {number}", said("a", 0)) for number in range(29)]

    assert blind_spots(votes_of(posts, "hate"), np.full(29, 0.9)) == []


# --- several annotators


def crowded(clean: Sequence[PostLabels]) -> tuple[list[PostLabels], set[str]]:
    """Each post with two careful annotators and one who guesses; and the ids where the majority is wrong."""
    draw = np.random.default_rng(4)
    posts, wrong = [], set()
    for one in clean:
        truth = one.labels[0].hate
        assert truth is not None
        votes = [truth ^ int(error) for error in draw.random(3) < (0.06, 0.06, 0.4)]
        labels = tuple(said(f"annotator-{who}", vote) for who, vote in enumerate(votes))
        posts.append(one.model_copy(update={"labels": labels}))
        if (sum(votes) > 1) != bool(truth):
            wrong.add(one.id)
    return posts, wrong


def test_annotators_and_model_together_beat_the_majority_on_a_common_label() -> None:
    balanced = made_up_posts(POSTS, rare=0.5)
    truth = {one.id: one.labels[0].hate for one in balanced}
    posts, wrong = crowded(balanced)

    found = label_errors_of(posts)

    consensus = {row.post_id: row for row in found.consensus if row.head == "hate"}
    assert found.summary["heads"]["hate"]["crowd"] == "used"
    assert len(consensus) == POSTS
    assert all(row.annotators == 3 for row in consensus.values())
    errors = sum(row.consensus != truth[post_id] for post_id, row in consensus.items())
    assert errors < 0.7 * len(wrong)
    outweighed = {
        row.post_id for row in found.suspects if "annotators_outweighed" in reasons_of(found, row.post_id)
    }
    assert len(outweighed & wrong) >= 0.6 * len(outweighed) > 0


def test_nothing_is_concluded_where_annotators_lost_all_weight(clean: list[PostLabels]) -> None:
    # One in eight: the three disagree more often than a constant "no" would be wrong.
    posts, _ = crowded(clean)

    found = label_errors_of(posts)

    assert found.summary["heads"]["hate"]["crowd"] == "collapsed"
    assert found.consensus == []
    assert found.summary["heads"]["hate"]["reasons"].get("annotators_outweighed", 0) == 0


def test_no_two_who_agree_leave_no_crowd() -> None:
    apart = [post(n, f"text {n}", said("a", n % 2)) for n in range(4)]
    against = [post(n, f"text {n}", said("a", 0), said("b", 1)) for n in range(4)]

    assert crowd_of(votes_of(apart, "hate"), np.full(4, 0.5)) is None
    assert crowd_of(votes_of(against, "hate"), np.full(4, 0.5)) is None


def test_ties_are_broken_without_a_draw() -> None:
    posts = [post(n, f"text {n}", said("a", n % 2), said("b", 1 - n % 2)) for n in range(6)]
    posts += [post(9, "text", said("a", 0), said("b", 0)), post(10, "text", said("a", 1), said("b", 1))]

    first, second = (crowd_of(votes_of(posts, "hate"), np.full(8, 0.5)) for _ in range(2))

    assert first is not None
    assert second is not None
    assert first.consensus.tolist() == second.consensus.tolist()


def test_votes_come_to_the_label_that_stands() -> None:
    posts = [
        post(0, "a", said("a", 1), said("b", 1), said("c", 0)),
        post(1, "b", said("a", 1), said("b", 0)),
        post(2, "c", said("a", 1), said("b", 0), adjudicated=0),
        post(3, "d", AnnotatorLabel(annotator="a")),
    ]

    votes = votes_of(posts, "hate")

    assert votes.given.tolist() == [1, NO_LABEL, 0, NO_LABEL]
    assert votes.adjudicated.tolist() == [False, False, True, False]
    assert votes.counts.tolist() == [3, 2, 2, 0]
    assert votes.of(1) == {"a": 1, "b": 0}


# --- the command


def test_the_command_writes_what_it_found(clean: list[PostLabels], tmp_path: Path) -> None:
    planted, _ = plant(clean)
    write_post_labels(planted, tmp_path / "labels.jsonl")

    found = find_label_errors(tmp_path / "labels.jsonl", tmp_path / "out", most=15)

    assert list(read_suspects(tmp_path / "out" / "suspects.jsonl")) == found.suspects
    assert len(found.suspects) == 15
    assert list(read_consensus(tmp_path / "out" / "consensus.jsonl")) == found.consensus == []
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary == found.summary
    assert summary["schema_version"] == 1
    assert summary["heads"]["hate"]["labelled"] == POSTS
    assert "skipped" in summary["heads"]["antisemitic"]
    assert summary["labels"]["file"] == "labels.jsonl"


def test_the_command_takes_the_plain_export(clean: list[PostLabels], tmp_path: Path) -> None:
    rows = [
        LabelledPost(id=one.id, text=one.text, source="hub", hate=one.labels[0].hate, annotator="a")
        for one in clean
    ]
    write_jsonl(rows, tmp_path / "labels.jsonl")

    found = find_label_errors(tmp_path / "labels.jsonl", tmp_path / "out")

    assert found.summary["posts"] == POSTS


def test_a_bundle_may_score_and_the_rows_say_so(
    clean: list[PostLabels], tiny_bundle: Path, tmp_path: Path
) -> None:
    write_post_labels(clean[:300], tmp_path / "labels.jsonl")

    found = find_label_errors(tmp_path / "labels.jsonl", tmp_path / "out", bundle=tiny_bundle)

    assert found.summary["out_of_fold"] is False
    assert found.suspects
    assert not any(row.out_of_fold for row in found.suspects)


def test_a_folder_that_is_not_there_and_a_file_without_posts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")

    with pytest.raises(BadInput, match="folder"):
        find_label_errors(tmp_path / "empty.jsonl", tmp_path / "no" / "out")
    with pytest.raises(BadInput, match="no post"):
        find_label_errors(tmp_path / "empty.jsonl", tmp_path / "out")


def test_the_command_line_says_how_many_it_found(clean: list[PostLabels], tmp_path: Path) -> None:
    write_post_labels(clean[:400], tmp_path / "labels.jsonl")
    files = ["--labels", str(tmp_path / "labels.jsonl"), "--out", str(tmp_path / "out")]

    done = CliRunner().invoke(watchhouse.app, ["label", "find-errors", *files])

    assert done.exit_code == 0, done.output
    assert "suspects among 400 posts" in done.output
    assert (tmp_path / "out" / "suspects.jsonl").is_file()
