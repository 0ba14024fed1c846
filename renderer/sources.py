"""The access units of a span of rows, ready for the decoder, by ranged reads.

Takes an index and rows of it; reads the bytes that hold them in few contiguous requests of bounded size and
puts exactly those units together. The bytes of a unit do not depend on where reading began or on the batches.
Knows no decoder and no loss policy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from renderer.errors import MalformedPayload, SourceChanged
from renderer.rtp.assemble import CODECS
from renderer.rtp.packet import parse_packets
from renderer.rtp.units import AccessUnit, Codec
from renderer.track_index import TrackIndex
from storage.brtp import HEADER_BYTES, RECORD_HEADER_BYTES, RecordBatch, scan
from storage.keys import RecordingKeys
from storage.objects import ObjectStore

BATCH_BYTES = 3 << 20
"""A batch ends with the unit that goes beyond this."""

_GUARD_BYTES = 8 << 10
"""Read on behind the last record, so that the scan judges it by the same bytes as when it was indexed."""

_TICKS_MASK = 0xFFFF_FFFF

Packets = dict[tuple[int, int], bytes]
"""Payloads by raw timestamp and raw sequence number."""


def read_units(
    store: ObjectStore,
    keys: RecordingKeys,
    index: TrackIndex,
    first_row: int,
    last_row: int,
    batch_bytes: int = BATCH_BYTES,
) -> Iterator[AccessUnit]:
    """The units of rows [first_row, last_row], both inclusive, in decoding order.

    A unit that cannot be put together has no data and `complete` False. Raises SourceChanged where a segment
    is shorter than it was, and StorageError where the store fails.
    """
    if last_row < first_row:
        return
    codec = CODECS[index.codec]
    for first, last in _batches(index, first_row, last_row, batch_bytes):
        start, end = int(index.start[first : last + 1].min()), int(index.end[first : last + 1].max())
        packets = _read_packets(store, keys, index, start, end)
        for row in range(first, last + 1):
            yield _unit(index, row, codec, packets)


def _batches(index: TrackIndex, first_row: int, last_row: int, batch_bytes: int) -> Iterator[tuple[int, int]]:
    """Runs of rows, first and last, that lie in about `batch_bytes` of the track."""
    first = first_row
    while first <= last_row:
        low, last = int(index.start[first]), first
        high = int(index.end[first])
        while last < last_row and high - low < batch_bytes:
            last += 1
            low, high = min(low, int(index.start[last])), max(high, int(index.end[last]))
        yield first, last
        first = last + 1


def _read_packets(
    store: ObjectStore, keys: RecordingKeys, index: TrackIndex, start: int, end: int
) -> Packets:
    """The media packets in [start, end) of the byte space; of duplicates the first one."""
    packets: Packets = {}
    for number, segment in enumerate(index.segments):
        at = int(index.segment_starts[number])
        low, high = max(start - at, HEADER_BYTES), min(end - at, segment.size)
        if low >= high or segment.ssrc < 0:
            continue
        data = store.get_range(keys.segment(segment.file_name), low, min(high + _GUARD_BYTES, segment.size))
        if len(data) < high - low:
            raise SourceChanged(index.track_id, segment.file_name)
        for found in scan([data], segment.ssrc, low):
            if isinstance(found, RecordBatch):
                _collect(packets, found, index.payload_type, high)
    return packets


def _collect(packets: Packets, batch: RecordBatch, payload_type: int, end: int) -> None:
    """Adds the media packets of records that begin before `end` of the segment file."""
    table = parse_packets(batch.data, batch.offsets + RECORD_HEADER_BYTES, batch.lengths)
    media = table.valid & ~table.empty & (table.payload_type == payload_type)
    rows = np.nonzero(media & (batch.base + batch.offsets < end))[0]
    keys = zip(table.timestamp[rows].tolist(), table.sequence[rows].tolist(), strict=True)
    spans = zip(table.payload_start[rows].tolist(), table.payload_end[rows].tolist(), strict=True)
    for key, (first, after) in zip(keys, spans, strict=True):
        packets.setdefault(key, batch.data[first:after])


def _unit(index: TrackIndex, row: int, codec: Codec, packets: Packets) -> AccessUnit:
    ticks = int(index.ticks[row])
    data, whole = b"", True
    try:
        data = codec.depacketise(_payloads(index, row, ticks & _TICKS_MASK, packets))
    except MalformedPayload:
        whole = False
    return AccessUnit(
        index=row,
        time_us=int(index.time_us[row]),
        ticks=ticks,
        data=data,
        keyframe=bool(index.keyframe[row]),
        complete=bool(index.complete[row]) and whole,
        gap_before=bool(index.gap_before[row]),
        clean=bool(index.clean[row]),
        rotation=int(index.rotation[row]),
        width=int(index.width[row]),
        height=int(index.height[row]),
        samples=int(index.samples[row]),
    )


def _payloads(index: TrackIndex, row: int, timestamp: int, packets: Packets) -> list[bytes | None]:
    """One entry for each sequence number of the unit, None where it is lost; padding between is left out."""
    numbers = range(int(index.first_seq[row]), int(index.last_seq[row]) + 1)
    found = [packets.get((timestamp, number & 0xFFFF)) for number in numbers]
    return [p for p in found if p is not None] if index.complete[row] else found
