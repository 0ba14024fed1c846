"""VP8 in RTP (RFC 7741).

The payload descriptor is dropped; a frame is the payloads of one timestamp, from the one that begins
partition 0 on. Of a frame with a loss the part before the loss is given: libvpx decodes it, damaged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from renderer.errors import MalformedPayload
from renderer.rtp.packet import Bools, Ints, Payloads
from renderer.rtp.units import Codec, PayloadFacts

#   RFC 7741 section 4.2, the payload descriptor
#         0 1 2 3 4 5 6 7
#        +-+-+-+-+-+-+-+-+
#        |X|R|N|S|R| PID | (REQUIRED)
#        +-+-+-+-+-+-+-+-+
#   X:   |I|L|T|K| RSV   | (OPTIONAL)
#        +-+-+-+-+-+-+-+-+
#   I:   |M| PictureID   | (OPTIONAL; two bytes where M is set)
#        +-+-+-+-+-+-+-+-+
#   L:   |   TL0PICIDX   | (OPTIONAL)
#        +-+-+-+-+-+-+-+-+
#   T/K: |TID|Y| KEYIDX  | (OPTIONAL)
#        +-+-+-+-+-+-+-+-+
_X, _S, _PID = 0x80, 0x10, 0x07
_I, _L, _TK, _M = 0x80, 0x40, 0x30, 0x80

START_CODE = (0x9D, 0x01, 0x2A)
_KEY_HEADER_BYTES = 10


def inspect(payloads: Payloads) -> PayloadFacts:
    """Frame starts, keyframes and their size, from the descriptors and the frame header (RFC 6386 9.1)."""
    first = payloads.octet(payloads.start)
    body = payloads.start + _descriptor_bytes(payloads, first)
    valid = body < payloads.end
    starts = valid & (first & _S != 0) & (first & _PID == 0)
    key = starts & (payloads.octet(body) & 1 == 0)
    width, height = np.zeros((2, len(payloads)), np.int64)
    rows = np.nonzero(key)[0]
    key[rows], width[rows], height[rows] = _key_header(
        Payloads(payloads.octets, payloads.start[rows], payloads.end[rows]), body[rows]
    )
    return PayloadFacts(
        valid=valid,
        starts=starts,
        continues=~starts,
        unfinished=np.zeros(len(payloads), np.bool_),
        key_parts=key.astype(np.int64),
        width=width,
        height=height,
        samples=np.zeros(len(payloads), np.int64),
    )


def _descriptor_bytes(payloads: Payloads, first: Ints) -> Ints:
    extended = first & _X != 0
    flags = np.where(extended, payloads.octet(payloads.start + 1), 0)
    long_id = payloads.octet(payloads.start + 2) & _M != 0
    picture_id = np.where(flags & _I != 0, 1 + long_id, 0)
    length: Ints = 1 + extended + picture_id + (flags & _L != 0) + (flags & _TK != 0)
    return length


#   RFC 6386 section 9.1, a key frame's header: 3 bytes of frame tag (bit 0 clear: key frame), the start code,
#   then 14 bits of width and of height, little-endian, below 2 bits of scale each.
def _key_header(payloads: Payloads, body: Ints) -> tuple[Bools, Ints, Ints]:
    octet = [payloads.octet(body + i) for i in range(3, 10)]
    key = body + _KEY_HEADER_BYTES <= payloads.end
    key &= (octet[0] == START_CODE[0]) & (octet[1] == START_CODE[1]) & (octet[2] == START_CODE[2])
    width = np.where(key, (octet[3] | octet[4] << 8) & 0x3FFF, 0)
    height = np.where(key, (octet[5] | octet[6] << 8) & 0x3FFF, 0)
    key &= (width > 0) & (height > 0)
    return key, width * key, height * key


def depacketise(payloads: Sequence[bytes | None]) -> bytes:
    """One VP8 frame; raises MalformedPayload for a descriptor that does not fit."""
    frame: list[bytes] = []
    for payload in payloads:
        if payload is None:
            break
        start = _descriptor_length(payload)
        if not frame and not (payload[0] & _S and payload[0] & _PID == 0):
            break
        frame.append(payload[start:])
    return b"".join(frame)


def _descriptor_length(payload: bytes) -> int:
    try:
        if not payload[0] & _X:
            length = 1
        else:
            flags = payload[1]
            picture_id = (2 if payload[2] & _M else 1) if flags & _I else 0
            length = 2 + picture_id + bool(flags & _L) + bool(flags & _TK)
        payload[length]
    except IndexError:
        raise MalformedPayload("vp8", f"the descriptor takes all {len(payload)} bytes") from None
    return length


VP8 = Codec("vp8", 90_000, 1, False, inspect, depacketise)
