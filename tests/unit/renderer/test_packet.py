from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.rtp.extensions import NO_LEVEL, ExtensionIds, audio_level_id, audio_levels, find_extension, rotations
from tests.support.rtp import Rtp, table_of

WELL_FORMED = [
    ("a plain packet", Rtp(7, 90, b"abc"), b"abc"),
    ("a marked packet", Rtp(7, 90, b"abc", marker=True), b"abc"),
    ("fifteen contributing sources", Rtp(7, 90, b"abc", csrcs=15), b"abc"),
    ("a one-byte extension", Rtp(7, 90, b"abc", extension=(0xBEDE, b"\x10\x7f\0\0")), b"abc"),
    ("an extension of no words", Rtp(7, 90, b"abc", extension=(0xBEDE, b"")), b"abc"),
    ("padding", Rtp(7, 90, b"abc", padding=5), b"abc"),
    ("everything at once", Rtp(7, 90, b"abc", csrcs=2, extension=(0x1000, b"\x01\x01\x05\0"), padding=1), b"abc"),
    ("padding only", Rtp(7, 90, b"", padding=255), b""),
    ("a header and nothing else", Rtp(7, 90, b""), b""),
]


@pytest.mark.parametrize(("packet", "payload"), [c[1:] for c in WELL_FORMED], ids=[c[0] for c in WELL_FORMED])
def test_the_payload_is_what_header_and_padding_leave(packet: Rtp, payload: bytes) -> None:
    table = table_of(Rtp(1, 1, b"before").pack(), packet.pack(), Rtp(2, 2, b"behind").pack())
    assert table.valid.all()
    assert table.payloads().payload(1) == payload
    assert table.empty[1] == (payload == b"")
    assert (table.sequence[1], table.timestamp[1], table.marker[1]) == (7, 90, packet.marker)
    assert [table.payloads().payload(i) for i in (0, 2)] == [b"before", b"behind"]


MALFORMED = [
    ("no bytes", b""),
    ("a header cut short", Rtp(1, 1, b"").pack()[:11]),
    ("version 0", b"\x00" + Rtp(1, 1, b"abc").pack()[1:]),
    ("version 3", b"\xc0" + Rtp(1, 1, b"abc").pack()[1:]),
    ("more sources than bytes", b"\x8f" + Rtp(1, 1, b"abc").pack()[1:]),
    ("an extension header cut short", b"\x90" + Rtp(1, 1, b"abc").pack()[1:]),
    ("an extension longer than the packet", b"\x90" + Rtp(1, 1, b"\xbe\xde\x00\x02\0\0\0\0").pack()[1:]),
    ("padding of 0 bytes", b"\xa0" + Rtp(1, 1, b"ab\0").pack()[1:]),
    ("more padding than payload", b"\xa0" + Rtp(1, 1, b"ab\x04").pack()[1:]),
]


@pytest.mark.parametrize("packet", [c[1] for c in MALFORMED], ids=[c[0] for c in MALFORMED])
def test_a_malformed_packet_is_flagged_and_its_neighbours_are_not(packet: bytes) -> None:
    table = table_of(Rtp(1, 1, b"before").pack(), packet, Rtp(2, 2, b"behind").pack())
    assert table.valid.tolist() == [True, False, True]
    assert table.payloads().payload(1) == b""


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_no_bytes_make_the_parser_raise_or_reach_beyond_a_packet(packets: list[bytes]) -> None:
    table = table_of(*packets)
    for i, packet in enumerate(packets):
        assert table.payloads().payload(i) in packet
    for identifier in (1, 15):
        position, length = find_extension(table, identifier)
        assert ((position < 0) | (position + length <= table.extension_end)).all()


@given(st.binary(max_size=40), st.integers(0, 15), st.integers(0, 255), st.booleans(), st.binary(max_size=5))
def test_what_is_packed_is_parsed(payload: bytes, csrcs: int, padding: int, marker: bool, words: bytes) -> None:
    packet = Rtp(65_535, 1 << 31, payload, marker, 127, csrcs=csrcs, extension=(0xBEDE, words * 4), padding=padding)
    table = table_of(packet.pack())
    assert table.payloads().payload(0) == payload
    assert (table.payload_type[0], table.sequence[0], table.timestamp[0]) == (127, 65_535, 1 << 31)


