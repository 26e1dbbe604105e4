"""A decision or a judgement in words: codes become titles, hashes stay hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fastapi import Request

from serve.cases.outcomes import Outcome
from serve.console.severities import SeverityScale
from serve.hub import Hub, hub_of
from serve.storage.tables import Decision


def decision_words(request: Request, decision: Decision) -> dict[str, Any]:
    """What a page shows of a decision."""
    hub, scale = hub_of(request), severities_of(request)
    outcome, detail = outcome_words(
        hub, decision.outcome, decision.outcome_detail, decision.decided_at.date()
    )
    return {
        "decision": decision,
        "outcome": outcome,
        "detail": detail,
        "severity": scale.step(decision.severity),
        "codes": codes_words(hub, decision.codes),
        "law": law_words(hub, decision.law),
        "standard": standard_words(hub, decision.standard),
        "dissent": [
            (
                outcome_words(hub, one["outcome"], None, decision.decided_at.date())[0],
                scale.step(one["severity"]),
            )
            for one in decision.dissent
        ],
        "hashes": [
            ("Policy", decision.policy_sha256),
            ("Outcomes", decision.outcomes_sha256),
            ("Codebook", decision.codebook_sha256),
            ("Law", decision.law_sha256 or "none: made before the law catalogue"),
        ],
    }


def outcome_words(hub: Hub, code: str, detail: str | None, day: date) -> tuple[str, str | None]:
    """Titles of an outcome and its detail as they were on the day; the codes where nothing knows them."""
    known: Mapping[str, Outcome] = {outcome.code: outcome for outcome in hub.outcomes.in_force(day)}
    outcome = known.get(code)
    details = {one.code: one.title for one in outcome.details} if outcome else {}
    title = outcome.title if outcome else code
    return title, None if detail is None else details.get(detail, detail)


def codes_words(hub: Hub, codes: Sequence[str]) -> list[str]:
    """Codes of the codebook with their titles."""
    titles = {code.code: code.title for strand in hub.codes.strands for code in strand.codes}
    return [f"{code} {titles[code]}" if code in titles else code for code in codes]


def law_words(hub: Hub, law: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str], list[str]]]:
    """Each provision with its title, and the titles of the elements that are met and missing."""
    provisions = {provision.id: provision for provision in hub.law.provisions}
    found = []
    for entry in law:
        provision = provisions.get(entry["id"])
        titles = {element.id: element.title for element in provision.elements} if provision else {}
        name = f"{provision.act}: {provision.title}" if provision else str(entry["id"])
        met = [titles.get(one, one) for one in entry.get("met", ())]
        found.append((name, met, [titles.get(one, one) for one in entry.get("missing", ())]))
    return found


def standard_words(hub: Hub, standard: str | None) -> str | None:
    """The title of a standard of proof."""
    return next((one.title for one in hub.law.standards if one.id == standard), standard)


def severities_of(request: Request) -> SeverityScale:
    """The severity scale of this hub's codebook."""
    scale: SeverityScale = request.app.state.severities
    return scale
