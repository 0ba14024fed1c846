"""VP8 and VP9 payloads: every optional field of the descriptors, and every way to cut them short."""

from __future__ import annotations

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import MalformedPayload
from renderer.rtp import vp8, vp9
from tests.support import payloads as sent
from tests.support.rtp import payloads_of

VP8_KEY = b"\x10\x02\x00\x9d\x01\x2a" + (640).to_bytes(2, "little") + (360 | 1 << 14).to_bytes(2, "little") + b"rest"
VP8_DELTA = b"\x11\x02\x00" + b"rest of a delta frame"

VP8_DESCRIPTORS = [
    ("the required byte alone", b"\x10"),
    ("non-reference", b"\x30"),
    ("extended, nothing in it", b"\x90\x00"),
    ("a picture id of 7 bits", b"\x90\x80\x11"),
    ("a picture id of 15 bits", b"\x90\x80\x91\x22"),
    ("TL0PICIDX", b"\x90\x40\x05"),
    ("TID", b"\x90\x20\x20"),
    ("KEYIDX", b"\x90\x10\x03"),
    ("TID and KEYIDX share a byte", b"\x90\x30\x23"),
    ("all of it", b"\x90\xf0\x91\x22\x05\x23"),
]


@pytest.mark.parametrize("descriptor", [c[1] for c in VP8_DESCRIPTORS], ids=[c[0] for c in VP8_DESCRIPTORS])
def test_a_vp8_descriptor_is_dropped_and_the_frame_header_read(descriptor: bytes) -> None:
    facts = vp8.inspect(payloads_of(descriptor + VP8_KEY, descriptor + VP8_DELTA))
    assert facts.starts.tolist() == [True, True]
    assert facts.key_parts.tolist() == [1, 0]
    assert (facts.width[0], facts.height[0], facts.width[1]) == (640, 360, 0)
    assert vp8.depacketise([descriptor + VP8_KEY]) == VP8_KEY


@pytest.mark.parametrize("descriptor", [c[1] for c in VP8_DESCRIPTORS], ids=[c[0] for c in VP8_DESCRIPTORS])
def test_aiortc_reads_the_same_vp8_descriptor(descriptor: bytes) -> None:
    _, rest = VpxPayloadDescriptor.parse(descriptor + VP8_DELTA)
    assert vp8.depacketise([descriptor + VP8_DELTA]) == rest


@pytest.mark.parametrize("descriptor", [c[1] for c in VP8_DESCRIPTORS], ids=[c[0] for c in VP8_DESCRIPTORS])
def test_a_vp8_descriptor_cut_short_is_malformed(descriptor: bytes) -> None:
    for length in range(len(descriptor) + 1):
        with pytest.raises(MalformedPayload, match="vp8"):
            vp8.depacketise([descriptor[:length]])
        assert not vp8.inspect(payloads_of(descriptor[:length], b"\x10neighbour")).valid[0]


def test_only_the_first_packet_of_partition_0_starts_a_vp8_frame() -> None:
    facts = vp8.inspect(payloads_of(b"\x10" + VP8_KEY, b"\x00" + VP8_KEY, b"\x11" + VP8_KEY))
    assert facts.starts.tolist() == [True, False, False]
    assert facts.continues.tolist() == [False, True, True]
    assert facts.key_parts.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "body", [VP8_KEY[:9], VP8_KEY.replace(b"\x9d", b"\x9c"), VP8_KEY[:6] + b"\0\0\0\0"],
    ids=["cut in the size", "another start code", "no size"],
)  # fmt: skip
def test_a_vp8_keyframe_whose_header_does_not_hold_is_none(body: bytes) -> None:
    assert vp8.inspect(payloads_of(b"\x10" + body)).key_parts.tolist() == [0]


def test_of_a_vp8_frame_with_a_loss_the_part_before_it_is_left() -> None:
    assert vp8.depacketise([b"\x10ab", b"\x00cd", None, b"\x00ef"]) == b"abcd"
    assert vp8.depacketise([None, b"\x00ef"]) == b""
    assert vp8.depacketise([b"\x00ef"]) == b""


VP9_DELTA = b"\x86" + b"rest of a delta frame"

VP9_DESCRIPTORS = [
    ("the required byte alone", 0x0C, b""),
    ("a picture id of 7 bits", 0x8C, b"\x11"),
    ("a picture id of 15 bits", 0x8C, b"\x91\x22"),
    ("layers with TL0PICIDX", 0x2C, b"\x00\x05"),
    ("layers in flexible mode", 0x3C, b"\x00"),
    ("a structure without anything", 0x0E, b"\x00"),
    ("a structure with a group of pictures", 0x0E, b"\x08\x02" + b"\x04\x01" + b"\x08\x01\x02"),
    ("all of it", 0xAE, b"\x91\x22\x00\x05" + b"\x08\x01\x00"),
]


