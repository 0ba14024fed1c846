from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import MalformedPayload
from renderer.rtp import av1
from tests.support.rtp import payloads_of

SEQUENCE, FRAME, TILES, DELIMITER, PADDING = (kind << 3 for kind in (1, 6, 4, 2, 15))


def sized(obu: bytes) -> bytes:
    return bytes([obu[0] | 2, len(obu) - 1]) + obu[1:]


def obu(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + body


A, B = obu(SEQUENCE, b"sequence"), obu(FRAME, b"frame data")

UNITS = [
    ("one element without length", [b"\x10" + B], sized(B)),
    ("two, the last without length", [b"\x20" + bytes([len(A)]) + A + B], sized(A) + sized(B)),
    ("all with lengths", [b"\x00" + bytes([len(A)]) + A + bytes([len(B)]) + B], sized(A) + sized(B)),
    ("an element that has its size already", [b"\x10" + sized(B)], sized(B)),
    ("a temporal delimiter", [b"\x20\x01" + obu(DELIMITER, b"") + B], sized(B)),
    ("padding", [b"\x20\x04" + obu(PADDING, b"pad") + B], sized(B)),
    ("an element over two packets", [b"\x50" + B[:4], b"\x90" + B[4:]], sized(B)),
    ("an element over three packets", [b"\x50" + B[:2], b"\xd0" + B[2:5], b"\x90" + B[5:]], sized(B)),
    (
        "a fragment and a whole element in one packet",
        [b"\x50" + A[:4], b"\xa0" + bytes([len(A) - 4]) + A[4:] + B],
        sized(A) + sized(B),
    ),
    ("an OBU extension", [b"\x10" + bytes([FRAME | 4, 0x20]) + b"xyz"], bytes([FRAME | 6, 0x20, 3]) + b"xyz"),
]


@pytest.mark.parametrize(("payloads", "stream"), [c[1:] for c in UNITS], ids=[c[0] for c in UNITS])
def test_elements_become_obus_with_sizes(payloads: list[bytes], stream: bytes) -> None:
    assert av1.depacketise(payloads) == stream


MALFORMED = [
    ("an empty payload", [b""]),
    ("a length beyond the packet", [b"\x00\x09abc"]),
    ("a length without end", [b"\x00" + b"\x80" * 9]),
    ("a length that the packet cuts", [b"\x00\x80"]),
    ("a fragment that nobody began", [b"\x10" + A, b"\x90" + B]),
    ("a fragment that nobody ends", [b"\x50" + A, b"\x10" + B]),
    ("a size beyond the OBU", [b"\x10" + bytes([FRAME | 2, 9]) + b"abc"]),
]


@pytest.mark.parametrize("payloads", [c[1] for c in MALFORMED], ids=[c[0] for c in MALFORMED])
def test_what_does_not_fit_is_refused(payloads: list[bytes]) -> None:
    with pytest.raises(MalformedPayload, match="av1"):
        av1.depacketise(payloads)
    av1.inspect(payloads_of(*payloads, b"neighbour"))


def test_of_a_unit_with_a_loss_the_obus_before_it_are_left() -> None:
    assert av1.depacketise([b"\x10" + A, None, b"\x10" + B]) == sized(A)
    assert av1.depacketise([b"\x10" + A, b"\x50" + B[:3], None, b"\x90" + B[5:]]) == sized(A)
    assert av1.depacketise([None, b"\x90" + B]) == b""
    assert av1.depacketise([b"\x90" + B]) == b""


def test_an_unfinished_element_at_the_end_is_left_out() -> None:
    assert av1.depacketise([b"\x10" + A, b"\x50" + B[:3]]) == sized(A)


STARTS = [
    ("a sequence header", b"\x10" + A, True, False),
    ("a frame", b"\x10" + B, True, False),
    ("a frame behind its length", b"\x00" + bytes([len(B)]) + B, True, False),
    ("a frame behind a long length", b"\x00\x8b\x80\x00" + B, True, False),
    ("tiles", b"\x10" + obu(TILES, b"tiles"), False, False),
    ("a fragment", b"\x90" + B, False, True),
]


@pytest.mark.parametrize(("payload", "starts", "continues"), [c[1:] for c in STARTS], ids=[c[0] for c in STARTS])
def test_what_surely_begins_a_unit(payload: bytes, starts: bool, continues: bool) -> None:
    facts = av1.inspect(payloads_of(payload))
    assert (facts.starts[0], facts.continues[0]) == (starts, continues)


def sequence_header(w: int, h: int, *, before: str = "0" "0" "00000" + "0" * 12 + "00000") -> bytes:
    """Main profile, no timing info, one operating point of level 2.0 unless `before` says otherwise."""
    bits = "000" "0" "0" + before + "1001" "1000" + f"{w - 1:010b}{h - 1:09b}" + "0" * 24
    bits += "0" * (-len(bits) % 8)
    return bytes([SEQUENCE]) + int(bits, 2).to_bytes(len(bits) // 8, "big")


TIMING = "1" + "0" * 64 + "1" + "00101" + "1" + "00111" + "0" * 32 + "00101" + "00101" + "1"
POINTS = "00001" + ("0" * 12 + "01000" + "1" + "1" + "0" * 17 + "1" + "1010") * 2

HEADERS = [
    ("plain", sequence_header(640, 360)),
    ("with timing, decoder model and two operating points", sequence_header(640, 360, before=TIMING + POINTS)),
]


@pytest.mark.parametrize("header", [c[1] for c in HEADERS], ids=[c[0] for c in HEADERS])
def test_a_new_sequence_is_a_keyframe_and_tells_its_size(header: bytes) -> None:
    facts = av1.inspect(payloads_of(b"\x18" + header, b"\x10" + header, b"\x98" + header))
    assert facts.key_parts.tolist() == [1, 0, 0]
    assert (facts.width[0], facts.height[0]) == (640, 360)


def test_a_new_sequence_without_its_header_is_no_keyframe() -> None:
    facts = av1.inspect(payloads_of(b"\x18" + B, b"\x18" + sequence_header(640, 360)[:3], b"\x18"))
    assert facts.key_parts.tolist() == [0, 0, 0]
    assert facts.valid.tolist() == [True, True, False]


@given(st.lists(st.one_of(st.none(), st.binary(max_size=30)), max_size=6))
def test_no_bytes_make_the_parser_raise_anything_else(data: list[bytes | None]) -> None:
    av1.inspect(payloads_of(*(p for p in data if p is not None)))
    try:
        av1.depacketise(data)
    except MalformedPayload:
        return


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(1, 300), max_size=4))
def test_an_obu_comes_back_however_it_was_cut(body: bytes, cuts: list[int]) -> None:
    element = obu(FRAME, body)
    edges = [0, *sorted({c for c in cuts if c < len(element)}), len(element)]
    pieces = [element[a:b] for a, b in pairwise(edges)]
    last = len(pieces) - 1
    payloads = [
        bytes([0x10 | (0x80 if i else 0) | (0x40 if i < last else 0)]) + p for i, p in enumerate(pieces)
    ]
    stream = av1.depacketise(payloads)
    assert stream[0] == FRAME | 2
    assert stream.endswith(body)
