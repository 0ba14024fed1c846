from __future__ import annotations

from itertools import pairwise

import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import MalformedPayload
from renderer.rtp import h264
from tests.support import payloads as sent
from tests.support.rtp import payloads_of

CODE = b"\0\0\0\1"
SPS = bytes.fromhex("6742c01f8c8d40501ed00f08846a")
"""640x360, baseline, from a browser's encoder."""
PPS = bytes.fromhex("68ce3c80")
IDR, SLICE, LATER_SLICE, SEI = b"\x65\x88idr", b"\x41\x9aslice", b"\x41\x1aslice", b"\x06sei"


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(u).to_bytes(2, "big") + u for u in units)


def fu(unit: bytes, *cuts: int) -> list[bytes]:
    edges = [1, *cuts, len(unit)]
    pieces = [unit[a:b] for a, b in pairwise(edges)]
    flags = [0] * len(pieces)
    flags[0] |= 0x80
    flags[-1] |= 0x40
    return [bytes([unit[0] & 0xE0 | 28, f | unit[0] & 31]) + p for f, p in zip(flags, pieces, strict=True)]


STREAMS = [
    ("a single unit", [SLICE], CODE + SLICE),
    ("two units of one picture", [SEI, SLICE], CODE + SEI + CODE + SLICE),
    ("an aggregate", [stap(SPS, PPS, IDR)], CODE + SPS + CODE + PPS + CODE + IDR),
    ("a fragmented unit", fu(IDR, 2, 4), CODE + IDR),
    ("all of them", [stap(SPS, PPS), *fu(IDR, 3), SLICE], CODE + SPS + CODE + PPS + CODE + IDR + CODE + SLICE),
]


@pytest.mark.parametrize(("payloads", "stream"), [c[1:] for c in STREAMS], ids=[c[0] for c in STREAMS])
def test_packets_become_annex_b(payloads: list[bytes], stream: bytes) -> None:
    assert h264.depacketise(payloads) == stream


@pytest.mark.parametrize(("payloads", "stream"), [c[1:] for c in STREAMS], ids=[c[0] for c in STREAMS])
def test_aiortc_makes_the_same_of_them(payloads: list[bytes], stream: bytes) -> None:
    assert b"".join(H264PayloadDescriptor.parse(p)[1] for p in payloads) == stream


MALFORMED = [
    ("empty", [b""]),
    ("type 0", [b"\x60x"]),
    ("an STAP-B", [b"\x79\0\0\0\1x"]),
    ("an FU-B", [b"\x7d\x85\0\0x"]),
    ("an aggregate whose size is cut", [stap(SLICE) + b"\0"]),
    ("an aggregate larger than its packet", [b"\x78\x00\x09abc"]),
    ("an aggregate of nothing", [b"\x78\x00\x00"]),
    ("a fragment without data", [b"\x7c\x85"]),
]


@pytest.mark.parametrize("payloads", [c[1] for c in MALFORMED], ids=[c[0] for c in MALFORMED])
def test_what_breaks_rfc_6184_is_refused(payloads: list[bytes]) -> None:
    with pytest.raises(MalformedPayload, match="h264"):
        h264.depacketise(payloads)
    h264.inspect(payloads_of(*payloads, b"neighbour"))


LOSSES = [
    ("a whole unit", [SEI, None, SLICE], CODE + SEI + CODE + SLICE),
    ("the middle of a fragment", [SEI, fu(IDR, 2, 4)[0], None, fu(IDR, 2, 4)[2], SLICE], CODE + SEI + CODE + SLICE),
    ("its beginning", [None, *fu(IDR, 2, 4)[1:], SLICE], CODE + SLICE),
    ("its end", [SLICE, *fu(IDR, 2, 4)[:2], None], CODE + SLICE),
]


@pytest.mark.parametrize(("payloads", "stream"), [c[1:] for c in LOSSES], ids=[c[0] for c in LOSSES])
def test_of_a_picture_that_lost_something_whole_units_are_left(payloads: list[bytes | None], stream: bytes) -> None:
    assert h264.depacketise(payloads) == stream


