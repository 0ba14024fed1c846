"""H.264 in RTP, packetization modes 0 and 1 (RFC 6184): single NAL units, STAP-A and FU-A.

An access unit becomes an Annex B byte stream with 4-byte start codes. Of one with a loss every whole NAL unit
is given; a fragmented one that lost a part is left out. A keyframe is an IDR picture that brings its sequence
parameter set along: only there can a decoder begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from renderer.errors import MalformedPayload
from renderer.rtp.bits import BitReader
from renderer.rtp.packet import Bools, Ints, Payloads
from renderer.rtp.units import Codec, PayloadFacts

#   RFC 6184 section 5.3, the NAL unit header, and 5.8, the FU header
#    +---------------+---------------+
#    |0|1|2|3|4|5|6|7|0|1|2|3|4|5|6|7|
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |F|NRI|  Type   |S|E|R|  Type   |
#    +---------------+---------------+
_TYPE, _F_NRI, _S, _E = 0x1F, 0xE0, 0x80, 0x40
_SLICE, _IDR, _SEI, _SPS, _PPS, _AUD = 1, 5, 6, 7, 8, 9
_STAP_A, _FU_A = 24, 28
_LAST_SINGLE = 23

_KEY_IDR, _KEY_SPS = 1, 2
START_CODE = b"\0\0\0\1"


def inspect(payloads: Payloads) -> PayloadFacts:
    """Picture starts, IDR slices and parameter sets, from NAL unit types and the first bit of slices."""
    kind = payloads.octet(payloads.start) & _TYPE
    fu = payloads.octet(payloads.start + 1)
    fragment, aggregate = kind == _FU_A, kind == _STAP_A
    opens = ~fragment | (fu & _S != 0)
    inner = np.where(fragment, fu, payloads.octet(payloads.start + 3)) & _TYPE
    nal = np.where(fragment | aggregate, inner, kind)
    key, width, height = _key_facts(payloads, nal, opens, aggregate)
    return PayloadFacts(
        valid=((kind >= _SLICE) & (kind <= _LAST_SINGLE)) | fragment | aggregate,
        starts=opens & _begins_picture(payloads, nal, fragment, aggregate),
        continues=~opens,
        unfinished=fragment & (fu & _E == 0),
        key_parts=key,
        width=width,
        height=height,
        samples=np.zeros(len(payloads), np.int64),
    )


def _begins_picture(payloads: Payloads, nal: Ints, fragment: Bools, aggregate: Bools) -> Bools:
    """A parameter set, SEI, delimiter, or slice with first_mb_in_slice 0 (ue(v): its first bit is set)."""
    slice_at = payloads.start + np.where(aggregate, 4, np.where(fragment, 2, 1))
    first_slice: Bools = np.isin(nal, (_SLICE, _IDR)) & (payloads.octet(slice_at) & 0x80 != 0)
    return first_slice | np.isin(nal, (_SEI, _SPS, _PPS, _AUD))


def _key_facts(payloads: Payloads, nal: Ints, opens: Bools, aggregate: Bools) -> tuple[Ints, Ints, Ints]:
    key = np.where(opens & (nal == _IDR) & ~aggregate, _KEY_IDR, 0)
    width, height = np.zeros((2, len(payloads)), np.int64)
    for row in np.nonzero(aggregate | ((nal == _SPS) & opens))[0]:
        key[row], (width[row], height[row]) = _scan_nal_units(payloads.payload(int(row)))
    return key, width, height


def _scan_nal_units(payload: bytes) -> tuple[int, tuple[int, int]]:
    parts, size = 0, (0, 0)
    try:
        for unit in _nal_units(payload):
            if unit[0] & _TYPE == _IDR:
                parts |= _KEY_IDR
            elif unit[0] & _TYPE == _SPS:
                size = _sps_size(unit)
                parts |= _KEY_SPS
    except (MalformedPayload, IndexError):
        return 0, (0, 0)
    return parts, size


def _nal_units(payload: bytes) -> Iterator[bytes]:
    """The NAL units of a single NAL unit packet or an STAP-A."""
    if payload[0] & _TYPE == _STAP_A:
        yield from _aggregated(payload)
    else:
        yield payload


#   RFC 6184 section 5.7.1, STAP-A
#    +---------------+-------------------------------+---------------+
#    | STAP-A header |      NALU 1 size (16 bit)     | NALU 1 ...    | size, NALU 2, ...
#    +---------------+-------------------------------+---------------+
def _aggregated(payload: bytes) -> Iterator[bytes]:
    at = 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        unit = payload[at + 2 : at + 2 + size]
        if size == 0 or len(unit) < size:
            raise MalformedPayload("h264", f"a STAP-A unit of {size} bytes where {len(unit)} are left")
        yield unit
        at += 2 + size


def depacketise(payloads: Sequence[bytes | None]) -> bytes:
    """Annex B; raises MalformedPayload for another packet type, or sizes and fragments that do not fit."""
    stream = bytearray()
    fragments: bytearray | None = None
    for payload in payloads:
        if payload is None:
            fragments = None
        elif not payload:
            raise MalformedPayload("h264", "an empty payload")
        elif payload[0] & _TYPE == _FU_A:
            fragments = _join_fragment(fragments, payload)
            if fragments is not None and payload[1] & _E:
                stream += START_CODE + fragments
                fragments = None
        elif payload[0] & _TYPE in (0, 25, 26, 27, 29, 30, 31):
            raise MalformedPayload("h264", f"NAL unit type {payload[0] & _TYPE} is not of modes 0 and 1")
        else:
            for unit in _nal_units(payload):
                stream += START_CODE + unit
    return bytes(stream)


def _join_fragment(before: bytearray | None, payload: bytes) -> bytearray | None:
    """The NAL unit so far; None where its beginning is lost."""
    if len(payload) < 3:
        raise MalformedPayload("h264", f"an FU-A of {len(payload)} bytes")
    if payload[1] & _S:
        return bytearray([payload[0] & _F_NRI | payload[1] & _TYPE]) + payload[2:]
    return before + payload[2:] if before is not None else None


_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)


def _sps_size(unit: bytes) -> tuple[int, int]:
    """Width and height in pixels after cropping (H.264 sections 7.3.2.1.1 and 7.4.2.1.1)."""
    sps = BitReader(unit[1:].replace(b"\0\0\3", b"\0\0"))
    profile = sps.bits(8)
    sps.bits(16)
    sps.ue()
    chroma = _chroma_format(sps) if profile in _HIGH_PROFILES else 1
    sps.ue()
    _skip_picture_order(sps)
    sps.ue()
    sps.bits(1)
    width, height = 16 * (sps.ue() + 1), 16 * (sps.ue() + 1)
    frames_only = sps.flag()
    height *= 1 if frames_only else 2
    sps.bits(1 if frames_only else 2)
    if not sps.flag():
        return _checked_size(width, height)
    left, right, top, bottom = (sps.ue() for _ in range(4))
    unit_x = 2 if chroma in (1, 2) else 1
    unit_y = (2 if chroma == 1 else 1) * (1 if frames_only else 2)
    return _checked_size(width - unit_x * (left + right), height - unit_y * (top + bottom))


def _checked_size(width: int, height: int) -> tuple[int, int]:
    if not (0 < width <= 0xFFFF and 0 < height <= 0xFFFF):
        raise MalformedPayload("h264", f"a picture of {width}x{height}")
    return width, height


def _chroma_format(sps: BitReader) -> int:
    chroma = sps.ue()
    separate = chroma == 3 and sps.flag()
    sps.ue()
    sps.ue()
    sps.bits(1)
    if sps.flag():
        for i in range(12 if chroma == 3 else 8):
            if sps.flag():
                _skip_scaling_list(sps, 16 if i < 6 else 64)
    return 0 if separate else chroma


def _skip_scaling_list(sps: BitReader, entries: int) -> None:
    last = following = 8
    for _ in range(entries):
        if following:
            following = (last + sps.se()) % 256
        last = following or last


def _skip_picture_order(sps: BitReader) -> None:
    kind = sps.ue()
    if kind == 0:
        sps.ue()
    elif kind == 1:
        sps.bits(1)
        sps.se()
        sps.se()
        for _ in range(min(sps.ue(), 255)):
            sps.se()


H264 = Codec("h264", 90_000, _KEY_IDR | _KEY_SPS, False, inspect, depacketise)
