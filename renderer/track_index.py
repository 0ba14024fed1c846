"""The index of a track: one row per access unit, on recording time.

Everything that is asked of a track before its media is read is answered from here: what is on screen when,
where decoding can begin, which bytes to read, how healthy the track is. Frozen values and the questions to
them; how an index is made is in renderer.index_build, how it is kept in renderer.index_store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from renderer.rtp.clock import ClockFit
from storage.notices import Notice


@dataclass(frozen=True, slots=True)
class SegmentStamp:
    """A segment file that an index was made from; `ssrc` is -1 where it holds no readable header."""

    file_name: str
    size: int
    etag: str
    ssrc: int


@dataclass(frozen=True, slots=True)
class TrackStats:
    """Counts of a track; packets unless a unit is named."""

    packets: int
    """Records with an RTP packet, duplicates and padding included."""
    bytes: int
    """Of RTP packets."""
    lost: int
    """Sequence numbers that never came, but for those of a stream that began anew."""
    duplicates: int
    reordered: int
    dropped: int
    """Came behind the reorder window, or with a sequence number out of nowhere."""
    padding_only: int
    foreign: int
    """Of another payload type."""
    invalid: int
    """No RTP packet by RFC 3550."""
    damaged_bytes: int
    """Of segment files that hold no record."""
    units: int
    keyframes: int
    """Complete ones (audio: packets)."""
    incomplete: int
    """Units."""
    first_us: int
    last_us: int
    """Recording time of the first and last unit; 0 where there is none."""
    max_keyframe_interval_s: float
    """Longest way from a complete keyframe (or the track's begin) to the next one (or its end); audio: 0."""

    @property
    def loss(self) -> float:
        """Lost packets as a share of all that were sent, 0..1."""
        sent = self.packets - self.duplicates + self.lost
        return self.lost / sent if sent else 0.0


ROW_COLUMNS = (
    "time_us", "ticks", "start", "end", "first_seq", "last_seq", "keyframe", "complete", "gap_before", "clean",
    "width", "height", "rotation", "digest", "audio_level", "samples",
)  # fmt: skip
"""The columns with one row for each access unit."""


@dataclass(frozen=True, eq=False)
class TrackIndex:
    """n access units of one track in decoding (sequence) order; all columns are (n,)."""

    track_id: str
    kind: str
    """audio, video or screenshare."""
    codec: str
    """opus, vp8, vp9, h264 or av1."""
    ssrc: int
    """Of the first segment; -1 where none is readable."""
    payload_type: int
    clock_rate: int
    """Ticks per second."""

    time_us: NDArray[np.int64]
    """Recording time in microseconds, non-decreasing."""
    ticks: NDArray[np.int64]
    """Unwrapped RTP timestamp, equal to the raw one modulo 2^32."""
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    """Bytes [start, end) hold all its records, in the byte space of the segment files laid end to end."""
    first_seq: NDArray[np.int64]
    last_seq: NDArray[np.int64]
    """Unwrapped sequence numbers, inclusive; equal to the raw ones modulo 2^16."""
    keyframe: NDArray[np.bool_]
    complete: NDArray[np.bool_]
    """No packet of it is missing."""
    gap_before: NDArray[np.bool_]
    """Packets are missing between the unit before and this one."""
    clean: NDArray[np.bool_]
    """A complete keyframe has come, and since it every unit is complete and no gap has been."""
    width: NDArray[np.uint16]
    height: NDArray[np.uint16]
    """Pixels as decoded; 0 until first known, then carried forward."""
    rotation: NDArray[np.uint16]
    """Degrees clockwise to turn the picture: 0, 90, 180, 270; carried forward."""
    digest: NDArray[np.uint64]
    """Of the unit's records."""
    audio_level: NDArray[np.uint8]
    """0..127 = -dBov; 255 unknown."""
    samples: NDArray[np.int32]
    """Opus: samples at 48 kHz; else 0."""

    segments: tuple[SegmentStamp, ...]
    segment_starts: NDArray[np.int64]
    """Where each segment file begins in the byte space; (s,)."""
    clock: ClockFit
    notices: tuple[Notice, ...]
    stats: TrackStats

    def __len__(self) -> int:
        return len(self.time_us)


def narrow(index: TrackIndex, first_row: int, end_row: int) -> TrackIndex:
    """The rows [first_row, end_row) alone, numbered from 0: what a worker keeps of a long track."""
    rows = slice(first_row, end_row)
    return replace(index, **{name: getattr(index, name)[rows].copy() for name in ROW_COLUMNS})


def keyframe_before(index: TrackIndex, row: int) -> int:
    """The last complete keyframe at or before `row`; -1 if there is none."""
    usable = np.nonzero((index.keyframe & index.complete)[: row + 1])[0]
    return int(usable[-1]) if len(usable) else -1