STARTS = [
    ("parameter sets", stap(SPS, PPS), True),
    ("SEI", SEI, True),
    ("an access unit delimiter", b"\x09\xf0", True),
    ("the first slice", SLICE, True),
    ("a later slice", LATER_SLICE, False),
    ("an aggregate of the first slice", stap(SLICE), True),
    ("an aggregate of a later slice", stap(LATER_SLICE), False),
    ("the first fragment of the first slice", fu(IDR, 3)[0], True),
    ("a later fragment", fu(IDR, 3)[1], False),
]


@pytest.mark.parametrize(("payload", "starts"), [c[1:] for c in STARTS], ids=[c[0] for c in STARTS])
def test_what_surely_begins_a_picture(payload: bytes, starts: bool) -> None:
    assert h264.inspect(payloads_of(payload)).starts.tolist() == [starts]


def test_a_fragment_tells_whether_it_continues_and_whether_more_must_come() -> None:
    facts = h264.inspect(payloads_of(*fu(IDR, 2, 4), SLICE))
    assert facts.continues.tolist() == [False, True, True, False]
    assert facts.unfinished.tolist() == [True, True, False, False]


def test_a_keyframe_has_an_idr_slice_and_its_parameter_set() -> None:
    packets = [stap(SPS, PPS), fu(IDR, 3)[0], fu(IDR, 3)[1], IDR, SPS, stap(SPS, PPS, IDR), SLICE]
    facts = h264.inspect(payloads_of(*packets))
    assert facts.key_parts.tolist() == [2, 1, 0, 1, 2, 3, 0]


def sps(profile: int, *fields: str) -> bytes:
    bits = f"{profile:08b}" + "0" * 8 + "00011110" + "".join(fields) + "1"
    bits += "0" * (-len(bits) % 8)
    return b"\x67" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def ue(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


SIZES = [
    ("baseline", sps(66, ue(0), ue(0), ue(2), ue(1), "0", ue(39), ue(22), "1", "1", "0", "0"), (640, 368)),
    (
        "cropped",
        sps(66, ue(0), ue(0), ue(2), ue(1), "0", ue(39), ue(22), "1", "1", "1", ue(0), ue(0), ue(0), ue(4), "0"),
        (640, 360),
    ),
    (
        "high, with scaling lists",
        sps(100, ue(0), ue(1), ue(0), ue(0), "0", "1", "1", ue(0) * 16, "0" * 7, ue(0), ue(2), ue(1), "0",
            ue(19), ue(10), "1", "1", "0", "0"),
        (320, 176),
    ),
    ("interlaced", sps(77, ue(0), ue(0), ue(2), ue(1), "0", ue(39), ue(10), "0", "0", "1", "0", "0"), (640, 352)),
    (
        "picture order by cycles",
        sps(66, ue(0), ue(0), ue(1), "1", ue(0), ue(0), ue(2), ue(0), ue(3), ue(1), "0", ue(9), ue(9), "1", "1", "00"),
        (160, 160),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "size"), [c[1:] for c in SIZES], ids=[c[0] for c in SIZES])
def test_the_parameter_set_tells_the_picture_size(unit: bytes, size: tuple[int, int]) -> None:
    facts = h264.inspect(payloads_of(unit))
    assert (facts.width[0], facts.height[0]) == size


def test_a_parameter_set_cut_short_makes_no_keyframe() -> None:
    assert h264.inspect(payloads_of(stap(SIZES[0][1][:4], IDR))).key_parts.tolist() == [0]


@given(st.lists(st.one_of(st.none(), st.binary(max_size=30)), max_size=6))
def test_no_bytes_make_the_parser_raise_anything_else(data: list[bytes | None]) -> None:
    h264.inspect(payloads_of(*(p for p in data if p is not None)))
    try:
        h264.depacketise(data)
    except MalformedPayload:
        return


@given(st.lists(st.binary(min_size=2, max_size=3_000), min_size=1, max_size=5))
def test_units_come_back_from_their_packets(bodies: list[bytes]) -> None:
    units = [b"\x65" + body.replace(b"\0", b"\1") for body in bodies]
    frame = sent.Frame(b"".join(CODE + unit for unit in units), True, 0, 640, 360)
    assert h264.depacketise(list(sent.h264(frame))) == frame.data
