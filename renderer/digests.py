"""Digests of the records behind access units, taken while the bytes pass by once.

A run is a stretch of neighbouring records of one RTP timestamp: in an undisturbed stream one access unit.
The digests do not depend on how the bytes were cut into batches.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.rtp.packet import Ints

DIGEST_BYTES = 8


class RunDigests:
    """Takes records in file order, tells for each the number of its run."""

    def __init__(self) -> None:
        self._done: list[bytes] = []
        self._open: Any = None  # hashlib has no public type for its objects
        self._timestamp = self._end = -1

    def add(self, data: bytes, offset: Ints, timestamp: Ints, start: Ints, end: Ints) -> Ints:
        """The runs of n records at `data[offset[i]:]`, which are [start, end) of the track's byte space."""
        if not len(start):
            return np.zeros(0, np.int64)
        begins = np.ones(len(start), np.bool_)
        begins[0] = self._open is None or timestamp[0] != self._timestamp or start[0] != self._end
        begins[1:] = (np.diff(timestamp) != 0) | (start[1:] != end[:-1])
        first = np.nonzero(begins)[0]
        self._hash(data, first, offset, offset + (end - start))
        runs = len(self._done) + np.cumsum(begins) - np.count_nonzero(begins)
        self._timestamp, self._end = int(timestamp[-1]), int(end[-1])
        return runs.astype(np.int64)

    def _hash(self, data: bytes, first: Ints, offset: Ints, after: Ints) -> None:
        """Goes on with the open run, then hashes each run that begins here; the last one stays open."""
        view = memoryview(data)
        carried = int(first[0]) if len(first) else len(offset)
        if carried:
            self._open.update(view[offset[0] : after[carried - 1]])
        if not len(first):
            return
        last = np.append(first[1:], len(offset)) - 1
        spans = list(zip(offset[first].tolist(), after[last].tolist(), strict=True))
        if self._open is not None:
            self._done.append(self._open.digest())
        self._done += [blake2b(view[a:b], digest_size=DIGEST_BYTES).digest() for a, b in spans[:-1]]
        self._open = blake2b(view[spans[-1][0] : spans[-1][1]], digest_size=DIGEST_BYTES)

    def finish(self) -> list[bytes]:
        """The digest of each run."""
        if self._open is not None:
            self._done.append(self._open.digest())
            self._open = None
        return self._done


def unit_digests(runs: list[bytes], first_run: Ints, last_run: Ints) -> NDArray[np.uint64]:
    """One digest for each unit: that of its run, or of the digests of all runs from its first to its last.

    The latter where its packets do not lie together: then what lies between them is covered too. (n,) uint64.
    """
    joined = b"".join(
        runs[a] if a == b else blake2b(b"".join(runs[a : b + 1]), digest_size=DIGEST_BYTES).digest()
        for a, b in zip(first_run.tolist(), last_run.tolist(), strict=True)
    )
    return np.frombuffer(joined, ">u8").astype(np.uint64)
