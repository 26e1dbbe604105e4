"""Work for a pool that several callers share, a little of it queued at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_turn(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], at_once: int
) -> Iterator[Result]:
    """The results in order of the items, of which at most `at_once` are in the pool at any moment.

    A pool takes work in the order in which it came. So callers with much and with little to do get the
    same share of it, where a caller that queued everything would go before all who come after.

    Raises: whatever `work` raises for the first item that fails; what is queued behind it is taken back.
    """
    handed_in: deque[Future[Result]] = deque()
    try:
        for item in items:
            if len(handed_in) == at_once:
                yield handed_in.popleft().result()
            handed_in.append(pool.submit(work, item))
        while handed_in:
            yield handed_in.popleft().result()
    finally:
        for future in handed_in:
            future.cancel()
