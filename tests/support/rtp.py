"""RTP packets and BRTP recordings by hand, for tests that need every bit under control."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from renderer.rtp.packet import PacketTable, Payloads, parse_packets
from storage.brtp import SegmentHeader, pack_header, pack_record
from storage.memory import MemoryStore
from storage.objects import StoreSpec
from storage.recordings import Recording, open_recording
from tests.support.store import CODEC_NAMES, rfc3339

ROOM, RECORDING = "room-1", "rec-1"
ZERO_UNIX_MS = 1_700_000_000_000
SSRC = 0x11223344


@dataclass(frozen=True, slots=True)
class Rtp:
    """One RTP packet; `arrival_ms` is recording time, `extension` holds profile and whole words."""

    sequence: int
    ticks: int
    payload: bytes
    marker: bool = False
    payload_type: int = 96
    arrival_ms: int = 0
    ssrc: int = SSRC
    csrcs: int = 0
    extension: tuple[int, bytes] | None = None
    padding: int = 0

    def pack(self) -> bytes:
        """The packet as it travels."""
        b0 = 0x80 | (0x20 if self.padding else 0) | (0x10 if self.extension else 0) | self.csrcs
        head = bytes([b0, (0x80 if self.marker else 0) | self.payload_type])
        head += (self.sequence & 0xFFFF).to_bytes(2, "big") + (self.ticks & 0xFFFF_FFFF).to_bytes(4, "big")
        head += self.ssrc.to_bytes(4, "big") + b"csrc" * self.csrcs
        if self.extension:
            profile, words = self.extension
            head += profile.to_bytes(2, "big") + (len(words) // 4).to_bytes(2, "big") + words
        tail = bytes(self.padding - 1) + bytes([self.padding]) if self.padding else b""
        return head + self.payload + tail


def table_of(*packets: bytes) -> PacketTable:
    """The parsed packets, which lie behind one another with a byte of rubbish between."""
    lengths = np.array([len(p) for p in packets], np.int64)
    offsets = np.cumsum(np.concatenate(([1], lengths + 1)))[:-1].astype(np.int64)
    return parse_packets(b"".join(b"\xff" + p for p in packets), offsets, lengths)


def payloads_of(*payloads: bytes) -> Payloads:
    """The payloads, which lie behind one another in one buffer."""
    ends = np.cumsum([len(p) for p in payloads]).astype(np.int64)
    starts = ends - np.array([len(p) for p in payloads], np.int64)
    return Payloads(np.frombuffer(b"".join(payloads), np.uint8), starts, ends)


def segment_of(packets: Sequence[Rtp], codec: str, ssrc: int = SSRC) -> bytes:
    """A BRTP segment file of these packets, in this order; its header has the first 8 letters of `codec`."""
    header = SegmentHeader(packets[0].payload_type if packets else 96, ssrc, codec, ZERO_UNIX_MS)
    return pack_header(header) + b"".join(
        pack_record(ZERO_UNIX_MS + p.arrival_ms, p.pack()) for p in packets
    )


def recording_of(
    *segments: bytes, codec: str = "vp8", kind: str = "video", payload_type: int = 96, named: str | None = None
) -> Recording:
    """An open recording in memory with one track of these segment files; `named` replaces the codec's name."""
    store = MemoryStore()
    track_id = f"peer-{kind}-producer"
    names = [f"{track_id}-{number:06d}.rtp" for number in range(1, len(segments) + 1)]
    for name, data in zip(names, segments, strict=True):
        store.put(f"rooms/{ROOM}/{RECORDING}/tracks/{name}", data)
    start = rfc3339(ZERO_UNIX_MS)
    track = {
        "track_id": track_id, "producer_id": "producer", "peer_id": "peer", "type": kind,
        "codec": CODEC_NAMES[codec] if named is None else named, "ssrc": SSRC, "payload_type": payload_type,
        "start_time": start, "file_name": names[0],
        "segments": [
            {"file_name": n, "start_time": start, "bytes": len(s), "packet_count": 1}
            for n, s in zip(names, segments, strict=True)
        ],
    }  # fmt: skip
    document = {
        "recording_id": RECORDING, "room_id": ROOM, "start_time": start, "status": "completed",
        "participants": [], "tracks": [track], "requested_by": "peer",
    }  # fmt: skip
    store.put(f"rooms/{ROOM}/{RECORDING}/metadata.json", json.dumps(document).encode())
    store.put(f"rooms/{ROOM}/{RECORDING}/.completed", b"")
    return open_recording(StoreSpec("memory"), ROOM, RECORDING, store)
