"""The index of a track: one row per access unit, on recording time.

Made by one pass over the packets, without decoding. Everything that is asked of a track before its media is
read is answered from here: what is on screen when, where decoding can begin, which bytes to read, how healthy
the track is. A pure function of the segment files; two builds are equal byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from renderer.digests import unit_digests
from renderer.rtp.assemble import SentOrder, UnitColumns, clean_units, group, in_sending_order
from renderer.rtp.clock import ClockFit, fit_clock
from renderer.rtp.extensions import ExtensionIds
from renderer.track_packets import SegmentStamp, TrackPackets, read_track
from storage.manifest import TrackRef
from storage.notices import Notice
from storage.recordings import Recording

RARE_KEYFRAMES_S = 20.0
NOTABLE_LOSS = 0.005


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
    """Bytes [start, end) hold all records of the unit: in the track's byte space, its segment files end to end."""
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


def build_index(recording: Recording, track: TrackRef, ids: ExtensionIds | None = None) -> TrackIndex:
    """Reads the track once and indexes it. Raises UnknownCodec, and StorageError where the store fails."""
    packets = read_track(recording, track, ids or ExtensionIds())
    order = in_sending_order(packets.columns, packets.codec.clock_rate)
    units = group(packets.columns, order, packets.codec)
    clock = _clock(packets, order, recording.manifest.zero_unix_ms)
    time_us = np.maximum.accumulate(clock.to_us(units.ticks))
    stats = _stats(packets, order, units, time_us, track.kind)
    sizes = [0, *(segment.size for segment in packets.segments)]
    return TrackIndex(
        track_id=track.track_id,
        kind=track.kind,
        codec=packets.codec.name,
        ssrc=next((s.ssrc for s in packets.segments if s.ssrc >= 0), -1),
        payload_type=packets.payload_type,
        clock_rate=packets.codec.clock_rate,
        time_us=time_us,
        ticks=units.ticks,
        start=units.start,
        end=units.end,
        first_seq=units.first_seq,
        last_seq=units.last_seq,
        keyframe=units.keyframe,
        complete=units.complete,
        gap_before=units.gap_before,
        clean=units.complete if track.kind == "audio" else clean_units(units.keyframe, units.complete, units.gap_before),
        width=_carried(units.width, 0).astype(np.uint16),
        height=_carried(units.height, 0).astype(np.uint16),
        rotation=np.maximum(_carried(units.rotation, -1), 0).astype(np.uint16),
        digest=unit_digests(packets.runs, units.first_run, units.last_run),
        audio_level=units.audio_level.astype(np.uint8),
        samples=units.samples.astype(np.int32),
        segments=packets.segments,
        segment_starts=np.cumsum(sizes[:-1], dtype=np.int64),
        clock=clock,
        notices=packets.notices + _health(track.track_id, track.kind, stats, units),
        stats=stats,
    )


def keyframe_before(index: TrackIndex, row: int) -> int:
    """The last complete keyframe at or before `row`; -1 if there is none."""
    usable = np.nonzero((index.keyframe & index.complete)[: row + 1])[0]
    return int(usable[-1]) if len(usable) else -1


def rows_between(index: TrackIndex, start_us: int, end_us: int) -> range:
    """The rows that stand in [start_us, end_us) of recording time."""
    first, after = np.searchsorted(index.time_us, (start_us, end_us), side="left")
    return range(int(first), int(after))


def track_digest(index: TrackIndex, first_row: int, last_row: int) -> str:
    """A digest of all that decides the media of rows [first_row, last_row], both inclusive, and their times."""
    rows = slice(first_row, last_row + 1)
    digest = blake2b(f"{index.codec} {last_row - first_row};".encode(), digest_size=16)
    for column in (index.digest, index.time_us, index.rotation, index.keyframe, index.complete, index.clean):
        digest.update(np.ascontiguousarray(column[rows]).tobytes())
    return digest.hexdigest()


def _clock(packets: TrackPackets, order: SentOrder, zero_unix_ms: float) -> ClockFit:
    """The fit over all media packets, in the order in which they were written."""
    media = packets.columns.media[order.rows]
    rows, ticks = order.rows[media], order.ticks[media]
    written = np.argsort(rows, kind="stable")
    arrival = packets.columns.arrival_ms[rows[written]] - zero_unix_ms
    return fit_clock(ticks[written], arrival, packets.codec.clock_rate)


def _carried(values: NDArray[np.int64], unknown: int) -> NDArray[np.int64]:
    """Each unknown value replaced by the last known one before it."""
    known = np.where(values != unknown, np.arange(len(values)), -1)
    last = np.maximum.accumulate(known)
    return np.where(last >= 0, values[np.maximum(last, 0)], unknown)


def _stats(
    packets: TrackPackets, order: SentOrder, units: UnitColumns, time_us: NDArray[np.int64], kind: str
) -> TrackStats:
    counts = packets.counts
    keyframes = units.keyframe & units.complete
    return TrackStats(
        packets=counts.packets,
        bytes=counts.bytes,
        lost=order.lost,
        duplicates=order.duplicates,
        reordered=order.reordered,
        dropped=order.dropped,
        padding_only=counts.padding_only,
        foreign=counts.foreign,
        invalid=counts.invalid,
        damaged_bytes=counts.damaged_bytes,
        units=len(time_us),
        keyframes=int(np.count_nonzero(keyframes)),
        incomplete=int(np.count_nonzero(~units.complete)),
        first_us=int(time_us[0]) if len(time_us) else 0,
        last_us=int(time_us[-1]) if len(time_us) else 0,
        max_keyframe_interval_s=0.0 if kind == "audio" else _longest_interval_s(time_us, keyframes),
    )


def _longest_interval_s(time_us: NDArray[np.int64], keyframes: NDArray[np.bool_]) -> float:
    if not len(time_us):
        return 0.0
    marks = np.concatenate((time_us[:1], time_us[keyframes], time_us[-1:]))
    return float(np.diff(marks).max()) / 1e6


def _health(track_id: str, kind: str, stats: TrackStats, units: UnitColumns) -> tuple[Notice, ...]:
    """What a person should know about this track, from its numbers."""
    found: list[tuple[str, str]] = []
    if not stats.units:
        found.append(("no-media", "no packet with media was recorded"))
    if stats.loss >= NOTABLE_LOSS:
        found.append(("packets-lost", f"{stats.lost} packets ({stats.loss:.1%}) are missing"))
    if stats.invalid:
        found.append(("packets-invalid", f"{stats.invalid} records hold no valid RTP packet"))
    if stats.foreign:
        found.append(("foreign-packets", f"{stats.foreign} packets of other payload types are left out"))
    if kind != "audio" and stats.units:
        found += _picture_health(stats, units)
    return tuple(Notice(code, message, track_id) for code, message in found)


def _picture_health(stats: TrackStats, units: UnitColumns) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not stats.keyframes:
        found.append(("no-keyframe", "no complete keyframe was recorded; nothing can be shown"))
    elif not (units.keyframe[0] and units.complete[0]):
        first = int(np.argmax(units.keyframe & units.complete))
        found.append(("starts-mid-gop", f"the first {first} pictures come before the first keyframe and cannot be shown"))
    if stats.max_keyframe_interval_s > RARE_KEYFRAMES_S:
        found.append(("rare-keyframes", f"up to {stats.max_keyframe_interval_s:.0f} s pass between keyframes"))
    return found
