"""The reorder window: packets as they came, put into the order in which they were sent.

Takes unwrapped sequence numbers in the order of arrival; gives which rows stay and in which order. A packet
that comes more than `WINDOW_PACKETS` behind the newest one is dropped: the window bounds how far apart in
the file the packets of one access unit may lie, hence how much must be read for one picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from renderer.rtp.packet import Ints

WINDOW_PACKETS = 1024


@dataclass(frozen=True, eq=False, slots=True)
class Reordered:
    """`order`: (m,) int64, the rows that stay, by rising sequence number, each number once."""

    order: Ints
    duplicates: int
    reordered: int
    """Packets that came after one of a higher number, within the window."""
    late: int
    """Packets dropped because they came behind the window."""


def reorder(sequence: Ints, window_packets: int = WINDOW_PACKETS) -> Reordered:
    """Sorts `sequence` (unwrapped, in the order of arrival); of equal numbers the first to come stays."""
    if not len(sequence):
        return Reordered(np.zeros(0, np.int64), 0, 0, 0)
    newest = np.maximum.accumulate(sequence)
    in_window = np.nonzero(newest - sequence <= window_packets)[0]
    order = in_window[np.argsort(sequence[in_window], kind="stable")]
    first = np.ones(len(order), np.bool_)
    first[1:] = np.diff(sequence[order]) > 0
    kept = order[first]
    return Reordered(
        order=kept,
        duplicates=len(order) - len(kept),
        reordered=int(np.count_nonzero(sequence[kept] < newest[kept])),
        late=len(sequence) - len(in_window),
    )
