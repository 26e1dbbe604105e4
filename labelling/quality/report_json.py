"""An agreement report as JSON, with its schema version."""

from __future__ import annotations

from typing import Any, Final

from labelling.quality.cohorts import CohortAgreement
from labelling.quality.figures import Change
from labelling.quality.report import AgreementReport, QuestionAgreement, VersionAgreement, VersionChange

SCHEMA_VERSION: Final = 1


def report_as_json(report: AgreementReport) -> dict[str, Any]:
    """The report for a file: plain values, figures to five decimals, times in ISO 8601."""
    return {
        "schema_version": SCHEMA_VERSION,
        "labels": report.labels,
        "texts": report.texts,
        "annotators": report.annotators,
        "superseded": report.superseded,
        "assisted": report.assisted,
        "questions": _questions(report.questions),
        "marked_words": report.marked_words.as_json(),
        "marked_characters": report.marked_characters.as_json(),
        "versions": [_version(version) for version in report.versions],
        "changes": [_changes(moved) for moved in report.changes],
    }


def _questions(found: dict[str, QuestionAgreement]) -> dict[str, Any]:
    return {name: _question(agreement) for name, agreement in found.items()}


def _question(found: QuestionAgreement) -> dict[str, Any]:
    figures = {
        "alpha": found.alpha,
        "kappa": found.kappa,
        "ac1": found.ac1,
        "raw": found.raw,
        "positive": found.positive,
    }
    return {
        **{name: None if figure is None else figure.as_json() for name, figure in figures.items()},
        "reading": found.reading,
        "cohorts": None if found.cohorts is None else _cohorts(found.cohorts),
    }


def _cohorts(found: CohortAgreement) -> dict[str, Any]:
    return {
        "within": {cohort: figure.as_json() for cohort, figure in found.within.items()},
        "between": [
            {"cohorts": list(cohorts), **figure.as_json()} for cohorts, figure in found.between.items()
        ],
        "shares": {
            cohort: {f"{value:g}": round(share, 5) for value, share in shares.items()}
            for cohort, shares in found.shares.items()
        },
    }


def _version(version: VersionAgreement) -> dict[str, Any]:
    return {
        "codebook": version.codebook,
        "codebook_sha256": version.codebook_sha256,
        "first_labelled_at": version.first_labelled_at.isoformat(),
        "last_labelled_at": version.last_labelled_at.isoformat(),
        "labels": version.labels,
        "questions": _questions(version.questions),
    }


def _changes(moved: VersionChange) -> dict[str, Any]:
    return {
        "before": moved.before,
        "after": moved.after,
        "alphas": {name: None if found is None else _change(found) for name, found in moved.alphas.items()},
    }


def _change(found: Change) -> dict[str, Any]:
    return {
        "value": round(found.value, 5),
        "low": round(found.low, 5),
        "high": round(found.high, 5),
        "verdict": found.verdict,
    }
