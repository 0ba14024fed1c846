"""Packets to access units: the table of codecs, and how one track's packets are grouped.

Takes the columns of all packets of a track in file order, gives one row per access unit in sending order.
A unit is complete if no sequence number is missing inside it and its first and last packets are surely that.
Padding-only and foreign packets count in the sequence and belong to no unit.
Knows no file, no recording time and no decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

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


def no_packets() -> PacketColumns:
    """The columns of a track without packets."""
    flags = ("marker", "media", "valid", "starts", "continues", "unfinished")
    columns: dict[str, Any] = {
        f.name: np.zeros(0, np.bool_ if f.name in flags else np.int64) for f in fields(PacketColumns)
    }
    return PacketColumns(**columns)


def in_sending_order(packets: PacketColumns, clock_rate: int) -> SentOrder:
    """Unwraps and sorts; each stream (SSRC) by itself, one behind the other."""
    parts: list[SentOrder] = []
    sequence_base, ticks_base = _SEQUENCE_EPOCH, _TICKS_EPOCH
    for stream in range(int(packets.stream[-1]) + 1 if len(packets) else 0):
        rows = np.nonzero(packets.stream == stream)[0]
        part = _stream_order(packets, rows, clock_rate, sequence_base, ticks_base)
        if len(part.rows):
            parts.append(part)
            sequence_base = _next_epoch(int(part.sequence[-1]), _SEQUENCE_EPOCH)
            ticks_base = _next_epoch(int(part.ticks.max()), _TICKS_EPOCH)
    nothing = np.zeros(0, np.int64)
    return SentOrder(
        rows=np.concatenate([nothing, *(p.rows for p in parts)]),
        sequence=np.concatenate([nothing, *(p.sequence for p in parts)]),
        ticks=np.concatenate([nothing, *(p.ticks for p in parts)]),
        lost=sum(p.lost for p in parts),
        duplicates=sum(p.duplicates for p in parts),
        reordered=sum(p.reordered for p in parts),
        dropped=sum(p.dropped for p in parts),
    )


def _stream_order(
    packets: PacketColumns, rows: Ints, clock_rate: int, sequence_base: int, ticks_base: int
) -> SentOrder:
    sequence, stray = unwrap_sequence(packets.sequence[rows])
    rows, sequence = rows[~stray], sequence[~stray] + sequence_base
    found = reorder(sequence)
    rows, sequence = rows[found.order], sequence[found.order]
    gaps = np.diff(sequence) - 1
    return SentOrder(
        rows=rows,
        sequence=sequence,
        ticks=ticks_base + _ticks(packets, rows, clock_rate),
        lost=int(gaps[gaps <= MAX_DROPOUT].sum()),
        duplicates=found.duplicates,
        reordered=found.reordered,
        dropped=found.late + int(stray.sum()),
    )


def _next_epoch(last: int, size: int) -> int:
    """A multiple of `size` with room below it for values a little under their raw ones."""
    return (last // size + 2) * size


def _ticks(packets: PacketColumns, rows: Ints, clock_rate: int) -> Ints:
    """Unwrapped timestamps; a packet without media takes that of the last one with media."""
    media = packets.media[rows]
    unwrapped = unwrap_ticks(packets.timestamp[rows[media]], _MAX_BACK_S * clock_rate)
    if not len(unwrapped):
        return np.zeros(len(rows), np.int64)
    ticks: Ints = unwrapped[np.maximum(np.cumsum(media) - 1, 0)]
    return ticks


def group(packets: PacketColumns, order: SentOrder, codec: Codec) -> UnitColumns:
    """The access units: runs of media packets of one timestamp (Opus: each packet)."""
    media = packets.media[order.rows]
    holes = np.cumsum(np.diff(order.sequence, prepend=order.sequence[:1] - 1) != 1)[media]
    sequence, ticks = order.sequence[media], order.ticks[media]
    p = packets.take(order.rows[media])
    first, last = _bounds(ticks, codec.unit_per_packet)
    gap_before = np.zeros(len(first), np.bool_)
    gap_before[1:] = holes[first[1:]] != holes[last[:-1]]
    whole = (holes[first] == holes[last]) & _all(p.valid, first)
    ends_known = codec.unit_per_packet | _ends_known(p, first, last, gap_before)
    return UnitColumns(
        ticks=ticks[first],
        start=_least(p.start, first),
        end=_most(p.end, first),
        first_seq=sequence[first],
        last_seq=sequence[last],
        keyframe=_union(p.key_parts, first) & codec.key_parts == codec.key_parts,
        complete=whole & ends_known,
        gap_before=gap_before,
        width=_most(p.width, first),
        height=_most(p.height, first),
        samples=_most(p.samples, first),
        audio_level=_least(p.audio_level, first),
        rotation=_most(p.rotation, first),
        first_run=_least(p.run, first),
        last_run=_most(p.run, first),
    )


def _bounds(ticks: Ints, unit_per_packet: bool) -> tuple[Ints, Ints]:
    """The first and the last packet of each unit."""
    begins = np.ones(len(ticks), np.bool_)
    if not unit_per_packet:
        begins[1:] = np.diff(ticks) != 0
    first = np.nonzero(begins)[0]
    return first, np.append(first[1:], len(ticks))[: len(first)] - 1


def _ends_known(p: PacketColumns, first: Ints, last: Ints, gap_before: Bools) -> Bools:
    """Whether each unit surely has its first and its last packet: they say so, or a neighbour joins on."""
    joins_previous = ~gap_before
    joins_previous[:1] = False
    joins_next = np.zeros(len(first), np.bool_)
    joins_next[:-1] = joins_previous[1:]
    begins = p.starts[first] | (joins_previous & ~p.continues[first])
    return begins & (p.marker[last] | joins_next) & ~p.unfinished[last]


def _over_units(ufunc: np.ufunc) -> Callable[[NDArray[Any], Ints], NDArray[Any]]:
    """`ufunc` reduced over the packets of each unit, given the first packets."""

    def reduced(values: NDArray[Any], first: Ints) -> NDArray[Any]:
        result: NDArray[Any] = ufunc.reduceat(values, first) if len(first) else values
        return result

    return reduced


_least, _most = _over_units(np.minimum), _over_units(np.maximum)
_all, _union = _over_units(np.logical_and), _over_units(np.bitwise_or)


def clean_units(keyframe: Bools, complete: Bools, gap_before: Bools) -> NDArray[np.bool_]:
    """Which units decode without damage: a complete keyframe, then complete units without a gap."""
    row = np.arange(len(keyframe))
    fresh = keyframe & complete
    last_fresh = np.maximum.accumulate(np.where(fresh, row, -1))
    last_broken = np.maximum.accumulate(np.where(~fresh & (~complete | gap_before), row, -1))
    return last_fresh > last_broken