def _vp9_key(w: int, h: int) -> bytes:
    bits = "10" "00" "0" "0" "1" "0" + f"{0x498342:024b}" + "001" "0" + f"{w - 1:016b}{h - 1:016b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") + b"rest"


@pytest.mark.parametrize(("flags", "rest"), [c[1:] for c in VP9_DESCRIPTORS], ids=[c[0] for c in VP9_DESCRIPTORS])
def test_a_vp9_descriptor_is_dropped_and_the_frame_header_read(flags: int, rest: bytes) -> None:
    key = bytes([flags]) + rest + _vp9_key(640, 360)
    facts = vp9.inspect(payloads_of(key))
    assert (facts.starts[0], facts.key_parts[0], facts.unfinished[0]) == (True, 1, False)
    assert (facts.width[0], facts.height[0]) == (640, 360)
    assert vp9.depacketise([key]) == _vp9_key(640, 360)
    for length in range(2 + len(rest)):
        with pytest.raises(MalformedPayload, match="vp9"):
            vp9.depacketise([key[:length]])


def test_up_to_three_vp9_references_are_skipped() -> None:
    assert vp9.parse_descriptor(b"\x5c\x02x").length == 2
    assert vp9.parse_descriptor(b"\x5c\x03\x05\x06x").length == 4
    assert vp9.parse_descriptor(b"\x5c\x03\x05\x07x").length == 4


def test_a_predicted_vp9_frame_is_no_keyframe_whatever_its_bytes_are() -> None:
    assert vp9.inspect(payloads_of(b"\x4c" + _vp9_key(640, 360))).key_parts.tolist() == [0]


@pytest.mark.parametrize("bits", ["profile 2", "profile 1", "srgb"])
def test_the_colour_of_other_vp9_profiles_is_skipped(bits: str) -> None:
    colour = {"profile 2": ("01", "0" "001" "0"), "profile 1": ("10", "001" "0" "000"), "srgb": ("10", "111" "0")}
    profile, rest = colour[bits]
    text = "10" + profile + "0" "0" "1" "0" + f"{0x498342:024b}" + rest + f"{319:016b}{179:016b}"
    text += "0" * (-len(text) % 8)
    facts = vp9.inspect(payloads_of(b"\x0c" + int(text, 2).to_bytes(len(text) // 8, "big")))
    assert (facts.key_parts[0], facts.width[0], facts.height[0]) == (1, 320, 180)


def test_the_largest_spatial_layer_tells_the_size() -> None:
    sizes = b"".join(w.to_bytes(2, "big") + h.to_bytes(2, "big") for w, h in ((320, 180), (640, 360)))
    structure = bytes([1 << 5 | 0x10]) + sizes
    facts = vp9.inspect(payloads_of(b"\x0a" + structure + _vp9_key(320, 180)))
    assert (facts.width[0], facts.height[0]) == (640, 360)


def test_an_upper_spatial_layer_starts_no_vp9_picture() -> None:
    facts = vp9.inspect(payloads_of(b"\x38\x00" + VP9_DELTA, b"\x3c\x02" + VP9_DELTA))
    assert facts.starts.tolist() == [True, False]


def test_the_layers_of_a_vp9_picture_become_a_superframe() -> None:
    frame = vp9.depacketise([b"\x38\x00ab", b"\x34\x00cd", b"\x3c\x02efg"])
    header = bytes([0b110_11_001])
    assert frame == b"abcd" b"efg" + header + (4).to_bytes(4, "little") + (3).to_bytes(4, "little") + header


def test_nine_frames_in_one_vp9_picture_are_refused() -> None:
    with pytest.raises(MalformedPayload, match="9 frames"):
        vp9.depacketise([b"\x0cx"] * 9)


def test_of_a_vp9_picture_with_a_loss_the_part_before_it_is_left() -> None:
    assert vp9.depacketise([b"\x08ab", None, b"\x04cd"]) == b"ab"
    assert vp9.depacketise([None, b"\x04cd"]) == b""


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_no_bytes_make_the_vpx_parsers_raise_anything_else(data: list[bytes]) -> None:
    for codec in (vp8, vp9):
        codec.inspect(payloads_of(*data))
        try:
            codec.depacketise(data)
        except MalformedPayload:
            continue


@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=6))
def test_the_two_readers_of_a_vp8_descriptor_agree(data: list[bytes]) -> None:
    valid = vp8.inspect(payloads_of(*data)).valid
    for payload, well_formed in zip(data, valid, strict=True):
        if well_formed:
            vp8.depacketise([payload])
        else:
            with pytest.raises(MalformedPayload):
                vp8.depacketise([payload])


@given(st.binary(min_size=1, max_size=5_000), st.integers(0, 70_000), st.booleans())
def test_a_frame_comes_back_from_its_packets(data: bytes, number: int, keyframe: bool) -> None:
    frame = sent.Frame(data, keyframe, number, 640, 360)
    assert vp8.depacketise(list(sent.vp8(frame))) == data
    assert vp9.depacketise(list(sent.vp9(frame))) == data
