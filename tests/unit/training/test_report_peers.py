"""The published figures of others: the rows of each system add up to the sums that were published."""

from __future__ import annotations

import pytest

from training.report.peers import load_peers, peer_rows, published_titles


def test_peer_rows_add_up_to_the_published_sums() -> None:
    suite = load_peers().suites["hatecheck"]
    rows = suite.functionalities

    assert len(rows) == 29
    assert sum(row.cases for row in rows) == suite.cases
    assert sum(row.cases for row in rows if row.hateful) == suite.hateful_cases
    assert all(row.hateful == row.name.endswith("_h") for row in rows)
    checked = []
    for total in suite.aggregates:
        if any(total.system not in row.accuracy for row in rows):
            continue
        checked.append(total.system)
        # The published percentages have one decimal and no row has 200 cases, so the counts are exact.
        right = {row.name: round(row.accuracy[total.system] * row.cases / 100) for row in rows}
        for row in rows:
            assert round(100 * right[row.name] / row.cases, 1) == pytest.approx(row.accuracy[total.system])
        for published, of in (
            (total.accuracy, rows),
            (total.hateful, [row for row in rows if row.hateful]),
            (total.non_hateful, [row for row in rows if not row.hateful]),
        ):
            measured = 100 * sum(right[row.name] for row in of) / sum(row.cases for row in of)
            assert published == pytest.approx(measured, abs=0.0501), total.system
        if total.macro is not None:
            mean = sum(100 * right[row.name] / row.cases for row in rows) / len(rows)
            assert total.macro == pytest.approx(mean, abs=0.0501)
    assert checked == [
        "bert_davidson",
        "bert_founta",
        "perspective_2021",
        "siftninja",
        "mistral_multiset",
        "seallm_multiset",
        "llama_engset",
    ]


def test_peer_groups_add_up_from_hateful_and_not_hateful_cases() -> None:
    suite = load_peers().suites["hatecheck"]
    cases, hateful = suite.target_cases, suite.target_hateful_cases

    assert cases is not None
    assert hateful is not None
    assert len(suite.targets) == 7
    for target in suite.targets:
        for system, share in target.hateful.items():
            # Both parts are rounded to a tenth, so the sum may be a tenth off.
            total = (share * hateful + target.non_hateful[system] * (cases - hateful)) / cases
            assert target.accuracy[system] == pytest.approx(total, abs=0.1), (target.name, system)


def test_peer_rows_carry_every_system_with_its_source() -> None:
    peers = load_peers()
    rows = peer_rows(peers)

    assert {row.system for row in rows} == {system.name for system in peers.systems}
    assert all("as of: " in row.source and 0 <= row.value <= 1 for row in rows)
    muslims = [
        row.value for row in rows if row.measure == "non_hateful:Muslims" and "Perspective" in row.system
    ]
    assert muslims == [0.25]


def test_every_published_functionality_has_a_title_of_its_own() -> None:
    titles = published_titles("hatecheck")

    assert len(set(titles.values())) == 29
    assert titles["spell_leet_h"] == "Leet (F29)"
    assert published_titles("a_suite_of_ours") == {}
