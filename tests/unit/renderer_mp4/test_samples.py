"""The chunk object: what goes in comes out, and no damage goes unseen."""

from __future__ import annotations

import pickle
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.errors import ChunksDoNotMatch, CorruptChunk
from renderer.samples import HEADER_READ_BYTES, pack_audio_chunk, pack_video_chunk, read_header, unpack_chunk

PACKETS = [(b"I" * 50, 0, True), (b"P" * 9, 2, False), (b"B", 1, False)]


def small_chunk() -> bytes:
    return pack_video_chunk(
        PACKETS, config=b"\1avcC", width=640, height=360, fps=30, first_frame=240, extra={"encoder": "x264"}
    )


def test_a_video_chunk_comes_back_as_it_was_packed() -> None:
    header, samples = unpack_chunk(small_chunk())
    assert samples == [data for data, _, _ in PACKETS]
    assert (header.kind, header.codec, header.config) == ("video", "h264", b"\1avcC")
    assert (header.width, header.height, header.ticks_per_second, header.sample_ticks) == (640, 360, 30, 1)
    assert (header.first, header.count, header.end) == (240, 3, 243)
    assert header.composition_offsets.tolist() == [0, 1, -1]
    assert header.keyframes.tolist() == [True, False, False]
    assert header.extra == {"encoder": "x264"}


def test_an_audio_chunk_comes_back_and_may_begin_with_the_priming() -> None:
    header, samples = unpack_chunk(pack_audio_chunk([b"a", b"bb"], config=b"\x11\x90", first_packet=-1))
    assert samples == [b"a", b"bb"]
    assert (header.first, header.end, header.ticks_per_second, header.sample_ticks) == (-1, 1, 48_000, 1024)


def test_the_same_packets_give_the_same_bytes() -> None:
    assert small_chunk() == small_chunk()


def test_a_chunk_of_480_frames_needs_one_read_of_its_header() -> None:
    packets = [(bytes([n % 255 + 1]) * 3000, n, n % 120 == 0) for n in range(480)]
    blob = pack_video_chunk(packets, config=b"c" * 50, width=1920, height=1080, fps=60, first_frame=0)
    reads: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return blob[offset : offset + length]

    header, offset = read_header(read)
    assert reads == [(0, HEADER_READ_BYTES)]
    assert blob[offset:] == b"".join(data for data, _, _ in packets)
    assert header.count == 480


def test_a_large_header_takes_two_reads() -> None:
    packets = [b"x"] * 5000
    blob = pack_audio_chunk(packets, config=b"\x11\x90", first_packet=0)
    reads: list[int] = []

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        return blob[offset : offset + length]

    header, offset = read_header(read)
    assert len(reads) == 2
    assert sum(reads) == offset
    assert header.count == 5000


def test_cut_anywhere_it_is_corrupt() -> None:
    blob = small_chunk()
    for length in range(len(blob)):
        with pytest.raises(CorruptChunk):
            unpack_chunk(blob[:length], "chunks/ab")


def test_any_flipped_bit_is_seen() -> None:
    blob = small_chunk()
    for at in range(len(blob)):
        damaged = bytearray(blob)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(CorruptChunk):
            unpack_chunk(bytes(damaged), "chunks/ab")


def test_bytes_too_many_are_seen() -> None:
    with pytest.raises(CorruptChunk, match="where"):
        unpack_chunk(small_chunk() + b"\0")


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_are_a_chunk_or_corrupt(data: bytes) -> None:
    for blob in (data, b"FARMCHNK\0\1\0\0" + data):
        with pytest.raises(CorruptChunk):
            unpack_chunk(blob)


def _forge(description: bytes, tables: bytes, count: int, payload: bytes) -> bytes:
    """A chunk with a right checksum and any content."""
    prelude = b"FARMCHNK\0\1\0\0" + len(description).to_bytes(4, "big") + count.to_bytes(4, "big")
    prelude += len(payload).to_bytes(8, "big")
    crc = zlib.crc32(description + tables, zlib.crc32(prelude))
    return prelude + crc.to_bytes(4, "big") + description + tables + payload


@pytest.mark.parametrize(
    "description",
    [b"", b"{", b"[]", b"{}", b"null", b'{"kind":"video"}', b"\xff\xfe"],
    ids=["empty", "cut", "list", "bare", "null", "fields missing", "no UTF-8"],
)
def test_a_description_that_makes_no_sense_is_corrupt(description: bytes) -> None:
    with pytest.raises(CorruptChunk, match="makes no sense"):
        unpack_chunk(_forge(description, bytes(9), 1, b""))


def test_a_version_of_the_future_is_said_so() -> None:
    blob = small_chunk()
    with pytest.raises(CorruptChunk, match="version 2"):
        unpack_chunk(blob[:8] + b"\0\2" + blob[10:])


@pytest.mark.parametrize(
    "packets",
    [
        [],
        [(b"", 0, True)],
        [(b"x", 0, False)],
        [(b"x", 1, True)],
        [(b"x", 0, True), (b"y", 0, False)],
        [(b"x", 0, True), (b"y", 2, False)],
    ],
    ids=["none", "empty sample", "no keyframe first", "pts from 1", "pts twice", "pts missing"],
)
def test_what_cannot_be_stitched_is_not_packed(packets: list[tuple[bytes, int, bool]]) -> None:
    with pytest.raises(ValueError, match=r"sample|presentation"):
        pack_video_chunk(packets, config=b"c", width=2, height=2, fps=30, first_frame=0)


@pytest.mark.parametrize("error", [CorruptChunk("chunks/ab", "cut"), ChunksDoNotMatch("a and b differ")])
def test_errors_survive_pickling(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_tables_are_int32_and_bool() -> None:
    header, _ = unpack_chunk(small_chunk())
    assert header.sizes.dtype == np.int32
    assert header.composition_offsets.dtype == np.int32
    assert header.keyframes.dtype == np.bool_
