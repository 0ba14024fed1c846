"""All packets of one track, in one pass over its segment files.

Takes a recording and one of its tracks, gives the columns that `renderer.rtp.assemble` groups, with what was
found wrong on the way. Reads blocks of bounded size and keeps none of the bytes: about 100 bytes a packet
stay. Knows no access unit and no recording time. A damaged, empty or foreign file is a notice, not an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from renderer.digests import RunDigests
from renderer.rtp.assemble import CODECS, PacketColumns, no_packets
from renderer.rtp.extensions import NO_LEVEL, ExtensionIds, audio_level_id, audio_levels, rotations
from renderer.rtp.packet import PacketTable, parse_packets
from renderer.rtp.sniff import candidates, guess_codec
from renderer.rtp.units import Codec
from renderer.track_index import SegmentStamp
from storage.brtp import (
    HEADER_BYTES,
    RECORD_HEADER_BYTES,
    Damage,
    RecordBatch,
    SegmentHeader,
    parse_header,
    scan,
)
from storage.errors import MalformedSegment
from storage.manifest import TrackRef
from storage.notices import Notice
from storage.recordings import Recording, SegmentObject

BLOCK_BYTES = 4 << 20
_SAMPLE_BYTES = 1 << 20
_NO_PAYLOAD_TYPE = -1


@dataclass(slots=True)
class PacketCounts:
    """What passed by, in packets and bytes."""

    packets: int = 0
    bytes: int = 0
    """Of RTP packets, without the records' headers."""
    invalid: int = 0
    padding_only: int = 0
    foreign: int = 0
    """Of another payload type than the track's."""
    damaged_bytes: int = 0
    damages: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class TrackPackets:
    """The pass's result."""

    codec: Codec
    payload_type: int
    segments: tuple[SegmentStamp, ...]
    columns: PacketColumns
    runs: list[bytes]
    """Digest of each run of records."""
    counts: PacketCounts
    notices: tuple[Notice, ...]


