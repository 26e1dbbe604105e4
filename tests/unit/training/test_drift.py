"""Performance by year: which posts are taken, which years go together, and what the figures then say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn")

from model.errors import LeakFound
from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import MixturePost
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import NOT_ANNOTATED
from training.evaluation.drift import LEAST_POSTS, DatedPost, dated_posts, drift_rows, year_in

pytestmark = pytest.mark.training

COLUMN = HEAD_ORDER.index("antisemitic")


def dev_post(corpus: str, number: int, *, in_dev: bool = True) -> MixturePost:
    return MixturePost(corpus, f"{corpus}-{number}", f"post number {number}", [0, 0, 0, 0], in_dev=in_dev)


def arranged(
    years: dict[int, tuple[int, int]], corpus: str = "dated"
) -> tuple[list[DatedPost], NDArray[np.int8]]:
    """Posts and labels (n, 4) from (positives, negatives) of each year."""
    posts: list[DatedPost] = []
    labels: list[list[int]] = []
    for year, (positives, negatives) in years.items():
        for label in [1] * positives + [0] * negatives:
            posts.append(DatedPost(dev_post(corpus, len(posts)), year))
            row = [NOT_ANNOTATED] * len(HEAD_ORDER)
            row[COLUMN] = label
            labels.append(row)
    return posts, np.asarray(labels, dtype=np.int8)


def scored(labels: NDArray[np.int8], right: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Scores (n, 4): 0.9 for what a post is, 0.1 for what it is not, and the other way where not `right`."""
    scores = np.full(labels.shape, 0.1, dtype=np.float32)
    said = (labels[:, COLUMN] == 1) == right
    scores[said, COLUMN] = 0.9
    return scores


def rows_of(years: dict[int, tuple[int, int]]) -> list[dict[str, Any]]:
    posts, labels = arranged(years)
    right = np.ones(len(posts), dtype=np.bool_)
    return drift_rows(posts, scored(labels, right), labels, "antisemitic", 0.5)


def test_year_that_is_judged_the_wrong_way_round_shows() -> None:
    posts, labels = arranged({2019: (10, 20), 2020: (15, 15)})
    right = np.asarray([dated.year == 2019 for dated in posts])
    early, late = drift_rows(posts, scored(labels, right), labels, "antisemitic", 0.5)
    assert (early["corpus"], early["head"], early["year"]) == ("dated", "antisemitic", "2019")
    assert (early["posts"], early["positives"], early["note"]) == (30, 10, None)
    assert early["roc_auc"] == {"value": 1.0, "low": 1.0, "high": 1.0, "posts": 30}
    assert early["f1"]["value"] == 1.0
    assert (late["year"], late["roc_auc"]["value"], late["f1"]["value"]) == ("2020", 0.0, 0.0)


def test_years_with_few_posts_go_together_with_the_next_and_say_so() -> None:
    rows = rows_of({2018: (1, 3), 2019: (10, 20), 2021: (10, 20), 2022: (2, 2)})
    assert [row["year"] for row in rows] == ["2018-2019", "2021-2022"]
    assert [row["posts"] for row in rows] == [34, 34]
    assert rows[0]["note"].startswith("2018 and 2019 together")
    assert rows[1]["note"].startswith("2021 and 2022 together")


def test_year_of_one_kind_goes_together_with_the_next() -> None:
    (row,) = rows_of({2018: (0, 60), 2019: (10, 20)})
    assert (row["year"], row["posts"], row["positives"]) == ("2018-2019", 90, 10)


@pytest.mark.parametrize(
    ("years", "why"),
    [({2018: (2, 2), 2019: (2, 2)}, "fewer than"), ({2018: (0, 40), 2019: (0, 40)}, "one kind")],
)
def test_corpus_with_too_little_in_all_years_is_named_and_not_measured(
    years: dict[int, tuple[int, int]], why: str
) -> None:
    (row,) = rows_of(years)
    assert (row["year"], row["roc_auc"], row["f1"]) == ("2018-2019", None, None)
    assert why in row["note"]


def test_posts_without_label_or_answer_do_not_count() -> None:
    posts, labels = arranged({2019: (40, 40)})
    scores = scored(labels, np.ones(80, dtype=np.bool_))
    labels[0, COLUMN] = NOT_ANNOTATED
    scores[1, COLUMN] = np.nan
    (row,) = drift_rows(posts, scores, labels, "antisemitic", 0.5)
    assert (row["posts"], row["positives"]) == (78, 38)
    assert drift_rows(posts, scores, labels, "hate", 0.5) == []


def test_corpora_have_rows_of_their_own() -> None:
    first, labels_first = arranged({2019: (20, 20)}, "first")
    second, labels_second = arranged({2019: (20, 30)}, "second")
    labels = np.concatenate([labels_first, labels_second])
    right = np.ones(len(labels), dtype=np.bool_)
    rows = drift_rows([*first, *second], scored(labels, right), labels, "antisemitic", 0.5)
    assert [(row["corpus"], row["posts"]) for row in rows] == [("first", 40), ("second", 50)]
    assert LEAST_POSTS <= 40


@pytest.mark.parametrize(
    ("meta", "year"),
    [
        ({"year": "2019"}, 2019),
        ({"year": 2021}, 2021),
        ({"year": "2019-05"}, None),
        ({"year": "0"}, None),
        ({"year": None}, None),
        ({"keyword": "2019"}, None),
        (None, None),
    ],
)
def test_year_in_meta_is_taken_only_where_it_can_be_one(
    meta: dict[str, Any] | None, year: int | None
) -> None:
    assert year_in(meta) == year


def test_dated_posts_are_dev_posts_with_a_year_that_calibration_has_not_seen(
    data_folder: Callable[..., Path],
) -> None:
    def row(corpus: str, number: int, meta: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"{corpus}-{number}",
            "text": f"post number {number}",
            "hate": 0,
            "meta": json.dumps(meta),
        }

    data = data_folder(
        {
            ("train", "dated"): [row("dated", n, {"year": str(2019 + n % 2)}) for n in range(20)],
            ("train", "undated"): [row("undated", n, {"keyword": "x"}) for n in range(20)],
        }
    )
    dev = [dev_post(corpus, n) for corpus in ("dated", "undated", "contrast") for n in range(20)]
    found = dated_posts(dev, data)
    expected = [n for n in range(20) if not in_calibration_half(f"post number {n}")]
    assert expected
    assert [(one.post.id, one.year) for one in found] == [(f"dated-{n}", 2019 + n % 2) for n in expected]


def test_training_post_among_the_posts_is_refused(data_folder: Callable[..., Path]) -> None:
    data = data_folder({("train", "dated"): [{"id": "dated-1", "text": "a post", "hate": 0}]})
    with pytest.raises(LeakFound):
        dated_posts([dev_post("dated", 1, in_dev=False)], data)
