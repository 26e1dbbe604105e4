"""What a researcher should know of a suite before its figures mean anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from model.language import ANY_LANGUAGE
from model.suite import SEVERAL, UNDETERMINED, Suite, SuiteCase

LEAST_CASES: Final = 25
"""Cases of a functionality. With 25 the 95 % interval of a share spans up to 37 points.

Source: issue of step 3 ("at least 25 cases each"), as training/suites/lint.py."""

BALANCED: Final = (0.4, 0.6)
"""Share of hateful cases: outside, accuracy says more of one answer than of the other. As above."""

MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know; `names` are functionalities or case ids, never texts."""

    check: str
    message: str
    names: tuple[str, ...] = ()


def lint_suite(suite: Suite, languages: Sequence[str]) -> list[Finding]:
    """Everything worth knowing, the gravest first; `languages` are those that the bundle reads."""
    return [
        *_repeated(suite.cases),
        *_answers(suite),
        *_sizes(suite.cases),
        *_language(suite.language, languages),
    ]


def _repeated(cases: Sequence[SuiteCase]) -> Iterator[Finding]:
    by_text: dict[str, list[SuiteCase]] = defaultdict(list)
    for case in cases:
        by_text[" ".join(case.text.casefold().split())].append(case)
    repeated = [same for same in by_text.values() if len(same) > 1]
    torn = [same for same in repeated if len({case.hateful for case in same}) > 1]
    alike = [same for same in repeated if len({case.hateful for case in same}) == 1]
    if torn:
        names = [case.case_id for same in torn for case in same]
        yield Finding(
            "contradiction", "the same text is hateful in one case and not in another", _some(names)
        )
    if alike:
        names = [case.case_id for same in alike for case in same[1:]]
        message = f"{len(names):,} cases repeat the text of another (letter case and blanks apart)"
        yield Finding("duplicates", message, _some(names))


def _answers(suite: Suite) -> Iterator[Finding]:
    hateful = sum(case.hateful for case in suite.cases) / len(suite.cases)
    if not BALANCED[0] <= hateful <= BALANCED[1]:
        yield Finding("balance", f"{hateful:.0%} of the cases are hateful: read the two accuracies apart")
    mixed = [name for name, words in suite.functionalities.items() if words.hateful is None]
    if mixed:
        yield Finding("mixed", "hateful and non-hateful cases stand in one functionality", _some(mixed))


def _sizes(cases: Sequence[SuiteCase]) -> Iterator[Finding]:
    small = [
        name for name, count in Counter(case.functionality for case in cases).items() if count < LEAST_CASES
    ]
    if small:
        message = f"fewer than {LEAST_CASES} cases: the interval is wide"
        yield Finding("small", message, _some(small))


def _language(language: str, languages: Sequence[str]) -> Iterator[Finding]:
    if ANY_LANGUAGE in languages or language in languages:
        return
    if language == UNDETERMINED:
        yield Finding("language", "the file does not say its language")
    elif language == SEVERAL:
        yield Finding("language", "the file is in several languages; those not read get no scores")
    else:
        message = f"the file says its language is {language}, which the bundle does not read: no scores"
        yield Finding("language", message)


def _some(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:MOST_NAMED]
