"""Makes the index of a track: one pass over its packets, no decoding.

A pure function of the segment files and of recording time zero: two builds are equal to the byte. A track
whose codec is not ours gets an index without rows, and a notice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.digests import unit_digests
from renderer.rtp.assemble import SentOrder, UnitColumns, clean_units, group, in_sending_order
from renderer.rtp.clock import ClockFit, fit_clock
from renderer.rtp.extensions import ExtensionIds
from renderer.track_index import TrackIndex, TrackStats
from renderer.track_packets import TrackPackets, read_track
from storage.manifest import TrackRef
from storage.notices import Notice
from storage.recordings import Recording

RARE_KEYFRAMES_S = 20.0
NOTABLE_LOSS = 0.005


def build_index(recording: Recording, track: TrackRef, ids: ExtensionIds | None = None) -> TrackIndex:
    """Reads the track once and indexes it. Raises StorageError where the store fails."""
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
        digest=unit_digests(packets.runs, units.first_run, units.last_run),
        segments=packets.segments,
        segment_starts=np.cumsum(sizes[:-1], dtype=np.int64),
        clock=clock,
        notices=packets.notices + _health(track.track_id, track.kind, stats, units),
        stats=stats,
        **_columns(units, track.kind),
    )


_AS_THEY_ARE = ("ticks", "start", "end", "first_seq", "last_seq", "keyframe", "complete", "gap_before")


def _columns(units: UnitColumns, kind: str) -> dict[str, NDArray[Any]]:
    """The columns that come from the units alone, in the index's types."""
    audio = kind == "audio"
    clean = units.complete if audio else clean_units(units.keyframe, units.complete, units.gap_before)
    return {name: getattr(units, name) for name in _AS_THEY_ARE} | {
        "clean": clean,
        "width": _carried(units.width, 0).astype(np.uint16),
        "height": _carried(units.height, 0).astype(np.uint16),
        "rotation": np.maximum(_carried(units.rotation, -1), 0).astype(np.uint16),
        "audio_level": units.audio_level.astype(np.uint8),
        "samples": units.samples.astype(np.int32),
    }


def _clock(packets: TrackPackets, order: SentOrder, zero_unix_ms: float) -> ClockFit:
    """The fit over all media packets, in the order in which they were written."""
    media = packets.columns.media[order.rows]
    rows, ticks = order.rows[media], order.ticks[media]
    written = np.argsort(rows, kind="stable")
    arrival = packets.columns.arrival_ms[rows[written]].astype(np.float64) - zero_unix_ms
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
        found.append(("starts-mid-gop", f"pictures before the first keyframe, not shown: {first}"))
    if stats.max_keyframe_interval_s > RARE_KEYFRAMES_S:
        found.append(("rare-keyframes", f"keyframes are up to {stats.max_keyframe_interval_s:.0f} s apart"))
    return found
