"""VP9 in RTP (RFC 9628).

An access unit is all spatial layers of one picture. One frame goes to the decoder as it is; several are
joined to a superframe with its index, as the VP9 bitstream wants it. Of a unit with a loss the whole frames
before the loss are given, and what there is of the frame that it hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from renderer.errors import MalformedPayload
from renderer.rtp.bits import BitReader
from renderer.rtp.packet import Ints, Payloads
from renderer.rtp.units import Codec, PayloadFacts

#   RFC 9628 section 4.2, the payload descriptor
#         0 1 2 3 4 5 6 7
#        +-+-+-+-+-+-+-+-+
#        |I|P|L|F|B|E|V|Z| (REQUIRED)
#        +-+-+-+-+-+-+-+-+
#   I:   |M| PICTURE ID  | (RECOMMENDED; M: two bytes)
#        +-+-+-+-+-+-+-+-+
#   L:   | TID |U| SID |D| (CONDITIONALLY RECOMMENDED)
#        +-+-+-+-+-+-+-+-+
#        |   TL0PICIDX   | (CONDITIONALLY REQUIRED: L and not F)
#        +-+-+-+-+-+-+-+-+
#   P,F: |   P_DIFF    |N| (CONDITIONALLY REQUIRED, up to 3 times)
#        +-+-+-+-+-+-+-+-+
#   V:   | N_S |Y|G|-|-|-| the scalability structure, below
_I, _P, _L, _F, _B, _E, _V = 0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02
_M, _N, _Y, _G = 0x80, 0x01, 0x10, 0x08
_MAX_REFERENCES = 3

SYNC_CODE = 0x498342
MAX_SUPERFRAME_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A payload descriptor: its length in bytes, its flags, the largest spatial layer's size if told."""

    length: int
    begins_frame: bool
    ends_frame: bool
    predicted: bool
    size: tuple[int, int]


def parse_descriptor(payload: bytes) -> Descriptor:
    """Raises MalformedPayload where the descriptor leaves nothing of the payload."""
    try:
        at, size = _skip_descriptor(payload)
        payload[at]
    except IndexError:
        raise MalformedPayload("vp9", f"the descriptor takes all {len(payload)} bytes") from None
    flags = payload[0]
    return Descriptor(at, bool(flags & _B), bool(flags & _E), bool(flags & _P), size)


def _skip_descriptor(payload: bytes) -> tuple[int, tuple[int, int]]:
    flags, at = payload[0], 1
    if flags & _I:
        at += 2 if payload[at] & _M else 1
    if flags & _L:
        at += 1 if flags & _F else 2
    if flags & _F and flags & _P:
        for _ in range(_MAX_REFERENCES):
            at += 1
            if not payload[at - 1] & _N:
                break
    return _skip_structure(payload, at) if flags & _V else (at, (0, 0))


#   RFC 9628 section 4.2.1, the scalability structure
#        +-+-+-+-+-+-+-+-+
#   V:   | N_S |Y|G|-|-|-|
#        +-+-+-+-+-+-+-+-+              -\
#   Y:   |     WIDTH     | (2 bytes)     . N_S + 1 times
#        |     HEIGHT    | (2 bytes)     .
#        +-+-+-+-+-+-+-+-+              -/
#   G:   |      N_G      |
#        +-+-+-+-+-+-+-+-+                            -\
#   N_G: | TID |U| R |-|-|                             . N_G times
#        |    P_DIFF     | (R times)                   .
#        +-+-+-+-+-+-+-+-+                            -/
def _skip_structure(payload: bytes, at: int) -> tuple[int, tuple[int, int]]:
    flags, size = payload[at], (0, 0)
    at += 1
    if flags & _Y:
        for _ in range((flags >> 5) + 1):
            size = (payload[at] << 8 | payload[at + 1], payload[at + 2] << 8 | payload[at + 3])
            at += 4
    if flags & _G:
        groups = payload[at]
        at += 1
        for _ in range(groups):
            at += 1 + ((payload[at] >> 2) & 3)
    return at, size


