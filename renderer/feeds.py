"""Which picture of which track fills a tile at each frame: the choice among a peer's tracks, as arithmetic.

Pure functions of the indexes. The planner hashes what they give, the worker plays it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compositing.times import Span
from renderer.index import TrackIndex, keyframe_before
from renderer.sampler import FIRST_PICTURE_EARLY_US, NOTHING, rows_on_screen


@dataclass(frozen=True, slots=True, eq=False)
class SeenTrack:
    """One video track of a peer, with what decides when it is seen."""

    track_id: str
    index: TrackIndex
    shown: NDArray[np.bool_]
    """(n,) whether a row may be shown, from `sampler.showable`."""
    live: Span
    nudge_us: int
    intermediate: str = ""
    """Name of the intermediate that is played instead of the recording; empty if there is none."""

    @property
    def shows_damage(self) -> bool:
        """Whether pictures are shown that depend on lost packets."""
        return bool((self.shown & ~self.index.clean).any())


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """What one tile shows over a run of frames."""

    track: NDArray[np.int64]
    """(m,) number of the track in the peer's list; `NOTHING` where there is no picture."""
    row: NDArray[np.int64]
    """(m,) row of that track's index."""


def feed(tracks: Sequence[SeenTrack], times_us: NDArray[np.int64], tolerance_us: int) -> Feed:
    """The feed of a tile over the frames at `times_us` (m,).

    Of several tracks the one that began last among those still live is seen; where none is live any more, the
    one with the newest picture. Where there is no picture yet, one that comes soon stands in.
    """
    track = np.full(len(times_us), NOTHING, np.int64)
    row = np.full(len(times_us), NOTHING, np.int64)
    best = np.full(len(times_us), np.iinfo(np.int64).min)
    for number, seen in enumerate(tracks):
        rows = rows_on_screen(seen.index, seen.shown, times_us - seen.nudge_us, tolerance_us)
        rank = _rank(seen, rows, times_us)
        better = rank > best
        track[better], row[better], best[better] = number, rows[better], rank[better]
    for number, seen in enumerate(tracks):
        soon = (track == NOTHING) & _comes_soon(seen, times_us)
        track[soon], row[soon] = number, np.argmax(seen.shown) if len(seen.shown) else NOTHING
    return Feed(track, row)


def _comes_soon(seen: SeenTrack, times_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the first picture of a track is not there yet, but near enough to stand in."""
    if not seen.shown.any():
        return np.zeros(len(times_us), np.bool_)
    first_us = int(seen.index.time_us[np.argmax(seen.shown)]) + seen.nudge_us
    return (first_us - FIRST_PICTURE_EARLY_US <= times_us) & (times_us < first_us)


def _rank(seen: SeenTrack, rows: NDArray[np.int64], times_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Live tracks above ended ones; the later start, or the later picture, first."""
    lowest = np.iinfo(np.int64).min
    if not len(seen.index.time_us):
        return np.full(len(rows), lowest)
    live = times_us - seen.nudge_us < seen.live.end_ms * 1000
    rank = np.where(live, (1 << 60) + seen.live.start_ms, seen.index.time_us[np.maximum(rows, 0)])
    return np.where(rows == NOTHING, lowest, rank)


def digest_feed(tracks: Sequence[SeenTrack], seen: Feed) -> bytes:
    """A digest of all that decides the pictures of a feed: which, and all packets since the lead-in keyframe."""
    sha = hashlib.sha256()
    for number, track in enumerate(tracks):
        rows = seen.row[seen.track == number]
        if len(rows):
            first, last = keyframe_before(track.index, int(rows[0])), int(rows[-1])
            sha.update(f"{number} {track.index.codec} {track.intermediate} {len(rows)};".encode())
            sha.update(np.ascontiguousarray(track.index.digest[first : last + 1]).tobytes())
            sha.update(np.ascontiguousarray(track.index.rotation[first : last + 1]).tobytes())
            sha.update(track.shown[first : last + 1].tobytes() + (rows - first).tobytes())
    sha.update(seen.track.tobytes())
    return sha.digest()
