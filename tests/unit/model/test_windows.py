"""Windows: both ends read, neighbours that overlap, a bounded number, and pooling by the largest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.windows import MOST_WINDOWS, TextsInWindows, read_whole, rows_of_text, window_starts

CLS, SEP = 101, 102


def ids(length: int) -> list[int]:
    """A text of `length` tokens, numbered, between two special ones."""
    return [CLS, *range(1_000, 1_000 + length), SEP]


def in_windows(texts: list[list[int]], max_tokens: int) -> TextsInWindows:
    return TextsInWindows([rows_of_text(text, max_tokens, 1, 1) for text in texts], 1, 1)


@given(st.integers(0, 6_000), st.integers(1, 510))
def test_first_and_last_token_are_always_read_and_the_rest_evenly(length: int, width: int) -> None:
    starts = window_starts(length, width)
    assert starts[0] == 0
    assert starts[-1] == max(0, length - width)
    assert len(starts) <= MOST_WINDOWS
    steps = np.diff(starts)
    assert (steps >= 1).all()
    if length <= (MOST_WINDOWS + 1) * (width // 2):
        assert (steps <= max(1, width // 2)).all()
    elif length > width:
        assert steps[:-1].max() - steps[:-1].min() <= 1


@given(st.integers(0, 6_000), st.integers(1, 510))
def test_text_counts_as_read_whole_only_if_every_token_is_read_and_neighbours_overlap(
    length: int, width: int
) -> None:
    starts = window_starts(length, width)
    shared = [here + width - there for here, there in pairwise(starts)]
    assert read_whole(starts, width) == all(
        tokens >= (max(1, width // 8) if width > 1 else 0) for tokens in shared
    )


def test_ten_thousand_characters_of_english_are_read_whole() -> None:
    # 4.5 characters a token, windows of 96 tokens with two special ones.
    assert read_whole(window_starts(2_222, 94), 94)
    assert read_whole(window_starts(2_667, 94), 94)
    assert not read_whole(window_starts(2_668, 94), 94)


def test_run_of_half_a_window_stands_whole_in_one() -> None:
    starts = window_starts(500, 62)
    for at in range(500 - 31):
        assert any(start <= at and at + 31 <= start + 62 for start in starts)


@given(st.lists(st.integers(0, 300), max_size=6))
def test_rows_are_whole_texts_or_windows_between_special_tokens(lengths: list[int]) -> None:
    read = in_windows([ids(length) for length in lengths], 64)
    for text, length in enumerate(lengths):
        rows = [list(read.rows[row]) for row in read.rows_of(text)]
        assert all(row[0] == CLS and row[-1] == SEP and len(row) <= 64 for row in rows)
        assert set(range(1_000, 1_000 + length)) == {token for row in rows for token in row[1:-1]}
        assert (len(rows) == 1) == (length <= 62)
        assert [row[1] - 1_000 for row in rows if length] == list(window_starts(length, 62))[
            : length and None
        ]
    assert read.has_windows == any(length > 62 for length in lengths)
    assert read.cut == frozenset()


def test_short_texts_stay_the_very_rows_they_were() -> None:
    given_ids = [ids(3), ids(62)]
    rows = in_windows(given_ids, 64).rows
    assert all(row is given for row, given in zip(rows, given_ids, strict=True))


def test_pooling_takes_the_largest_of_each_column() -> None:
    read = in_windows([ids(3), ids(90), ids(1)], 64)
    rows = np.array([[9, 9], [1, 5], [4, 2], [8, 8]], dtype=np.float32)
    assert [len(read.rows_of(text)) for text in range(3)] == [1, 2, 1]
    assert read.pooled(rows).tolist() == [[9, 9], [4, 5], [8, 8]]


def test_overlapping_tokens_take_the_larger_value_and_padding_is_left_out() -> None:
    read = in_windows([ids(5)], 6)
    values = [np.array([99, 1, 5, 1, 1, 99, 99]), np.array([99, 2, 2, 2, 3, 99])]
    assert read.joined(0, values).tolist() == [1, 5, 2, 2, 3]


def test_text_beyond_what_windows_read_is_said_to_be_cut_and_its_gaps_have_no_value() -> None:
    read = in_windows([ids(1_767), ids(1_768), ids(5_000)], 64)  # 62 + 31 * (62 - 7) = 1,767
    assert read.cut == {1, 2}
    assert len(read.rows) == 3 * MOST_WINDOWS
    values = read.joined(2, [np.ones(64, dtype=np.float32)] * len(read.rows))
    assert len(values) == 5_000
    assert values[0] == values[-1] == 1
    assert np.isnan(values).any()
