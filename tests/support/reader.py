"""A small reader of intact BRTP files, apart from storage and renderer, to check generated files with."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, NamedTuple


class Stored(NamedTuple):
    """One stored packet; `payload` is without padding."""

    arrival_ms: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    marker: bool
    extensions: dict[int, bytes]
    payload: bytes


def read_segment(path: Path) -> tuple[dict[str, Any], list[Stored]]:
    """The header's fields and the packets of an intact segment file."""
    data = path.read_bytes()
    magic, version, payload_type, _, ssrc, codec, start = struct.unpack_from(">4sBBHI8sq", data)
    assert (magic, version) == (b"BRTP", 1)
    header = {"payload_type": payload_type, "ssrc": ssrc, "codec": codec.rstrip(b"\0"), "start": start}
    at, packets = 32, []
    while at < len(data):
        arrival, length = struct.unpack_from(">qH", data, at)
        packets.append(_parse(arrival, data[at + 10 : at + 10 + length]))
        at += 10 + length
    return header, packets


def _parse(arrival: int, packet: bytes) -> Stored:
    first, second, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", packet)
    at, extensions = 12, {}
    if first & 0x10:
        words = int.from_bytes(packet[14:16], "big")
        at, end = 16, 16 + 4 * words
        while at < end and packet[at]:
            length = (packet[at] & 15) + 1
            extensions[packet[at] >> 4] = packet[at + 1 : at + 1 + length]
            at += 1 + length
        at = end
    stop = len(packet) - (packet[-1] if first & 0x20 else 0)
    return Stored(
        arrival, sequence, timestamp, ssrc, second & 127, bool(second & 128), extensions, packet[at:stop]
    )
