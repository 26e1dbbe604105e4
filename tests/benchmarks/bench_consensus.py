"""How many labels are wrong after a majority vote, Dawid-Skene and CROWDLAB, on posts whose truth is known.

`python tests/benchmarks/bench_consensus.py` prints the table that docs/agreement.md quotes. Made-up neutral
posts, three annotators each, a TF-IDF model scored out of fold for CROWDLAB.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labelling.quality.dawid_skene import dawid_skene
from labelling.quality.ratings import Ratings
from training.label_errors.crowd import crowd_of
from training.label_errors.repeats import repeats_among
from training.label_errors.simulation import made_up_posts
from training.label_errors.unseen import Baseline
from training.label_errors.votes import Votes, votes_of

POSTS = 2000
SEED = 20261123
CREWS = {
    "three who err in 1 of 10": (0.1, 0.1, 0.1),
    "three who err in 1 of 40": (0.025, 0.025, 0.025),
    "two careful ones and one who guesses": (0.06, 0.06, 0.4),
}


def with_errors(votes: Votes, truth: NDArray[np.int64], errors: Sequence[float]) -> Votes:
    """The same head answered by one annotator for each error rate."""
    wrong = np.random.default_rng(SEED).random((len(truth), len(errors))) < np.array(errors)
    values = np.where(wrong, 1 - truth[:, None], truth[:, None]).astype(np.float64)
    ones = values.sum(axis=1)
    return replace(
        votes,
        annotators=tuple(f"annotator-{number}" for number in range(len(errors))),
        values=values,
        given=(ones > len(errors) / 2).astype(np.int64),
    )


def main() -> None:
    """Prints the table."""
    sys.stdout.write("| label is on | annotators | majority wrong | Dawid-Skene wrong | CROWDLAB wrong |")
    sys.stdout.write(" its annotators weigh |\n|---|---|---|---|---|---|\n")
    for rare in (0.5, 0.125, 0.05):
        posts = made_up_posts(POSTS, rare=rare, seed=SEED)
        clean = votes_of(posts, "hate")
        texts = [post.text for post in posts]
        baseline = Baseline(texts, repeats_among(texts).families, seed=SEED)
        for name, errors in CREWS.items():
            votes = with_errors(clean, clean.given, errors)
            scores = baseline.scores(votes)
            crowd = crowd_of(votes, scores.values) if scores else None
            assert crowd is not None
            ratings = Ratings(tuple(post.id for post in posts), votes.annotators, votes.values)
            found = dawid_skene(ratings, 2).posterior.argmax(axis=1)
            wrong = [int((labels != clean.given).sum()) for labels in (votes.given, found, crowd.consensus)]
            counts = " | ".join(str(count) for count in wrong)
            weigh = "nothing" if crowd.collapsed else "something"
            sys.stdout.write(f"| {rare:.1%} | {name} | {counts} | {weigh} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
