"""RTP payload formats, sender's side: one encoded frame in, the payloads of its packets out.

VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184, modes 0 and 1), AV1 (AOM RTP specification) and Opus
(RFC 7587), written apart from renderer.rtp, whose counterpart they are in round-trip tests. Each packetiser
is made for one track and called once per frame, in order. No RTP headers, no clock, no loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_PAYLOAD = 1160
"""Bytes of payload in a packet: an MTU of 1200 less the RTP header and a few extensions."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as the encoder gave it. `number` counts the frames of the track; sizes are as coded."""

    data: bytes
    keyframe: bool
    number: int
    w: int
    h: int


Packetiser = Callable[[Frame], list[bytes]]


def opus(frame: Frame) -> list[bytes]:
    """RFC 7587: the packet itself."""
    return [frame.data]


def vp8(frame: Frame) -> list[bytes]:
    """RFC 7741 section 4.2: X and I set, a picture id of 15 bits, S on the first packet."""
    picture_id = (0x8000 | frame.number & 0x7FFF).to_bytes(2, "big")
    return [
        bytes([0x80 | (0x10 if first else 0), 0x80]) + picture_id + piece
        for first, _, piece in _pieces(frame.data, MAX_PAYLOAD - 4)
    ]


def vp9(frame: Frame) -> list[bytes]:
    """RFC 9628 section 4.2, non-flexible mode without layers; the scalability structure on keyframes."""
    picture_id = (0x8000 | frame.number & 0x7FFF).to_bytes(2, "big")
    structure = bytes([0x10]) + frame.w.to_bytes(2, "big") + frame.h.to_bytes(2, "big")
    payloads = []
    for first, last, piece in _pieces(frame.data, MAX_PAYLOAD - 8):
        flags = 0x80 | (0 if frame.keyframe else 0x40) | (0x08 if first else 0) | (0x04 if last else 0)
        with_structure = frame.keyframe and first
        descriptor = bytes([flags | (0x02 if with_structure else 0)]) + picture_id
        payloads.append(descriptor + (structure if with_structure else b"") + piece)
    return payloads


def h264_single_nal(frame: Frame) -> list[bytes]:
    """RFC 6184 packetization-mode 0: each NAL unit in a packet of its own; ValueError if one is too large."""
    units = list(nal_units(frame.data))
    if any(len(unit) > MAX_PAYLOAD for unit in units):
        raise ValueError(f"a NAL unit of {max(map(len, units))} bytes wants packetization-mode 1")
    return units


def h264(frame: Frame) -> list[bytes]:
    """RFC 6184 packetization-mode 1: small neighbours in STAP-A, large units in FU-A."""
    payloads: list[bytes] = []
    waiting: list[bytes] = []
    for unit in nal_units(frame.data):
        if waiting and sum(len(u) + 2 for u in waiting) + len(unit) + 3 > MAX_PAYLOAD:
            payloads += _aggregate(waiting)
            waiting = []
        if len(unit) > MAX_PAYLOAD:
            payloads += _aggregate(waiting) + _fragment(unit)
            waiting = []
        else:
            waiting.append(unit)
    return payloads + _aggregate(waiting)


def av1(frame: Frame) -> list[bytes]:
    """AOM RTP specification section 4: OBUs without size fields and temporal delimiters, W up to 3."""
    packets: list[list[bytes]] = [[]]
    continued = [False]
    room = MAX_PAYLOAD - 1
    for obu in _obus(frame.data):
        rest, started = obu, False
        while rest:
            if room < 16:
                packets.append([])
                continued.append(started)
                room = MAX_PAYLOAD - 1
            part, rest = rest[: room - 3], rest[room - 3 :]
            packets[-1].append(part)
            room -= len(part) + 3
            started = True
    return [
        _av1_payload(
            elements,
            starts_inside=continued[i],
            goes_on=i + 1 < len(packets) and continued[i + 1],
            new_sequence=frame.keyframe and i == 0,
        )
        for i, elements in enumerate(packets)
    ]


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes and trailing zeros."""
    for part in annex_b.split(b"\x00\x00\x01")[1:]:
        unit = part.rstrip(b"\x00")
        if unit:
            yield unit


def _pieces(data: bytes, size: int) -> Iterator[tuple[bool, bool, bytes]]:
    """(is first, is last, bytes) of equal pieces of at most `size` bytes, as libwebrtc cuts them."""
    count = -(-len(data) // size)
    for i in range(count):
        yield i == 0, i == count - 1, data[len(data) * i // count : len(data) * (i + 1) // count]


def _aggregate(units: list[bytes]) -> list[bytes]:
    if len(units) < 2:
        return list(units)
    header = max(unit[0] & 0x60 for unit in units) | 24
    return [bytes([header]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)]


def _fragment(unit: bytes) -> list[bytes]:
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    return [
        bytes([indicator, (0x80 if first else 0) | (0x40 if last else 0) | kind]) + piece
        for first, last, piece in _pieces(unit[1:], MAX_PAYLOAD - 2)
    ]


def _obus(data: bytes) -> Iterator[bytes]:
    """The OBUs of a temporal unit with their size fields taken out; temporal delimiters are dropped."""
    at = 0
    while at < len(data):
        header = data[at : at + (2 if data[at] & 0x04 else 1)]
        size, begin = _read_leb128(data, at + len(header))
        if (header[0] >> 3) & 15 != 2:
            yield bytes([header[0] & ~0x02]) + header[1:] + data[begin : begin + size]
        at = begin + size


def _av1_payload(elements: list[bytes], *, starts_inside: bool, goes_on: bool, new_sequence: bool) -> bytes:
    count = len(elements) if len(elements) <= 3 else 0
    head = starts_inside << 7 | goes_on << 6 | count << 4 | new_sequence << 3
    sized = elements[:-1] if count else elements
    body = b"".join(_leb128(len(element)) + element for element in sized)
    return bytes([head]) + body + (elements[-1] if count else b"")


def _leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _read_leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
