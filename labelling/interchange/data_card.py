"""The data card of an export: README.md with front matter that Hugging Face reads, every figure counted.

Cohorts, counts and pseudonyms, never a name and never a text. What nobody stated is said to be not stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import yaml

from labelling.interchange.card_facts import CardFacts
from labelling.interchange.card_figures import NOBODY, Asked, Figures
from model.taxonomy import SEVERITIES

NOT_STATED: Final = "Not stated."

_PARADIGMS: Final = {
    "prescriptive": (
        "**Prescriptive.** Annotators apply the codebook, whatever they think of it. Disagreement is a fault "
        "of the codebook or of its reading, to be settled."
    ),
    "descriptive": (
        "**Descriptive.** Annotators say what they themselves think. Disagreement is data: no answer is the "
        "right one, and labels of different cohorts are not to be merged into one truth."
    ),
}
"""Source: LABELLING.md section 6; Röttger et al., NAACL 2022, "Two Contrasting Data Annotation Paradigms"."""

_SIZES: Final = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def data_card(figures: Figures, facts: CardFacts, configs: Sequence[Mapping[str, Any]] = ()) -> str:
    """The text of README.md. `configs` says which files each configuration of the folder has."""
    sections = (
        ("Summary", _summary(figures, facts)),
        ("Paradigm", [_PARADIGMS[facts.paradigm]]),
        ("Who labelled", _who(figures)),
        ("Codebook", _codebook(figures)),
        ("Sampling", _sampling(figures, facts)),
        ("Agreement", _agreement(facts)),
        ("What was answered", _answers(figures)),
        ("Severity", _severity(figures)),
        ("Help from the machine", _assistance(figures)),
        ("Sources and licences", _sources(facts)),
        ("HarmCheck", _harm(facts)),
        ("Known limits", _limits(figures, facts)),
    )
    body = "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections)
    return f"---\n{_front_matter(figures, facts, configs)}---\n\n# {plain(facts.title)}\n\n{body}\n"


def plain(words: str) -> str:
    """Words from outside as one line of Markdown that is nothing but words."""
    return escape(_MARKUP.sub(r"\\\1", " ".join(words.split())), quote=False)


def _front_matter(figures: Figures, facts: CardFacts, configs: Sequence[Mapping[str, Any]]) -> str:
    size = next((name for limit, name in _SIZES if figures.items < limit), "n>1M")
    matter: dict[str, Any] = {
        "pretty_name": facts.title,
        "license": facts.licence,
        "license_name": facts.licence_name,
        "license_link": facts.licence_link,
        "language": list(facts.languages),
        "task_categories": ["text-classification"],
        "size_categories": [size],
        "tags": ["hate-speech", "not-for-all-audiences", "watchhouse"],
        "configs": [dict(config) for config in configs],
    }
    told = {name: value for name, value in matter.items() if value not in (None, [])}
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=10_000)


def _summary(figures: Figures, facts: CardFacts) -> list[str]:
    when = NOT_STATED
    if figures.first_at is not None and figures.last_at is not None:
        when = f"{figures.first_at:%Y-%m-%d} to {figures.last_at:%Y-%m-%d} (UTC)"
    return [
        plain(facts.summary) if facts.summary else NOT_STATED,
        "",
        *_table(
            ("texts", "labels", "annotators", "skipped", "predictions", "labelled"),
            [
                (
                    figures.items,
                    figures.labels,
                    figures.people,
                    figures.skipped.total(),
                    figures.predictions.total(),
                    when,
                )
            ],
        ),
        "",
        *_table(("labels of a text", "texts"), sorted(figures.labels_an_item.items())),
    ]


def _who(figures: Figures) -> list[str]:
    return [
        "Annotators appear under pseudonyms. A cohort is what somebody said of themselves, by choice.",
        "",
        *_table(
            ("cohort", "annotators", "labels", "said hate"),
            [
                (
                    plain(cohort),
                    len(figures.people_of_cohort[cohort] - {NOBODY}),
                    count,
                    _share(figures.hate_of_cohort[cohort]),
                )
                for cohort, count in figures.cohorts.most_common()
            ],
        ),
        "",
        *_table(
            ("annotator", "labels"),
            [(plain(name), count) for name, count in figures.annotators.most_common()],
        ),
    ]


def _codebook(figures: Figures) -> list[str]:
    versions = [
        (plain(version), f"`{sha256}`", count) for (version, sha256), count in figures.codebooks.most_common()
    ]
    profiles = [(plain(name), count) for name, count in figures.profiles.most_common()]
    return [
        *_table(("version", "SHA-256", "labels"), versions),
        "",
        *(
            _table(("definition profile", "labels"), profiles)
            if profiles
            else [f"Definition profiles: {NOT_STATED}"]
        ),
    ]


def _sampling(figures: Figures, facts: CardFacts) -> list[str]:
    rows = [
        (
            plain(reason),
            one.labels,
            "–" if one.labels == one.without_probability else f"{one.least:.3g} to {one.most:.3g}",
            one.without_probability,
        )
        for reason, one in sorted(figures.samples.items(), key=lambda pair: -pair[1].labels)
    ]
    return [
        plain(facts.sampling) if facts.sampling else NOT_STATED,
        "",
        *_table(("why sampled", "labels", "inclusion probability", "labels without one"), rows),
    ]


def _agreement(facts: CardFacts) -> list[str]:
    if not facts.agreement:
        return [NOT_STATED]
    rows = [
        (
            plain(one.subject),
            plain(one.measure),
            "–" if one.value is None else f"{one.value:.3f}",
            "–" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}",
            "–" if one.items is None else one.items,
            plain(one.note) if one.note else "",
        )
        for one in facts.agreement
    ]
    return _table(("of", "measure", "value", "95 % interval", "texts", "note"), rows)


def _answers(figures: Figures) -> list[str]:
    acts = [(plain(act or "not answered"), count) for act, count in figures.speech_acts.most_common()]
    return [
        *_table(
            ("question", "asked", "yes"),
            [(head, one.asked, _share(one)) for head, one in figures.heads.items()],
        ),
        "",
        *_table(("speech act", "labels"), acts),
        "",
        f"Words marked in {figures.with_rationale} labels; {figures.gold} labels are gold answers; in "
        f"{figures.disagreed} the annotator disagrees with the definition.",
    ]


def _severity(figures: Figures) -> list[str]:
    rows: list[tuple[Any, ...]] = [
        (f"S{severity}", figures.severities[severity], _percent(figures.severities[severity], figures.labels))
        for severity in SEVERITIES
    ]
    return _table(
        ("severity", "labels", "share"),
        [
            *rows,
            ("not answered", figures.severities[None], _percent(figures.severities[None], figures.labels)),
        ],
    )


def _assistance(figures: Figures) -> list[str]:
    names = {
        "none": "the machine's answer was not shown",
        "shown_after": "shown after the first answer",
        "prefilled": "filled in",
    }
    rows = [
        (words, figures.assisted[name], _percent(figures.assisted[name], figures.labels))
        for name, words in names.items()
    ]
    bundles = [(plain(bundle), count) for bundle, count in figures.predictions.most_common()]
    return [
        *_table(("assistance", "labels", "share"), rows),
        *(["", *_table(("bundle", "predictions"), bundles)] if bundles else []),
    ]


def _sources(facts: CardFacts) -> list[str]:
    rows = [
        (plain(one.name), plain(one.licence), plain(one.url or "–"), plain(one.note or ""))
        for one in facts.sources
    ]
    return [
        f"Licence of the labels: {plain(facts.licence_name or facts.licence)}.",
        "",
        *(
            _table(("source", "licence", "address", "note"), rows)
            if rows
            else [f"Sources of the texts: {NOT_STATED}"]
        ),
        "",
        f"Contact: {plain(facts.contact) if facts.contact else NOT_STATED}",
    ]


def _harm(facts: CardFacts) -> list[str]:
    harm = facts.harm
    return [
        "**Content warning:** the texts hold hate against Jewish, Muslim and other people, and threats.",
        "",
        f"- Kinds of harm: {', '.join(map(plain, harm.harm_types)) or NOT_STATED}",
        f"- Is harmful text sought? {'Yes: it is what the data is about.' if harm.is_sought else 'No.'}",
        f"- People whom the texts are about: {plain(harm.people_represented or NOT_STATED)}",
        f"- People who handled them: {plain(harm.people_handling or NOT_STATED)}",
        f"- People who read what is published: {plain(harm.people_reading or NOT_STATED)}",
        f"- What was done against harm: {'; '.join(map(plain, harm.mitigations)) or NOT_STATED}",
    ]


def _limits(figures: Figures, facts: CardFacts) -> list[str]:
    found = [*_counted_limits(figures), *map(plain, facts.known_limits)]
    return [f"- {limit}" for limit in found] or [NOT_STATED]


def _counted_limits(figures: Figures) -> Iterator[str]:
    once = figures.labels_an_item[1]
    if once:
        yield f"{once} texts have one label, so nothing tells how sure it is."
    if len(figures.codebooks) > 1:
        yield f"The labels were made under {len(figures.codebooks)} versions of the codebook."
    seen = figures.labels - figures.assisted["none"]
    if seen:
        yield f"{seen} labels were made with the machine's answer in view: measure no model with them."
    blind = sum(one.without_probability for one in figures.samples.values())
    if blind:
        yield f"{blind} labels have no inclusion probability: no share of the whole follows from them."
    if figures.cohorts[NOBODY]:
        yield f"{figures.cohorts[NOBODY]} labels tell no cohort."


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [
        f"| {' | '.join(names)} |",
        f"|{'---|' * len(names)}",
        *(f"| {' | '.join(map(str, row))} |" for row in rows),
    ]


def _share(one: Asked) -> str:
    return f"{one.yes} ({_percent(one.yes, one.asked)})"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"
