"""The packets that the generator makes mean to others what its encoders made."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor

from tests.support import payloads
from tests.support.payloads import MAX_PAYLOAD, Frame
from tests.support.pictures import Coded, Shot, encode
from tests.support.spec import VideoCodec


def coded(codec: VideoCodec, *, max_slice: int = 0, bitrate: int = 900_000) -> list[Coded]:
    shots = [Shot(number * 33.3, 640, 360, keyframe=number == 5) for number in range(10)]
    return list(encode(shots, 1, codec, fps=30, bitrate=bitrate, max_slice=max_slice))


def frames(pictures: Iterable[Coded]) -> list[Frame]:
    return [Frame(p.data, p.keyframe, n, *p.shot.coded_size) for n, p in enumerate(pictures)]


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264", "av1"])
def test_keyframes_come_where_asked_and_packets_keep_to_the_mtu(codec: VideoCodec) -> None:
    made = frames(coded(codec))
    assert [frame.number for frame in made if frame.keyframe] == [0, 5]
    packetise = getattr(payloads, codec)
    parts = [packetise(frame) for frame in made]
    assert max(map(len, parts)) > 1
    assert all(0 < len(part) <= MAX_PAYLOAD for frame in parts for part in frame)


def test_vp8_is_put_together_by_aiortc() -> None:
    for frame in frames(coded("vp8")):
        whole = b""
        for place, payload in enumerate(payloads.vp8(frame)):
            descriptor, rest = VpxPayloadDescriptor.parse(payload)
            assert descriptor.picture_id == frame.number
            assert (descriptor.partition_start, descriptor.partition_id) == (int(place == 0), 0)
            whole += rest
        assert whole == frame.data


def test_h264_is_put_together_by_aiortc() -> None:
    kinds = set()
    for frame in frames(coded("h264")):
        parts = payloads.h264(frame)
        kinds |= {part[0] & 0x1F for part in parts}
        whole = b"".join(H264PayloadDescriptor.parse(part)[1] for part in parts)
        assert list(payloads.nal_units(whole)) == list(payloads.nal_units(frame.data))
    assert kinds >= {24, 28}


def test_h264_mode_0_has_single_nal_units_only() -> None:
    for frame in frames(coded("h264", max_slice=MAX_PAYLOAD)):
        assert payloads.h264_single_nal(frame) == list(payloads.nal_units(frame.data))


def test_h264_mode_0_refuses_a_large_nal_unit() -> None:
    with pytest.raises(ValueError, match="packetization-mode 1"):
        payloads.h264_single_nal(Frame(b"\0\0\1\x65" + b"x" * 2000, True, 0, 320, 180))


def test_vp9_descriptors_tell_begin_end_and_size() -> None:
    for frame in frames(coded("vp9")):
        parts = payloads.vp9(frame)
        assert [bool(part[0] & 0x08) for part in parts] == [i == 0 for i in range(len(parts))]
        assert [bool(part[0] & 0x04) for part in parts] == [i == len(parts) - 1 for i in range(len(parts))]
        assert all(bool(part[0] & 0x40) != frame.keyframe for part in parts)
        first = parts[0]
        structured = bool(first[0] & 0x02)
        assert structured == frame.keyframe
        if structured:
            assert (int.from_bytes(first[4:6], "big"), int.from_bytes(first[6:8], "big")) == (640, 360)
        whole = first[8 if structured else 3 :] + b"".join(part[3:] for part in parts[1:])
        assert whole == frame.data


def test_av1_elements_are_the_obus_of_the_temporal_unit() -> None:
    for frame in frames(coded("av1")):
        elements: list[bytes] = []
        parts = payloads.av1(frame)
        for number, payload in enumerate(parts):
            own = _av1_elements(payload)
            if payload[0] & 0x80:
                elements[-1] += own.pop(0)
            elements += own
            goes_on = bool(payload[0] & 0x40)
            assert goes_on == (number + 1 < len(parts) and bool(parts[number + 1][0] & 0x80))
        assert bool(parts[0][0] & 0x08) == frame.keyframe
        assert all(element[0] & 0x02 == 0 for element in elements)
        assert b"\x12\x00" + b"".join(_sized(element) for element in elements) == frame.data


def _av1_elements(payload: bytes) -> list[bytes]:
    elements: list[bytes] = []
    count, at = payload[0] >> 4 & 3, 1
    while at < len(payload):
        if count and len(elements) == count - 1:
            return [*elements, payload[at:]]
        size = shift = 0
        while True:
            size |= (payload[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not payload[at - 1] & 0x80:
                break
        elements.append(payload[at : at + size])
        at += size
    return elements


def _sized(element: bytes) -> bytes:
    head = 2 if element[0] & 0x04 else 1
    size, coded_size = len(element) - head, b""
    while size > 0x7F:
        coded_size += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([element[0] | 0x02]) + element[1:head] + coded_size + bytes([size]) + element[head:]
