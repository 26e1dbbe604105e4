from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from serve.research.disclosure import LEAST_SHOWN, blank_rare, withhold_small

COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), max_size=8)


@given(COUNTS)
def test_no_small_count_is_shown_or_can_be_worked_out_from_the_total(counts: dict[str, int]) -> None:
    found = withhold_small(counts)
    hidden = [counts[name] for name, shown in found.items() if shown is None]

    assert set(found) == set(counts)
    assert all(shown is None or shown == counts[name] >= LEAST_SHOWN for name, shown in found.items())
    if hidden and len(hidden) < len(counts):
        assert len(hidden) > 1
        assert sum(hidden) >= LEAST_SHOWN


@given(COUNTS)
def test_nothing_is_withheld_where_nothing_is_small(counts: dict[str, int]) -> None:
    if all(count >= LEAST_SHOWN for count in counts.values()):
        assert withhold_small(counts) == counts


STEPS = (("week",), ("severity",), ("strand", "bundle"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "week": st.integers(1, 4),
            "severity": st.integers(1, 2),
            "strand": st.sampled_from("ab"),
            "bundle": st.just("m"),
            "score": st.floats(0, 1),
        }
    ),
    max_size=60,
)


@given(ROWS)
def test_no_combination_left_in_rows_is_that_of_few_and_nothing_is_made_up(
    rows: list[dict[str, str | int | float | None]],
) -> None:
    found = blank_rare(rows, STEPS)

    columns = [column for step in STEPS for column in step]
    held = Counter(tuple(row[column] for column in columns) for row in found)
    assert all(count >= LEAST_SHOWN for key, count in held.items() if set(key) != {None})
    assert [row["score"] for row in found] == [row["score"] for row in rows]
    assert all(
        new[column] in (None, old[column]) for old, new in zip(rows, found, strict=True) for column in old
    )