def inspect(payloads: Payloads) -> PayloadFacts:
    """Picture starts from all descriptors; keyframes and sizes from the headers that may be one."""
    flags = payloads.octet(payloads.start)
    starts = (flags & _B != 0) & (_spatial_layer(payloads, flags) == 0)
    n = len(payloads)
    key, width, height = np.zeros((3, n), np.int64)
    for row in np.nonzero((flags & _B != 0) & ((flags & _P == 0) | (flags & _V != 0)))[0]:
        is_key, (width[row], height[row]) = _header(payloads.payload(int(row)))
        key[row] = is_key and starts[row]
    return PayloadFacts(
        valid=payloads.end > payloads.start,
        starts=starts,
        continues=~starts,
        unfinished=flags & _E == 0,
        key_parts=key,
        width=width,
        height=height,
        samples=np.zeros(n, np.int64),
    )


def _spatial_layer(payloads: Payloads, flags: Ints) -> Ints:
    long_id = payloads.octet(payloads.start + 1) & _M != 0
    picture_id = np.where(flags & _I != 0, 1 + long_id, 0)
    return np.where(flags & _L != 0, payloads.octet(payloads.start + 1 + picture_id) >> 1 & 7, 0)


def _header(payload: bytes) -> tuple[bool, tuple[int, int]]:
    """Whether the frame that begins here is a keyframe, and the picture size as far as it is told."""
    try:
        descriptor = parse_descriptor(payload)
        key_size = _key_size(BitReader(payload[descriptor.length : descriptor.length + 16]))
    except (MalformedPayload, IndexError):
        return False, (0, 0)
    is_key = key_size is not None and not descriptor.predicted
    return is_key, descriptor.size if all(descriptor.size) else (key_size or (0, 0))


#   VP9 bitstream specification section 6.2, uncompressed_header() of a keyframe: frame_marker (2 bits) = 2,
#   profile, show_existing_frame = 0, frame_type = 0, show_frame, error_resilient_mode, sync code,
#   color_config(), frame_size()
def _key_size(header: BitReader) -> tuple[int, int] | None:
    """Width and height in pixels where this is a keyframe's header, else None."""
    if header.bits(2) != 2:
        return None
    profile = header.bits(1) | header.bits(1) << 1
    if profile == 3:
        header.bits(1)
    show_existing, inter = header.flag(), header.flag()
    header.bits(2)
    if show_existing or inter or header.bits(24) != SYNC_CODE:
        return None
    _skip_colour(header, profile)
    return header.bits(16) + 1, header.bits(16) + 1


def _skip_colour(header: BitReader, profile: int) -> None:
    srgb = 7
    if profile >= 2:
        header.bits(1)
    if header.bits(3) != srgb:
        header.bits(1)
        header.bits(3 if profile & 1 else 0)
    elif profile & 1:
        header.bits(1)


def depacketise(payloads: Sequence[bytes | None]) -> bytes:
    """One VP9 frame or superframe; raises MalformedPayload for a descriptor that does not fit."""
    frames: list[bytearray] = []
    for payload in payloads:
        if payload is None:
            break
        descriptor = parse_descriptor(payload)
        if descriptor.begins_frame:
            frames.append(bytearray())
        if not frames:
            break
        frames[-1] += payload[descriptor.length :]
    return bytes(frames[0]) if len(frames) == 1 else _superframe(frames)


#   VP9 bitstream specification annex B: the frames, then the superframe header
#     110 | bytes per size - 1 (2 bits) | frames - 1 (3 bits); sizes, little-endian; the same header again
def _superframe(frames: list[bytearray]) -> bytes:
    if len(frames) > MAX_SUPERFRAME_FRAMES:
        raise MalformedPayload("vp9", f"{len(frames)} frames in one picture, at most {MAX_SUPERFRAME_FRAMES}")
    if not frames:
        return b""
    size_bytes = 4
    header = bytes([0b110 << 5 | (size_bytes - 1) << 3 | (len(frames) - 1)])
    sizes = b"".join(len(frame).to_bytes(size_bytes, "little") for frame in frames)
    return b"".join(frames) + header + sizes + header


VP9 = Codec("vp9", 90_000, 1, False, inspect, depacketise)
