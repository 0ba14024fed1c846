"""Packets to access units: the table of codecs, and how one track's packets are grouped.

Takes the columns of all packets of a track in file order, gives one row per access unit in sending order.
A unit is complete if no sequence number is missing inside it and its first and last packets are surely that.
Padding-only and foreign packets count in the sequence and belong to no unit.
Knows no file, no recording time and no decoder.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from renderer.rtp.av1 import AV1
from renderer.rtp.h264 import H264
from renderer.rtp.opus import OPUS
from renderer.rtp.packet import Bools, Ints
from renderer.rtp.reorder import reorder
from renderer.rtp.sequence import MAX_DROPOUT, unwrap_sequence, unwrap_ticks
from renderer.rtp.units import Codec
from renderer.rtp.vp8 import VP8
from renderer.rtp.vp9 import VP9

CODECS: dict[str, Codec] = {codec.name: codec for codec in (VP8, VP9, H264, AV1, OPUS)}

_SEQUENCE_EPOCH = 1 << 16
_TICKS_EPOCH = 1 << 32
_MAX_BACK_S = 1


@dataclass(frozen=True, eq=False, slots=True)
class PacketColumns:
    """n well-formed packets of one track in file order; all columns are (n,)."""

    stream: Ints
    """0, 1, …: rises where the SSRC changes."""
    sequence: Ints
    """16 bit."""
    timestamp: Ints
    """32 bit."""
    marker: Bools
    media: Bools
    """Carries the track's payload type and a payload."""
    arrival_ms: Ints
    """Unix ms."""
    start: Ints
    end: Ints
    """The record's bytes, in the track's byte space."""
    run: Ints
    """Which digest covers the record."""
    valid: Bools
    starts: Bools
    continues: Bools
    unfinished: Bools
    key_parts: Ints
    width: Ints
    height: Ints
    samples: Ints
    audio_level: Ints
    """0..127 = -dBov; 255 unknown."""
    rotation: Ints
    """Degrees clockwise; -1 unknown."""

    def __len__(self) -> int:
        return len(self.sequence)

    def take(self, rows: Ints) -> PacketColumns:
        """These rows."""
        return PacketColumns(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, eq=False, slots=True)
class SentOrder:
    """The packets that stay, in sending order; all columns are (m,)."""

    rows: Ints
    """Row in the packet columns."""
    sequence: Ints
    """Unwrapped; equal to the raw number modulo 2^16, rising strictly."""
    ticks: Ints
    """Unwrapped; equal to the raw timestamp modulo 2^32. Of packets without media that of the one before."""
    lost: int
    duplicates: int
    reordered: int
    dropped: int
    """Behind the reorder window, or strays."""


@dataclass(frozen=True, eq=False, slots=True)
class UnitColumns:
    """m access units in sending order; all columns are (m,)."""

    ticks: Ints
    start: Ints
    end: Ints
    first_seq: Ints
    last_seq: Ints
    keyframe: Bools
    complete: Bools
    gap_before: Bools
    width: Ints
    height: Ints
    samples: Ints
    audio_level: Ints
    rotation: Ints
    first_run: Ints
    last_run: Ints


def in_sending_order(packets: PacketColumns, clock_rate: int) -> SentOrder:
    """Unwraps and sorts; each stream (SSRC) by itself, one behind the other."""
    parts: list[tuple[Ints, Ints, Ints]] = []
    lost = duplicates = reordered = dropped = 0
    sequence_base, ticks_base = _SEQUENCE_EPOCH, _TICKS_EPOCH
    for stream in range(int(packets.stream[-1]) + 1 if len(packets) else 0):
        rows = np.nonzero(packets.stream == stream)[0]
        sequence, stray = unwrap_sequence(packets.sequence[rows])
        rows, sequence = rows[~stray], sequence[~stray] + sequence_base
        sorted_ = reorder(sequence)
        rows, sequence = rows[sorted_.order], sequence[sorted_.order]
        ticks = ticks_base + _ticks(packets, rows, clock_rate)
        parts.append((rows, sequence, ticks))
        gaps = np.diff(sequence) - 1
        lost += int(gaps[gaps <= MAX_DROPOUT].sum())
        duplicates += sorted_.duplicates
        reordered += sorted_.reordered
        dropped += sorted_.late + int(stray.sum())
        if len(rows):
            sequence_base = _next_epoch(int(sequence[-1]), _SEQUENCE_EPOCH)
            ticks_base = _next_epoch(int(ticks.max()), _TICKS_EPOCH)
    joined = [np.concatenate([np.zeros(0, np.int64), *column]) for column in zip(*parts, strict=True)]
    rows, sequence, ticks = joined or [np.zeros(0, np.int64)] * 3
    return SentOrder(rows, sequence, ticks, lost, duplicates, reordered, dropped)