def read_track(recording: Recording, track: TrackRef, ids: ExtensionIds) -> TrackPackets:
    """Reads every segment of `track` once; raises StorageError where the store fails."""
    return _Pass(recording, track, ids).run()


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is decided from the first packets of a track."""

    codec: Codec
    payload_type: int
    level_id: int


@dataclass
class _Pass:
    recording: Recording
    track: TrackRef
    ids: ExtensionIds
    notices: list[Notice] = field(default_factory=list)
    counts: PacketCounts = field(default_factory=PacketCounts)
    digests: RunDigests = field(default_factory=RunDigests)
    parts: list[PacketColumns] = field(default_factory=list)

    def run(self) -> TrackPackets:
        objects = self.recording.segments(self.track)
        headers = [self._header(segment) for segment in objects]
        stamps = tuple(_stamp(o, h) for o, h in zip(objects, headers, strict=True))
        readable = [(o, h) for o, h in zip(objects, headers, strict=True) if h is not None]
        chosen = self._choose(readable)
        stream, ssrc, at = -1, -1, 0
        for segment, header in zip(objects, headers, strict=True):
            if header is not None:
                stream += header.ssrc != ssrc
                ssrc = header.ssrc
                self._read_segment(segment, header, at, stream, chosen)
            at += segment.size
        if stream > 0:
            self._note("ssrc-changed", f"the SSRC changes {stream} times; each change begins a new stream")
        return TrackPackets(
            codec=chosen.codec,
            payload_type=chosen.payload_type,
            segments=stamps,
            columns=_joined(self.parts),
            runs=self.digests.finish(),
            counts=self.counts,
            notices=tuple(self.notices),
        )

    def _header(self, segment: SegmentObject) -> SegmentHeader | None:
        head = self.recording.store.get_range(segment.key, 0, HEADER_BYTES)
        try:
            return parse_header(head, segment.file_name)
        except MalformedSegment as error:
            self._note("segment-unreadable", str(error))
            return None

    def _choose(self, readable: list[tuple[SegmentObject, SegmentHeader]]) -> _Chosen:
        """Codec, payload type and the identifier of the audio level, from the first segment with packets."""
        sample = next(filter(len, (self._sample(o, h) for o, h in readable)), None)
        named = self.track.codec or next((h.codec for _, h in readable), "")
        codec = self._codec(named, sample)
        level_id = audio_level_id(sample, self.ids) if sample is not None else self.ids.audio_level
        payload_type = self._payload_type(sample) if codec.name in CODECS else _NO_PAYLOAD_TYPE
        return _Chosen(codec, payload_type, level_id)

    def _codec(self, named: str, sample: PacketTable | None) -> Codec:
        """The codec that is named, or that the packets look like; under a foreign name if it is not ours."""
        names = candidates(named, self.track.kind)
        if not names:
            self._note("unknown-codec", f"{named!r} is none of {', '.join(CODECS)}; the track is left out")
            return replace(CODECS["opus" if self.track.kind == "audio" else "vp8"], name=named)
        if len(names) == 1 or sample is None:
            return CODECS[names[0]]
        name = guess_codec(sample, self._payload_type(sample), names)
        self._note("codec-guessed", f"{named or 'no name'} leaves the codec open; it looks like {name}")
        return CODECS[name]

    def _payload_type(self, sample: PacketTable | None) -> int:
        """The one that metadata.json names if packets carry it, else the most frequent one."""
        named = self.track.payload_type
        if sample is not None:
            seen = sample.payload_type[sample.valid & ~sample.empty]
            if len(seen) and named not in seen:
                return int(np.bincount(seen).argmax())
        return _NO_PAYLOAD_TYPE if named is None else named

    def _sample(self, segment: SegmentObject, header: SegmentHeader) -> PacketTable:
        data = self.recording.store.get_range(segment.key, HEADER_BYTES, HEADER_BYTES + _SAMPLE_BYTES)
        batches = [found for found in scan([data], header.ssrc) if isinstance(found, RecordBatch)]
        if not batches:
            return parse_packets(b"", np.zeros(0, np.int64), np.zeros(0, np.int64))
        return _parse(max(batches, key=len))

    def _read_segment(
        self, segment: SegmentObject, header: SegmentHeader, at: int, stream: int, chosen: _Chosen
    ) -> None:
        damages: list[Damage] = []
        for found in scan(self._blocks(segment), header.ssrc):
            if isinstance(found, Damage):
                damages.append(found)
            else:
                self.parts.append(self._columns(found, at, stream, chosen))
        self.counts.damages += len(damages)
        self.counts.damaged_bytes += sum(d.length for d in damages)
        if damages:
            places = ", ".join(f"{d.length} bytes at {d.offset} ({d.reason})" for d in damages[:3])
            more = f" and {len(damages) - 3} more" if len(damages) > 3 else ""
            self._note("segment-damaged", f"{segment.file_name} holds no packets in {places}{more}")

    def _blocks(self, segment: SegmentObject) -> Iterator[bytes]:
        for start in range(HEADER_BYTES, segment.size, BLOCK_BYTES):
            yield self.recording.store.get_range(segment.key, start, min(start + BLOCK_BYTES, segment.size))

    def _columns(self, batch: RecordBatch, at: int, stream: int, chosen: _Chosen) -> PacketColumns:
        table = _parse(batch)
        start = at + batch.base + batch.offsets
        end = start + RECORD_HEADER_BYTES + batch.lengths
        runs = self.digests.add(batch.data, batch.offsets, table.timestamp, start, end)
        media = table.valid & ~table.empty & (table.payload_type == chosen.payload_type)
        self._count(batch, table)
        self.counts.foreign += int(np.count_nonzero(table.valid & ~table.empty & ~media))
        facts = chosen.codec.inspect(table.payloads())
        audio = self.track.kind == "audio"
        columns = PacketColumns(
            stream=np.full(len(table), stream),
            sequence=table.sequence,
            timestamp=table.timestamp,
            marker=table.marker,
            media=media,
            arrival_ms=batch.arrival_ms,
            start=start,
            end=end,
            run=runs,
            valid=facts.valid,
            starts=facts.starts,
            continues=facts.continues,
            unfinished=facts.unfinished,
            key_parts=facts.key_parts,
            width=facts.width,
            height=facts.height,
            samples=facts.samples,
            audio_level=audio_levels(table, chosen.level_id) if audio else np.full(len(table), NO_LEVEL),
            rotation=np.full(len(table), -1) if audio else rotations(table, self.ids.video_orientation),
        )
        return _slim(columns.take(np.nonzero(table.valid)[0]))

    def _count(self, batch: RecordBatch, table: PacketTable) -> None:
        self.counts.packets += len(table)
        self.counts.bytes += int(batch.lengths.sum())
        self.counts.invalid += int(np.count_nonzero(~table.valid))
        self.counts.padding_only += int(np.count_nonzero(table.empty))

    def _note(self, code: str, message: str) -> None:
        self.notices.append(Notice(code, message, self.track.track_id))


def _stamp(segment: SegmentObject, header: SegmentHeader | None) -> SegmentStamp:
    ssrc = header.ssrc if header is not None else -1
    return SegmentStamp(segment.file_name, segment.size, segment.etag, ssrc)


def _parse(batch: RecordBatch) -> PacketTable:
    return parse_packets(batch.data, batch.offsets + RECORD_HEADER_BYTES, batch.lengths)


_NARROW = {
    "stream": np.int16,
    "sequence": np.int32,
    "run": np.int32,
    "key_parts": np.int8,
    "width": np.int32,
    "height": np.int32,
    "samples": np.int16,
    "audio_level": np.int16,
    "rotation": np.int16,
}


def _slim(columns: PacketColumns) -> PacketColumns:
    """The same values, in narrower types: they stay for the whole track."""
    narrow: dict[str, Any] = {
        name: getattr(columns, name).astype(dtype) for name, dtype in _NARROW.items()
    }
    return replace(columns, **narrow)


def _joined(parts: list[PacketColumns]) -> PacketColumns:
    if not parts:
        return no_packets()
    columns: dict[str, Any] = {
        f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(PacketColumns)
    }
    return PacketColumns(**columns)
