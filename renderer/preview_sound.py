"""The sound of one peer's preview: AAC frames and peaks, segment by segment.

Mixed and encoded in the export's own chunks of 8 s, which hold a whole number of segments, so the joints are as good
as the export's and what is heard stands where it does there. Silence is encoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from compositing.scene import PeerAudio
from compositing.times import Span
from renderer.peaks import PEAKS_PER_SECOND, peaks
from renderer.preview_grid import SegmentGrid
from renderer.profiles import AudioProfile
from renderer.soundtrack import (
    AAC_FRAMES_PER_CHUNK,
    CHUNK_SAMPLES,
    CHUNK_SECONDS,
    MARGIN_SAMPLES,
    encode_chunk,
    mix_chunk,
)
from renderer.stopwatch import Stopwatch
from renderer.workbench import Workbench


@dataclass(frozen=True, slots=True, eq=False)
class SegmentSound:
    """The sound of a segment: AAC frames from number `first_frame` of recording time on, and its waveform."""

    first_frame: int
    frames: Sequence[bytes]
    peaks: NDArray[np.int8]
    """(m, 2), see `renderer.peaks`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    number: int
    frames: Sequence[bytes]
    peaks: NDArray[np.int8]


def chunk_of(grid: SegmentGrid, k: int) -> int:
    """The chunk of sound that segment `k` lies in."""
    return (k - 1) * grid.seconds // CHUNK_SECONDS


class PeerSound:
    """All that a peer sends to be heard, at its own volume; segments asked for in rising order."""

    def __init__(
        self, bench: Workbench, peer_id: str, grid: SegmentGrid, segments: range, watch: Stopwatch
    ) -> None:
        self._grid = grid
        self._watch = watch
        self._profile = bench.spec.audio
        chunks = range(chunk_of(grid, segments[0]), chunk_of(grid, segments[-1]) + 1)
        self._tracks = tuple(bench.heard_tracks(chunks))
        self._heard = (PeerAudio(peer_id, 0.0, (Span(0, grid.duration_ms),)),)
        self._chunk: _Chunk | None = None

    def segment(self, k: int) -> SegmentSound:
        """The sound of segment `k`."""
        number = chunk_of(self._grid, k)
        if self._chunk is None or self._chunk.number != number:
            self._chunk = self._render(number)
        wanted = self._grid.aac_frames(k)
        first = number * AAC_FRAMES_PER_CHUNK
        bins, begin = self._grid.peaks(k), number * CHUNK_SECONDS * PEAKS_PER_SECOND
        drawn = self._chunk.peaks[bins.start - begin : bins.stop - begin]
        return SegmentSound(wanted.start, self._chunk.frames[wanted.start - first : wanted.stop - first], drawn)

    def _render(self, number: int) -> _Chunk:
        with self._watch.stage("mix"):
            mixed = mix_chunk(number, self._heard, self._tracks)
        inside = mixed[MARGIN_SAMPLES : MARGIN_SAMPLES + CHUNK_SAMPLES]
        with self._watch.stage("encode"):
            frames = _encoded(mixed, self._profile) if mixed.any() else _silence(self._profile)
        return _Chunk(number, frames, peaks(inside))


def _encoded(mixed: NDArray[np.float32], profile: AudioProfile) -> tuple[bytes, ...]:
    """The AAC frames of a chunk, without the one before it."""
    _, frames = encode_chunk(mixed, 0.0, profile)
    return frames[1:]


@cache
def _silence(profile: AudioProfile) -> tuple[bytes, ...]:
    return _encoded(np.zeros((CHUNK_SAMPLES + 2 * MARGIN_SAMPLES, 2), np.float32), profile)
