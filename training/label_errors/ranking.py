"""From votes and scores to a ranked list of suspects, each with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from cleanlab.filter import find_label_issues
from numpy.typing import NDArray

from model.post_labels import PostLabels
from model.suspects import PostConsensus, ReasonName, Suspect, SuspectReason
from training.label_errors.blind_spots import BlindSpot, blind_spots, in_blind_spots
from training.label_errors.crowd import Crowd, crowd_of
from training.label_errors.repeats import Repeats, contradicting
from training.label_errors.unseen import HeadScores
from training.label_errors.votes import NO_LABEL, Votes

REPEATS_WEIGH = 0.5
"""What a contradiction with all near-duplicates takes from the certainty: one label is wrong, but which?"""

MOST_POSTS_NAMED = 5


@dataclass(frozen=True, slots=True)
class HeadFindings:
    """One head: suspects (rank 1 first, within the head), consensus rows, and who has a blind spot.

    `crowd` says whether annotators and model could be weighed together; without, there are no consensus rows.
    """

    suspects: list[Suspect]
    consensus: list[PostConsensus]
    spots: list[BlindSpot]
    crowd: Literal["used", "collapsed", "too little overlap"]


def head_findings(
    posts: Sequence[PostLabels], votes: Votes, scores: HeadScores, repeats: Repeats, *, out_of_fold: bool
) -> HeadFindings:
    """What is suspicious about one head of the posts.

    The suspicion of a label is 1 - how sure annotators and model together are of it (CROWDLAB; with one
    annotator a post, the model's probability of it), and more where near-duplicates were labelled otherwise.
    Source: Northcutt, Jiang and Chuang 2021, "Confident Learning"; for the crowd see `crowd_of`.
    """
    weighed = crowd_of(votes, scores.values)
    crowd = None if weighed is None or weighed.collapsed else weighed
    spots = blind_spots(votes, scores.values)
    seen = _Seen(votes, scores.values, crowd, _issues(votes, scores.values), repeats)
    blind = in_blind_spots(spots, votes, scores.values)
    found = []
    for place, post in enumerate(posts):
        reasons = seen.reasons(place, blind.get(place), posts)
        if reasons:
            found.append((seen.suspicion(place), place, post, reasons))
    found.sort(key=lambda row: (-row[0], row[1]))
    suspects = [
        Suspect(
            rank=rank,
            post_id=post.id,
            text_sha256=post.text_sha256,
            head=votes.head,
            given=_bit_or_none(votes.given[place]),
            suggested=_bit(seen.suggested(place)),
            suspicion=round(suspicion, 4),
            model_score=round(float(scores.values[place]), 4),
            out_of_fold=out_of_fold,
            adjudicated=bool(votes.adjudicated[place]),
            votes={who: _bit(said) for who, said in votes.of(place).items()},
            reasons=tuple(reasons),
        )
        for rank, (suspicion, place, post, reasons) in enumerate(found, start=1)
    ]
    outcome: Literal["used", "collapsed", "too little overlap"] = (
        "used" if crowd else "too little overlap" if weighed is None else "collapsed"
    )
    return HeadFindings(suspects, _consensus(posts, votes, crowd), spots, outcome)


def _issues(votes: Votes, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where confident learning takes the label for an error, (n,)."""
    labelled = np.flatnonzero(votes.given != NO_LABEL)
    ones = scores[labelled]
    found = find_label_issues(
        votes.given[labelled], np.column_stack([1 - ones, ones]), filter_by="prune_by_noise_rate", n_jobs=1
    )
    issues = np.zeros(len(scores), dtype=np.bool_)
    issues[labelled] = found
    return issues


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that is known of one head, asked post by post."""

    votes: Votes
    scores: NDArray[np.float64]
    crowd: Crowd | None
    issues: NDArray[np.bool_]
    repeats: Repeats

    def suggested(self, place: int) -> int:
        """The label that speaks against the given one; of a tie, what the model would give."""
        given = int(self.votes.given[place])
        if given == NO_LABEL:
            return int(self.scores[place] >= 0.5)
        return 1 - given

    def suspicion(self, place: int) -> float:
        given = int(self.votes.given[place])
        if given == NO_LABEL:
            return 0.5
        one = float(self.scores[place])
        sure = one if given == 1 else 1 - one
        if self.crowd is not None and self.votes.counts[place] and not self.votes.adjudicated[place]:
            sure = self.crowd.quality_of(given, place)
        _, against = contradicting(self.repeats, self.votes.given, place)
        return 1 - sure * (1 - REPEATS_WEIGH * against)

    def reasons(self, place: int, spot: BlindSpot | None, posts: Sequence[PostLabels]) -> list[SuspectReason]:
        found = []
        if self.issues[place]:
            found.append(
                _reason("model_disagrees", "A model of the other posts is confident of the other label.")
            )
        against, _ = contradicting(self.repeats, self.votes.given, place)
        if against:
            words = f"{len(against)} posts with nearly the same words have the other label."
            named = tuple(posts[other].id for other in against[:MOST_POSTS_NAMED])
            found.append(_reason("contradicts_near_duplicates", words, named))
        if spot is not None:
            words = (
                f"Nobody else looked. Over {len(spot.alone)} posts that only they labelled, this annotator "
                f"said yes {spot.given} times, and the model expects {spot.expected:.0f}."
            )
            found.append(_reason("single_annotator_blind_spot", words))
        if self._outweighed(place):
            words = "Annotators and model, weighed by how often they are right, speak for the other label."
            found.append(_reason("annotators_outweighed", words))
        return found

    def _outweighed(self, place: int) -> bool:
        given = int(self.votes.given[place])
        return (
            self.crowd is not None
            and given != NO_LABEL
            and not self.votes.adjudicated[place]
            and int(self.votes.counts[place]) >= 2
            and int(self.crowd.consensus[place]) != given
        )


def _consensus(posts: Sequence[PostLabels], votes: Votes, crowd: Crowd | None) -> list[PostConsensus]:
    if crowd is None:
        return []
    return [
        PostConsensus(
            post_id=post.id,
            text_sha256=post.text_sha256,
            head=votes.head,
            consensus=_bit(crowd.consensus[place]),
            quality=round(float(crowd.quality[place]), 4),
            agreement=round(float(crowd.agreement[place]), 4),
            annotators=int(votes.counts[place]),
        )
        for place, post in enumerate(posts)
        if votes.counts[place]
    ]


def _reason(name: ReasonName, words: str, posts: tuple[str, ...] = ()) -> SuspectReason:
    return SuspectReason(reason=name, words=words, posts=posts)


def _bit(value: int | np.int64) -> Literal[0, 1]:
    return cast(Literal[0, 1], int(value))


def _bit_or_none(value: int | np.int64) -> Literal[0, 1] | None:
    return None if value == NO_LABEL else _bit(value)
