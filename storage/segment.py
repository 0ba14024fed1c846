"""The BRTP segment file, byte by byte: header and records. Sans-I/O: bytes in, values out.

    header, 32 bytes, big-endian            records, until the end of the file
    4s   magic "BRTP"                       i64  arrival at the server, Unix ms
    u8   version, 1                         u16  length of the packet
    u8   RTP payload type                   ...  one whole RTP packet (RFC 3550, section 5.1)
    u16  reserved
    u32  SSRC                               A record is known by its framing: a length of 12 to 2048, RTP
    8s   codec, cut, padded with NUL        version 2 and the SSRC of the header.
    i64  start of the segment, Unix ms
    4x   reserved

Must not know what is in the packets, nor how records are found (storage.brtp).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from storage.errors import MalformedSegment

HEADER_BYTES = 32
RECORD_HEADER_BYTES = 10
MIN_PACKET_BYTES = 12
MAX_PACKET_BYTES = 2048

_HEADER = struct.Struct(">4sBBHI8sq4x")
_RECORD = struct.Struct(">qH")


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """`codec` as written, at most 8 characters (`audio/op`, `video/VP`, `vp8`); start in Unix ms."""

    payload_type: int
    ssrc: int
    codec: str
    start_time_ms: int


def parse_header(data: bytes, name: str = "") -> SegmentHeader:
    """The header in the first 32 bytes of a segment file; `name` is for messages. Raises MalformedSegment."""
    if len(data) < HEADER_BYTES:
        raise MalformedSegment(name, f"it has {len(data)} bytes, its header alone would have {HEADER_BYTES}")
    magic, version, payload_type, _, ssrc, codec, start_time_ms = _HEADER.unpack_from(data)
    if magic != b"BRTP":
        raise MalformedSegment(name, f"it begins with {magic!r}, not with b'BRTP'")
    if version != 1:
        raise MalformedSegment(name, f"its format version is {version}; only version 1 is known")
    return SegmentHeader(payload_type, ssrc, codec.rstrip(b"\0").decode("ascii", "replace"), start_time_ms)


def pack_header(header: SegmentHeader) -> bytes:
    """The 32 bytes of a header; the codec is cut to 8 bytes as the Recording Service does."""
    codec = header.codec.encode()[:8]
    return _HEADER.pack(b"BRTP", 1, header.payload_type, 0, header.ssrc, codec, header.start_time_ms)


def pack_record(arrival_ms: int, packet: bytes) -> bytes:
    """One record: arrival in Unix ms and a whole RTP packet."""
    return _RECORD.pack(arrival_ms, len(packet)) + packet


class SegmentWriter:
    """Builds a segment file in memory, for tests and generators."""

    def __init__(self, header: SegmentHeader) -> None:
        self._parts = [pack_header(header)]

    def add(self, arrival_ms: int, packet: bytes) -> None:
        """Appends one RTP packet."""
        self._parts.append(pack_record(arrival_ms, packet))

    def getvalue(self) -> bytes:
        """The whole file so far."""
        return b"".join(self._parts)
