from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serve.research.disclosure import LEAST_SHOWN, withhold_small

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