ELEMENTS = [
    ("the first element", (0xBEDE, b"\x50\x11\x00\x00"), b"\x11"),
    ("an element behind another", (0xBEDE, b"\x31\xaa\xbb\x50\x11\x00\x00\x00"), b"\x11"),
    ("an element behind padding", (0xBEDE, b"\x00\x00\x50\x11"), b"\x11"),
    ("the first of two", (0xBEDE, b"\x50\x11\x50\x22"), b"\x11"),
    ("sixteen bytes", (0xBEDE, b"\x5f" + b"x" * 16 + b"\0\0\0"), b"x" * 16),
    ("a two-byte element", (0x1000, b"\x05\x02\x11\x22"), b"\x11\x22"),
    ("a two-byte element with appbits", (0x100F, b"\x00\x05\x01\x33"), b"\x33"),
    ("an empty two-byte element", (0x1000, b"\x05\x00\x00\x00"), b""),
    ("absent", (0xBEDE, b"\x40\x11\x00\x00"), None),
    ("behind the stop sign 15", (0xBEDE, b"\xf0\x11\x50\x11"), None),
    ("longer than the extension", (0xBEDE, b"\x53\x11\x22\x33"), None),
    ("a two-byte element without its length", (0x1000, b"\x00\x00\x00\x05"), None),
    ("of an unknown profile", (0x1234, b"\x50\x11\x00\x00"), None),
]


@pytest.mark.parametrize(("extension", "data"), [c[1:] for c in ELEMENTS], ids=[c[0] for c in ELEMENTS])
def test_an_extension_element_is_found_by_its_identifier(extension: tuple[int, bytes], data: bytes | None) -> None:
    table = table_of(Rtp(1, 1, b"payload", extension=extension).pack())
    position, length = find_extension(table, 5)
    found = table.octets[position[0] : position[0] + length[0]].tobytes() if position[0] >= 0 else None
    assert found == data


def with_element(identifier: int, *data: int) -> bytes:
    words = bytes([identifier << 4 | (len(data) - 1), *data])
    return Rtp(1, 1, b"x", extension=(0xBEDE, words + bytes(-len(words) % 4))).pack()


def test_the_audio_level_drops_the_voice_bit() -> None:
    table = table_of(with_element(10, 0x9E), with_element(10, 0x7F), Rtp(1, 1, b"x").pack())
    assert audio_levels(table, 10).tolist() == [30, 127, NO_LEVEL]


def test_the_orientation_counts_quarter_turns_and_a_camera_bit_does_not_matter() -> None:
    values = (0, 1, 2, 3, 0b1001, 0b101)
    table = table_of(*(with_element(11, v) for v in values), Rtp(1, 1, b"x").pack())
    assert rotations(table, 11).tolist() == [0, 90, 180, 270, 90, 90, -1]


def test_what_is_no_orientation_is_not_taken_for_one() -> None:
    table = table_of(with_element(11, 0x31), with_element(11, 0x01, 0x00))
    assert rotations(table, 11).tolist() == [-1, -1]


def test_the_configured_audio_level_wins_wherever_it_occurs() -> None:
    table = table_of(*(with_element(1, 40 + i) for i in range(20)), with_element(10, 0x7F))
    assert audio_level_id(table, ExtensionIds()) == 10


def test_an_audio_level_under_another_identifier_is_known_by_its_shape() -> None:
    table = table_of(*(with_element(3, 0x80 | i) for i in range(20)))
    assert audio_level_id(table, ExtensionIds()) == 3


def test_a_mid_that_comes_with_each_packet_is_no_audio_level() -> None:
    table = table_of(*(with_element(1, ord("0")) for _ in range(20)))
    assert audio_level_id(table, ExtensionIds()) == ExtensionIds().audio_level


def test_silence_of_one_level_is_still_a_level() -> None:
    table = table_of(*(with_element(1, 0x7F) for _ in range(20)))
    assert audio_level_id(table, ExtensionIds()) == 1
