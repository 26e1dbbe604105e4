"""Other words for the same: whether a verdict hangs on the wording, and whether it survives a coded term."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.suite import SuiteCase
from training.evaluation.clusters import clustered_share, family
from training.evaluation.perturbation_settings import CodedTerm, PerturbationSettings, any_of
from training.evaluation.robustness import Score


@dataclass(frozen=True, slots=True)
class Coded:
    """A case as written, and with a coded term for the group's plain name."""

    case: SuiteCase
    text: str
    term: str


def paraphrase_rows(
    cases: Sequence[SuiteCase], scores: NDArray[np.float32], threshold: float
) -> list[dict[str, Any]]:
    """The one row of `robustness` for paraphrases, with `same_verdict`: the share that is judged like most.

    All wordings of a functionality should get one verdict, right or wrong; `same_verdict` is the share of
    cases with the verdict of most of their functionality, at least 0.5 by its making (a tie counts half).
    A functionality with one answered template says nothing of wording and is left out. `scores` (n,)
    float32 of one head, NaN left out. Empty where nothing can be said.
    """
    answered = np.isfinite(scores)
    flagged = scores >= threshold
    places: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for place, case in enumerate(cases):
        if answered[place]:
            places[case.functionality, case.hateful].append(place)
    kept: list[int] = []
    same: list[float] = []
    for members in places.values():
        if len({family(cases[place]) for place in members}) < 2:
            continue
        share_flagged = float(flagged[members].mean())
        kept += members
        for place in members:
            tie = share_flagged == 0.5
            same.append(0.5 if tie else float(flagged[place] == (share_flagged > 0.5)))
    if not kept:
        return []
    families = [family(cases[place]) for place in kept]
    together = clustered_share(np.asarray(same), families)
    hateful = [place for place in kept if cases[place].hateful]
    harmless = [place for place in kept if not cases[place].hateful]
    return [
        {
            "strength": 1.0,
            "caught": _flagged([cases[p] for p in hateful], flagged[hateful]),
            "harmless_flagged": _flagged([cases[p] for p in harmless], flagged[harmless]),
            "same_verdict": None if together is None else together.as_json(),
        }
    ]


def coded_term_rows(
    cases: Sequence[SuiteCase], score: Score, threshold: float, settings: PerturbationSettings
) -> list[dict[str, Any]]:
    """Two rows of `robustness`: cases with the group's plain name (0.0), the same with a coded term (1.0).

    The second row has `terms`: term, group, clause, how many `hateful` and `harmless` cases, and both figures
    of each. Of each term at most `hateful_posts` and `harmless_posts` cases are asked. A harmless case may be
    less so with a code in it: its figure says whether the term alone is enough to be flagged, not that
    flagging is wrong. A term seen in too few templates has no figure, and its cases are in the sums.
    A case without an answer as written is left out; one without an answer once coded is not flagged. Empty
    where no case names a group plainly, or nothing coded is answered.
    """
    coded = [one for term in settings.terms for one in _sampled(cases, term, settings)]
    if not coded:
        return []
    plain = score([one.case.text for one in coded], "plain names")
    disguised = score([one.text for one in coded], "coded terms")
    known = np.isfinite(plain)
    if not np.isfinite(disguised[known]).any():
        return []
    hateful = np.asarray([one.case.hateful for one in coded])
    terms = []
    for term in settings.terms:
        of_term = np.asarray([one.term == term.term for one in coded]) & known
        said = {"term": term.term, "group": term.group, "clause": term.clause}
        counts = {"hateful": int((of_term & hateful).sum()), "harmless": int((of_term & ~hateful).sum())}
        terms.append({**said, **counts, **_figures(coded, disguised >= threshold, of_term)})
    return [
        {"strength": 0.0, **_figures(coded, plain >= threshold, known)},
        {"strength": 1.0, **_figures(coded, disguised >= threshold, known), "terms": terms},
    ]


def with_coded_term(text: str, term: CodedTerm, settings: PerturbationSettings) -> str | None:
    """The text with the term for every plain name of its group; None if it has none, or one is left.

    A name in capitals gives a term in capitals.
    """
    forms = {plain.lower(): form for plain, form in term.forms.items()}

    def form(found: re.Match[str]) -> str:
        coded = forms[found[0].lower()]
        return coded.upper() if found[0].isupper() else coded

    changed, count = any_of(tuple(term.forms)).subn(form, text)
    left = any_of(settings.group_of(term).words).search(changed)
    return changed if count and not left else None


def _sampled(cases: Sequence[SuiteCase], term: CodedTerm, settings: PerturbationSettings) -> list[Coded]:
    found = [
        Coded(case, text, term.term)
        for case in cases
        if (text := with_coded_term(case.text, term, settings)) is not None
    ]
    random.Random(f"{settings.seed}:{term.term}").shuffle(found)  # noqa: S311 - a reproducible draw
    hateful = [one for one in found if one.case.hateful][: settings.hateful_posts]
    return hateful + [one for one in found if not one.case.hateful][: settings.harmless_posts]


def _figures(
    coded: Sequence[Coded], flagged: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> dict[str, dict[str, Any] | None]:
    hateful = np.asarray([one.case.hateful for one in coded])
    found = {}
    for name, kind in (("caught", hateful & counted), ("harmless_flagged", ~hateful & counted)):
        found[name] = _flagged([coded[place].case for place in np.flatnonzero(kind).tolist()], flagged[kind])
    return found


def _flagged(cases: Sequence[SuiteCase], flagged: NDArray[np.bool_]) -> dict[str, Any] | None:
    found = clustered_share(flagged, [family(case) for case in cases])
    return None if found is None else found.as_json()