def _next_epoch(last: int, size: int) -> int:
    """A multiple of `size` with room below it for values a little under their raw ones."""
    return (last // size + 2) * size


def _ticks(packets: PacketColumns, rows: Ints, clock_rate: int) -> Ints:
    media = packets.media[rows]
    ticks = np.zeros(len(rows), np.int64)
    unwrapped = unwrap_ticks(packets.timestamp[rows[media]], _MAX_BACK_S * clock_rate)
    if len(unwrapped):
        ticks = unwrapped[np.maximum(np.cumsum(media) - 1, 0)]
    return ticks


def group(packets: PacketColumns, order: SentOrder, codec: Codec) -> UnitColumns:
    """The access units: runs of media packets of one timestamp (Opus: each packet)."""
    holes = np.cumsum(np.concatenate(([0], np.diff(order.sequence) != 1))) if len(order.rows) else order.rows
    media = packets.media[order.rows]
    rows, sequence, ticks, holes = (a[media] for a in (order.rows, order.sequence, order.ticks, holes))
    if not len(rows):
        return UnitColumns(*(np.zeros(0, np.bool_ if "bool" in f.type.lower() else np.int64) for f in fields(UnitColumns)))
    p = packets.take(rows)
    begins = np.ones(len(rows), np.bool_)
    if not codec.unit_per_packet:
        begins[1:] = np.diff(ticks) != 0
    first = np.nonzero(begins)[0]
    last = np.append(first[1:], len(rows)) - 1
    after_gap = np.concatenate(([False], holes[first[1:]] != holes[last[:-1]]))
    joins_previous = np.concatenate(([False], ~after_gap[1:]))
    joins_next = np.concatenate((~after_gap[1:], [False]))
    start_known = p.starts[first] | (joins_previous & ~p.continues[first])
    end_known = (p.marker[last] | joins_next) & ~p.unfinished[last]
    whole = (holes[first] == holes[last]) & np.logical_and.reduceat(p.valid, first)
    key_parts = np.bitwise_or.reduceat(p.key_parts, first)
    return UnitColumns(
        ticks=ticks[first],
        start=np.minimum.reduceat(p.start, first),
        end=np.maximum.reduceat(p.end, first),
        first_seq=sequence[first],
        last_seq=sequence[last],
        keyframe=key_parts & codec.key_parts == codec.key_parts,
        complete=whole & (codec.unit_per_packet | (start_known & end_known)),
        gap_before=after_gap,
        width=np.maximum.reduceat(p.width, first),
        height=np.maximum.reduceat(p.height, first),
        samples=np.maximum.reduceat(p.samples, first),
        audio_level=np.minimum.reduceat(p.audio_level, first),
        rotation=np.maximum.reduceat(p.rotation, first),
        first_run=np.minimum.reduceat(p.run, first),
        last_run=np.maximum.reduceat(p.run, first),
    )


def clean_units(keyframe: Bools, complete: Bools, gap_before: Bools) -> NDArray[np.bool_]:
    """Which units decode without damage: a complete keyframe, then complete units without a gap."""
    row = np.arange(len(keyframe))
    fresh = keyframe & complete
    last_fresh = np.maximum.accumulate(np.where(fresh, row, -1))
    last_broken = np.maximum.accumulate(np.where(~fresh & (~complete | gap_before), row, -1))
    return last_fresh > last_broken
