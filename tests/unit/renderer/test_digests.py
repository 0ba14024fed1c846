from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from renderer.digests import RunDigests, unit_digests

RECORD = 10
TIMESTAMPS = np.array([1, 1, 2, 2, 2, 3, 1, 4, 4], np.int64)
DATA = bytes(range(RECORD * len(TIMESTAMPS)))
START = RECORD * np.arange(len(TIMESTAMPS), dtype=np.int64)


def runs(*cuts: int, hole: int | None = None) -> tuple[list[int], list[bytes]]:
    """Runs and digests of the records, fed in batches; behind record `hole` a byte of the file is no record."""
    digests, numbers = RunDigests(), []
    shift = (np.arange(len(TIMESTAMPS)) > (len(TIMESTAMPS) if hole is None else hole)).astype(np.int64)
    edges = [0, *sorted(cuts), len(TIMESTAMPS)]
    for a, b in pairwise(edges):
        start = START[a:b] + shift[a:b] + 1_000
        data, offset = DATA[a * RECORD : b * RECORD], START[a:b] - a * RECORD
        own = digests.add(data, offset, TIMESTAMPS[a:b], start, start + RECORD)
        numbers += own.tolist()
    return numbers, digests.finish()


def test_a_run_is_neighbouring_records_of_one_timestamp() -> None:
    numbers, digests = runs()
    assert numbers == [0, 0, 1, 1, 1, 2, 3, 4, 4]
    assert digests[1] == blake2b(DATA[2 * RECORD : 5 * RECORD], digest_size=8).digest()


def test_a_hole_between_records_ends_a_run() -> None:
    assert runs(hole=3)[0] == [0, 0, 1, 1, 2, 3, 4, 5, 5]


@given(st.lists(st.integers(0, len(TIMESTAMPS)), max_size=6))
def test_digests_do_not_depend_on_the_batches(cuts: list[int]) -> None:
    assert runs(*cuts) == runs()


def test_a_unit_of_several_runs_covers_what_lies_between() -> None:
    _, digests = runs()
    one, several = unit_digests(digests, np.array([1, 0]), np.array([1, 3])).tolist()
    assert one == int.from_bytes(digests[1], "big")
    assert several == int.from_bytes(blake2b(b"".join(digests[:4]), digest_size=8).digest(), "big")
    assert len(unit_digests([], np.zeros(0, np.int64), np.zeros(0, np.int64))) == 0
