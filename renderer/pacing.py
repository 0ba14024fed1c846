"""Which frames of a preview are encoded although nothing changed: how a held picture is left in good time.

A picture that does not change is shown longer, up to `HOLD_S`, instead of being encoded again. But a browser paces
pictures by the mean distance of the last few dozen: after a long stretch of held ones it shows those that follow up
to 190 ms early (seen in Chromium). So the last `LEAD_S` before a long stretch ends are encoded frame by frame. Pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOLD_S = 0.2
"""A picture is encoded anew after so long: 5 black frames in a second play cleanly everywhere."""
LEAD_S = 1.1
"""Enough frames for a browser to forget the slow ones."""


def hold_frames(fps: int) -> int:
    """For how many frames a picture may be shown without being encoded again."""
    return max(1, int(HOLD_S * fps))


def context(frames: range, fps: int, total: int) -> range:
    """The frames around `frames` that `brisk` must know of, inside [0, total)."""
    return range(max(0, frames.start - hold_frames(fps) - 1), min(total, frames.stop + round(LEAD_S * fps)))


def brisk(ids: NDArray[np.int64], fps: int) -> NDArray[np.bool_]:
    """Which frames come right before the end of a long stretch of one picture; (n,) bool.

    `ids` (n,) says which picture is shown in consecutive frames. A stretch is long if it is held at all; one that
    begins with `ids` may have begun before.
    """
    found = np.zeros(len(ids), np.bool_)
    ends = np.flatnonzero(np.diff(ids)) + 1
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    is_long = ends - starts > hold_frames(fps)
    for start, end in zip(starts[is_long], ends[is_long], strict=True):
        found[max(start, end - round(LEAD_S * fps)) : end] = True
    return found
