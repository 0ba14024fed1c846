"""AV1 in RTP (AOM "RTP Payload Format For AV1", sections 4.3 to 4.5).

An access unit is a temporal unit. Its OBU elements are put together from their fragments and given a size
field each, as the low-overhead bitstream format wants them; temporal delimiters, tile lists and padding are
left out. Of a unit with a loss the whole OBUs before the loss are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from renderer.errors import MalformedPayload
from renderer.rtp.bits import BitReader
from renderer.rtp.packet import Ints, Payloads
from renderer.rtp.units import Codec, PayloadFacts

#   Section 4.4, the aggregation header
#     0 1 2 3 4 5 6 7
#    +-+-+-+-+-+-+-+-+    Z: the first element continues one of the packet before
#    |Z|Y| W |N|-|-|-|    Y: the last element goes on in the next packet
#    +-+-+-+-+-+-+-+-+    W: number of elements, the last of them without length; 0: all have lengths
#                         N: first packet of a coded video sequence
_Z, _Y, _N = 0x80, 0x40, 0x08

#   AV1 specification section 5.3.2, the OBU header
#     0 1 2 3 4 5 6 7
#    +-+-+-+-+-+-+-+-+    X: an extension byte follows
#    |0| type  |X|S|-|    S: a size field follows
#    +-+-+-+-+-+-+-+-+
_X, _S = 0x04, 0x02
_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _TILE_GROUP, _TILE_LIST, _PADDING = 1, 2, 4, 8, 15
_DROPPED = (_TEMPORAL_DELIMITER, _TILE_LIST, _PADDING)
_MAX_LEB128_BYTES = 8


def inspect(payloads: Payloads) -> PayloadFacts:
    """Starts from the aggregation header and the first OBU's type; keyframes where a sequence begins."""
    head = payloads.octet(payloads.start)
    fresh = head & _Z == 0
    kind = payloads.octet(_first_obu(payloads, head)) >> 3 & 0x0F
    n = len(payloads)
    key, width, height = np.zeros((3, n), np.int64)
    for row in np.nonzero((head & _N != 0) & fresh)[0]:
        width[row], height[row] = _sequence_size(payloads.payload(int(row)))
        key[row] = width[row] > 0
    return PayloadFacts(
        valid=payloads.end - payloads.start >= 2,
        starts=fresh & ~np.isin(kind, (0, _TILE_GROUP, _PADDING)),
        continues=~fresh,
        unfinished=head & _Y != 0,
        key_parts=key,
        width=width,
        height=height,
        samples=np.zeros(n, np.int64),
    )


def _first_obu(payloads: Payloads, head: Ints) -> Ints:
    """Position of the first OBU header, behind the element's length where it has one."""
    at = payloads.start + 1
    more = head >> 4 & 3 != 1
    for _ in range(_MAX_LEB128_BYTES):
        at = at + more
        more = more & (payloads.octet(at - 1) & 0x80 != 0)
    return at


def _sequence_size(payload: bytes) -> tuple[int, int]:
    """The largest picture size of the sequence header that begins this payload; zeros where there is none."""
    try:
        for element, _ in _elements(payload):
            obu, body = _split_obu(element)
            if obu >> 3 & 0x0F == _SEQUENCE_HEADER:
                return _max_frame_size(BitReader(body[:64]))
            if obu >> 3 & 0x0F != _TEMPORAL_DELIMITER:
                break
    except (MalformedPayload, IndexError):
        pass
    return 0, 0


def depacketise(payloads: Sequence[bytes | None]) -> bytes:
    """OBUs with size fields; raises MalformedPayload for lengths and fragments that do not fit."""
    stream, open_element = bytearray(), None
    for payload in payloads:
        if payload is None:
            return bytes(stream)
        if not payload:
            raise MalformedPayload("av1", "an empty payload")
        continues = bool(payload[0] & _Z)
        if continues != (open_element is not None):
            if not stream and continues:
                return b""
            raise MalformedPayload("av1", "a fragment without the one before it or after it")
        for element, goes_on in _elements(payload):
            whole = (open_element or b"") + element
            open_element = whole if goes_on else None
            if not goes_on:
                stream += _with_size(whole)
    return bytes(stream)


def _elements(payload: bytes) -> Iterator[tuple[bytes, bool]]:
    """The OBU elements of one payload, and whether each goes on in the next packet."""
    count, at, number = payload[0] >> 4 & 3, 1, 0
    while at < len(payload):
        number += 1
        size = len(payload) - at
        if number != count:
            size, at = _leb128(payload, at)
        if at + size > len(payload):
            raise MalformedPayload("av1", f"an element of {size} bytes where {len(payload) - at} are left")
        element = payload[at : at + size]
        at += size
        yield element, at == len(payload) and bool(payload[0] & _Y)
        if number == count and count:
            return


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and the position behind it (AV1 specification section 4.10.5)."""
    value = 0
    for i in range(_MAX_LEB128_BYTES):
        if at + i >= len(data):
            break
        value |= (data[at + i] & 0x7F) << 7 * i
        if not data[at + i] & 0x80:
            return value, at + i + 1
    raise MalformedPayload("av1", "a length without end")


def _split_obu(element: bytes) -> tuple[int, bytes]:
    """The OBU's first byte and its body, without extension and size field."""
    if not element:
        raise MalformedPayload("av1", "an empty element")
    at = 2 if element[0] & _X else 1
    if not element[0] & _S:
        return element[0], element[at:]
    size, at = _leb128(element, at)
    if at + size > len(element):
        raise MalformedPayload("av1", f"an OBU of {size} bytes where {len(element) - at} are left")
    return element[0], element[at : at + size]


def _with_size(element: bytes) -> bytes:
    if not element:
        return b""
    head, body = _split_obu(element)
    if head >> 3 & 0x0F in _DROPPED:
        return b""
    extension = element[1:2] if head & _X else b""
    return bytes([head | _S]) + extension + _as_leb128(len(body)) + body


def _as_leb128(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _max_frame_size(header: BitReader) -> tuple[int, int]:
    """max_frame_width and -height of a sequence header (AV1 specification section 5.5.1)."""
    header.bits(3 + 1)
    if header.flag():
        header.bits(5)
    else:
        _skip_operating_points(header)
    width_bits, height_bits = header.bits(4) + 1, header.bits(4) + 1
    return header.bits(width_bits) + 1, header.bits(height_bits) + 1


def _skip_operating_points(header: BitReader) -> None:
    decoder_model, delay_bits = False, 0
    if header.flag():
        decoder_model, delay_bits = _skip_timing(header)
    display_delay = header.flag()
    for _ in range(header.bits(5) + 1):
        header.bits(12)
        if header.bits(5) > 7:
            header.bits(1)
        if decoder_model and header.flag():
            header.bits(2 * delay_bits + 1)
        if display_delay and header.flag():
            header.bits(4)


def _skip_timing(header: BitReader) -> tuple[bool, int]:
    """Skips timing_info() and decoder_model_info(); whether the latter is there, and its delay length."""
    header.bits(64)
    if header.flag():
        header.ue()
    if not header.flag():
        return False, 0
    delay_bits = header.bits(5) + 1
    header.bits(32 + 5 + 5)
    return True, delay_bits


AV1 = Codec("av1", 90_000, 1, False, inspect, depacketise)
