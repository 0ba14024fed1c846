"""Which access unit is on screen at a given instant: the loss policy and the frame grid, as arithmetic.

A pure function of the index. So every chunk shows the same picture at the same time, wherever its decoding
began, and the planner can hash what a chunk will show without decoding anything.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compositing.times import FrameGrid
from renderer.index import TrackIndex

LossPolicy = Literal["freeze", "hold", "conceal"]
"""freeze: the last good picture stays until decoding is clean again, at most `FREEZE_LIMIT_US`, then what
decodes is shown. hold: it stays without limit. conceal: what decodes is shown at once."""

FREEZE_LIMIT_US = 5_000_000
FIRST_PICTURE_EARLY_US = 700_000
"""A track's first picture may stand in for so long before it: a join shows no flash of an avatar, a video no
black first frame."""
NOTHING = -1
"""Row number where a track has no picture to show yet."""


def tolerance_us(grid: FrameGrid) -> int:
    """How far after a frame's instant a picture may stand and still count as on it: half a frame."""
    return 500_000 // grid.fps


def showable(index: TrackIndex, policy: LossPolicy) -> NDArray[np.bool_]:
    """For each access unit, whether its picture may be shown; (n,) bool."""
    if policy == "hold":
        return index.clean
    started = np.cumsum(index.keyframe & index.complete) > 0
    if policy == "conceal":
        return started
    return index.clean | (started & (_since_clean_us(index) > FREEZE_LIMIT_US))


def rows_on_screen(
    index: TrackIndex, shown: NDArray[np.bool_], ticks_us: NDArray[np.int64], tolerance_us: int
) -> NDArray[np.int64]:
    """The row whose picture is on screen at each tick: the last showable one that stands at or before it.

    `ticks_us` is (m,) recording time. A picture up to `tolerance_us` after a tick counts as on it: with half
    a frame, pictures land on their nearest tick and jitter around a tick does not double or drop any.
    Returns (m,) rows, non-decreasing for rising ticks; `NOTHING` before the first picture.
    """
    if not len(ticks_us) or not len(shown):
        return np.full(len(ticks_us), NOTHING, np.int64)
    until_us = ticks_us + tolerance_us
    first, end = np.searchsorted(index.time_us, (until_us.min(), until_us.max()), side="right")
    begin = _last_before(shown, int(first))
    rows = begin + np.flatnonzero(shown[begin:end])
    if not len(rows):
        return np.full(len(ticks_us), NOTHING, np.int64)
    found = np.searchsorted(index.time_us[rows], until_us, side="right") - 1
    return np.where(found < 0, NOTHING, rows[np.maximum(found, 0)])


def _last_before(shown: NDArray[np.bool_], end: int) -> int:
    """The last showable row before `end`, found from there: an hour's index is asked for each of its segments."""
    back = int(np.argmax(shown[:end][::-1])) if end else 0
    return max(0, end - 1 - back)


def _since_clean_us(index: TrackIndex) -> NDArray[np.int64]:
    rows = np.where(index.clean, np.arange(len(index.clean)), -1)
    last = np.maximum.accumulate(rows)
    since = index.time_us - index.time_us[np.maximum(last, 0)]
    return np.where(last >= 0, since, 0)
