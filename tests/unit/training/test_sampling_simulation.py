"""The sampling simulation on a made-up data folder: streams, both arms, tables and the picture."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("sklearn")


from labelling.sampling.rules import load_sampling_rules
from labelling.sampling.simulated_desk import open_desk, sampler_hashes
from labelling.sampling.vectors import hashed_ngrams
from model.configuration import configs_folder
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED
from training.simulation.baseline import Line, warm_start
from training.simulation.desk import DeskChoice, DeskView
from training.simulation.plan import SimulationPlan, load_simulation_plan
from training.simulation.results import read_results
from training.simulation.sampling import simulate_sampling
from training.simulation.streams import (
    Posts,
    make_stream,
    read_posts,
    warm_start_posts,
    with_far_right,
)
from training.simulation.vectors import Embedder, Vectors, encoder_vectors, kept_on_disk

pytestmark = pytest.mark.training

CORPORA = ("hatexplain", "implicit_hate", "stormfront")


def embed(texts: Sequence[str], /) -> Vectors:
    """Hashed n-grams: as good as an encoder on posts made of marker phrases."""
    return np.asarray([hashed_ngrams(text) for text in texts], dtype=np.float32)


@pytest.fixture
def plan_path(tmp_path: Path) -> Path:
    raw = yaml.safe_load((configs_folder() / "labelling" / "simulation.yaml").read_text(encoding="utf-8"))
    raw |= {
        "seeds": [1, 2],
        "batch_posts": 10,
        "sampled_labels": 60,
        "random_labels": 120,
        "held_out": list(CORPORA),
        "also_train": [],
        "background": ["background_tweeteval"],
    }
    raw["stream"] |= {
        "posts": 400,
        "hateful": 0.1,
        "own_harmless_at_most": 0.3,
        "least_test_positives": 3,
        "published_pool_at_least": 1.0,
    }
    raw["warm_start"] |= {"posts_a_corpus": 150, "background_posts": 100}
    raw["representation"] |= {"background_posts": 600}
    raw["bootstrap_draws"] = 100
    path = tmp_path / "simulation.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(raw, default=str))), encoding="utf-8")
    return path


@pytest.fixture
def plan(plan_path: Path) -> SimulationPlan:
    return load_simulation_plan(plan_path)[0]


@pytest.fixture
def pack(data_folder: Any, posts_made_up: Any) -> Path:
    corpora = {("train", name): posts_made_up(300, seed) for seed, name in enumerate(CORPORA, start=1)}
    background = [
        {**row, **dict.fromkeys(HEAD_ORDER, None)} for row in posts_made_up(1400, 9) if row["hate"] == 0
    ]
    return data_folder({**corpora, ("background", "background_tweeteval"): background})


@pytest.fixture
def posts(plan: SimulationPlan, pack: Path) -> dict[str, Posts]:
    return read_posts(plan, pack, embed, lambda _what: None)


class Takes:
    """A sampler that takes the places it is told, a batch at a time, and keeps what it was shown."""

    def __init__(self, order: Sequence[int], trains: bool = True) -> None:
        self.order, self.trains = list(order), trains
        self.seen: list[DeskView] = []

    def __call__(self, view: DeskView, /, *, labels: int, batch_posts: int, seed: int) -> Takes:
        self.batch = batch_posts
        return self

    def choose(self, view: DeskView, /) -> Sequence[DeskChoice]:
        self.seen.append(view)
        now, self.order = self.order[: self.batch], self.order[self.batch :]
        return [DeskChoice(place, self.trains) for place in now]


def run_one(plan: SimulationPlan, posts: dict[str, Posts], desk: Any, seed: int = 1) -> list[dict[str, Any]]:
    from training.simulation.labelling_run import run_stream

    known = warm_start_posts(plan, posts, "hatexplain")
    start = warm_start(known.vectors, known.labels, plan.warm_start.inverse_penalty)
    stream = make_stream(plan, posts, "hatexplain", "natural", seed)
    assert stream is not None
    return run_stream(plan, stream, start, desk, seed)


def test_stream_has_the_rate_asked_for_and_no_post_is_in_pool_and_test(
    plan: SimulationPlan, posts: dict[str, Posts]
) -> None:
    stream = make_stream(plan, posts, "hatexplain", "natural", 1)

    assert stream is not None
    assert len(stream.posts.keys) == 400
    hateful = (stream.posts.labels == 1).any(axis=1)
    assert hateful.mean() == pytest.approx(0.1)
    assert len(stream.test) == 120
    assert sorted([*stream.test, *stream.pool]) == list(range(400))
    keys = np.asarray(stream.posts.keys)
    assert not set(keys[stream.test]) & set(keys[stream.pool])
    assert 0 < hateful[stream.test].mean() < 0.25


def test_published_stream_is_the_corpus_and_a_small_one_is_none(
    plan: SimulationPlan, posts: dict[str, Posts]
) -> None:
    stream = make_stream(plan, posts, "stormfront", "published", 1)

    assert stream is not None
    assert sorted(stream.posts.keys) == sorted(posts["stormfront"].keys)
    larger = plan.model_copy(update={"random_labels": 300})
    assert make_stream(larger, posts, "stormfront", "published", 1) is None


def test_streams_repeat_for_a_seed(plan: SimulationPlan, posts: dict[str, Posts]) -> None:
    first, again, other = (make_stream(plan, posts, "hatexplain", "natural", s) for s in (1, 1, 2))

    assert first is not None
    assert again is not None
    assert other is not None
    assert first.posts.keys == again.posts.keys != other.posts.keys


def test_nothing_of_the_corpus_left_out_is_in_the_warm_start(
    plan: SimulationPlan, posts: dict[str, Posts]
) -> None:
    shared = posts["hatexplain"].keys[0]
    posts["stormfront"] = Posts(
        (shared, *posts["stormfront"].keys[1:]), posts["stormfront"].labels, posts["stormfront"].vectors
    )

    known = warm_start_posts(plan, posts, "hatexplain")
    stream = make_stream(plan, posts, "hatexplain", "natural", 1)

    assert stream is not None
    assert not set(known.keys) & set(posts["hatexplain"].keys)
    assert not set(known.keys) & set(stream.posts.keys)  # nor background that the stream has
    assert len(known.keys) == 150 + 150 + 100  # the corpus's next post takes the shared one's place


def test_far_right_negatives_are_harmless_posts_without_a_term_of_the_lexicon() -> None:
    rows = np.asarray([[0, 0, 0, -1], [0, 0, 0, -1], [1, 0, 0, -1], [0, 0, 0, 1], [-1, 0, 0, -1]], np.int8)

    found = with_far_right(rows, np.asarray([False, True, False, False, False]))

    assert found[:, 3].tolist() == [0, NOT_ANNOTATED, NOT_ANNOTATED, 1, NOT_ANNOTATED]


def test_corpus_that_the_folder_lacks_is_named(plan: SimulationPlan, pack: Path) -> None:
    with pytest.raises(BadConfig, match="dghsd"):
        read_posts(plan.model_copy(update={"also_train": ("dghsd",)}), pack, embed, lambda _what: None)


# --- Arms --------------------------------------------------------------------------------------------


def test_arms_begin_alike_and_have_a_point_after_each_batch(
    plan: SimulationPlan, posts: dict[str, Posts]
) -> None:
    rows = run_one(plan, posts, open_desk)

    assert {row["head"] for row in rows} >= {"hate"}
    for row in rows:
        assert row["sampler"]["labels"] == [0, 10, 20, 30, 40, 50, 60]
        assert row["random"]["labels"] == [0, 10, 20, 30, 40, 50, 60]
        assert row["sampler"]["average_precision"][0] == row["random"]["average_precision"][0]
        assert all(0 <= value <= 1 for value in row["sampler"]["average_precision"])
    assert rows == run_one(plan, posts, open_desk)


def test_labels_of_the_audit_are_read_and_do_not_train(plan: SimulationPlan, posts: dict[str, Posts]) -> None:
    rows = run_one(plan, posts, Takes(range(60), trains=False))

    for row in rows:
        assert set(row["sampler"]["average_precision"]) == {row["sampler"]["average_precision"][0]}
        assert row["sampler"]["positives"] == 0
        assert row["sampler"]["labels"][-1] == 60
    assert rows[0]["sampler"]["hateful"] > 0


def test_sampler_sees_no_label_that_nobody_has_given(plan: SimulationPlan, posts: dict[str, Posts]) -> None:
    desk = Takes(range(60))
    run_one(plan, posts, desk)

    assert desk.seen[0].anchors == []
    for number, view in enumerate(desk.seen):
        assert view.labelled.sum() == 10 * number
        assert all(view.labelled[place] for place, _ in view.anchors)
        assert view.scores.shape == (len(view.labelled), len(HEAD_ORDER))
    assert (desk.seen[1].other_scores == desk.seen[0].scores).all()


def test_good_labels_raise_average_precision_more_than_poor_ones(
    plan: SimulationPlan, posts: dict[str, Posts]
) -> None:
    stream = make_stream(plan, posts, "hatexplain", "natural", 1)
    assert stream is not None
    hateful = (stream.posts.labels[stream.pool] == 1).any(axis=1)
    known = warm_start_posts(plan, posts, "hatexplain")
    flat = tuple(Line(np.zeros(known.vectors.shape[1] + 1)) for _ in HEAD_ORDER)

    from training.simulation.labelling_run import run_stream

    ends = []
    for order in (
        [*np.flatnonzero(hateful)[:20], *np.flatnonzero(~hateful)[:40]],
        np.flatnonzero(~hateful)[:60].tolist(),
    ):
        rows = run_stream(plan, stream, flat, Takes([int(place) for place in order]), 1)
        ends.append(rows[0]["sampler"]["average_precision"][-1])

    assert ends[0] > 0.9 > ends[1] + 0.2


# --- Results ------------------------------------------------------------------------------------------


def test_simulation_is_run_written_printed_again_and_drawn(
    plan_path: Path, pack: Path, tmp_path: Path
) -> None:
    out, picture = tmp_path / "rows.jsonl", tmp_path / "curves.svg"
    rows = simulate_sampling(
        pack, open_desk, plan_path=plan_path, out=out, picture=picture, seeds=[2], embed=embed
    )

    assert read_results(out) == rows
    assert {row["stream"] for row in rows[1:]} == {"natural", "published"}
    assert {row["seed"] for row in rows[1:]} == {2}
    assert rows[0]["plan"]["sha256"] == load_simulation_plan(plan_path)[1]
    assert "mean over strands" in picture.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "training.simulation", str(out), "--picture", str(tmp_path / "again.svg")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "labels from the sampler raise average precision" in done.stdout
    assert (tmp_path / "again.svg").read_bytes() == picture.read_bytes()


def test_run_that_was_stopped_goes_on_and_another_sampler_begins_anew(
    plan_path: Path, pack: Path, tmp_path: Path
) -> None:
    opened: list[int] = []

    def stops_at(most: int) -> Any:
        def opening(view: DeskView, /, **options: Any) -> Any:
            if len(opened) >= most:
                raise KeyboardInterrupt
            opened.append(len(view.labelled))
            return open_desk(view, **options)

        return opening

    def run(desk: Any, sampler: str = "one") -> list[dict[str, Any]]:
        return simulate_sampling(
            pack,
            desk,
            plan_path=plan_path,
            seeds=[1],
            embed=embed,
            work=tmp_path / "work",
            sampler={"rules": sampler},
        )

    with pytest.raises(KeyboardInterrupt):
        run(stops_at(3))
    rows = run(stops_at(100))
    streams = len({(row["corpus"], row["stream"]) for row in rows[1:]})

    assert len(opened) == streams > 3
    assert rows == run(stops_at(0))
    assert rows[0]["sampler"] == {"rules": "one"}
    straight_on = simulate_sampling(pack, open_desk, plan_path=plan_path, seeds=[1], embed=embed)
    assert rows[1:] == straight_on[1:]
    with pytest.raises(KeyboardInterrupt):
        run(stops_at(0), sampler="another")


def test_hashes_of_the_sampler_follow_its_rules(tmp_path: Path) -> None:
    path = tmp_path / "sampling.yaml"
    shipped = (configs_folder() / "labelling" / "sampling.yaml").read_text(encoding="utf-8")
    path.write_text(shipped.replace("units_per_batch: 40.0", "units_per_batch: 80.0"), encoding="utf-8")

    first, other = sampler_hashes(load_sampling_rules()), sampler_hashes(load_sampling_rules(path))

    assert first["rules"] != other["rules"] == load_sampling_rules(path).sha256
    assert first["source"] == other["source"]


def test_without_an_embedder_there_has_to_be_a_folder(plan_path: Path, pack: Path) -> None:
    with pytest.raises(BadConfig, match="work"):
        simulate_sampling(pack, open_desk, plan_path=plan_path)


def test_seed_that_the_plan_does_not_have_is_refused(plan_path: Path, pack: Path) -> None:
    with pytest.raises(BadConfig, match="seeds"):
        simulate_sampling(pack, open_desk, plan_path=plan_path, seeds=[9], embed=embed)


def test_vectors_are_asked_for_once_and_kept_by_texts_and_name(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def load() -> Embedder:
        def embedder(texts: Sequence[str], /) -> Vectors:
            asked.append(list(texts))
            return embed(texts)

        return embedder

    first, texts = kept_on_disk(load, "one", tmp_path / "vectors"), ["a cup of tea", "rain"]
    computed = first(texts)
    again = kept_on_disk(load, "one", tmp_path / "vectors")(texts)
    assert (again == computed).all()
    assert asked == [texts]

    first(["a cup of ", "tearain"])
    kept_on_disk(load, "another", tmp_path / "vectors")(texts)
    assert asked == [texts, ["a cup of ", "tearain"], texts]
    assert not list((tmp_path / "vectors").glob("*.part*"))


def test_encoder_gives_vectors_of_length_one_whatever_stands_beside_a_text(
    plan: SimulationPlan,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_recipe: Any,
) -> None:
    recipe = tiny_recipe()
    folder = tmp_path / "configs" / "train"
    folder.mkdir(parents=True)
    (folder / "tiny.yaml").write_text(recipe.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("WATCHHOUSE_CONFIG_DIR", str(tmp_path / "configs"))
    embedder = encoder_vectors(
        plan.representation.model_copy(update={"encoder": "tiny.yaml", "max_tokens": 16})
    )
    texts = ["tea", "the council opened a new library near our station", "rain had stopped"]

    together, alone = embedder(texts), np.concatenate([embedder([text]) for text in texts])

    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert (together * alone).sum(axis=1) == pytest.approx(np.ones(3), abs=0.01)
