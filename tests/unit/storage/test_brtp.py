"""The BRTP scan finds what a plain, slow reader finds, however the bytes are cut, and goes on after damage."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.brtp import (
    HEADER_BYTES,
    RECORD_HEADER_BYTES,
    Damage,
    RecordBatch,
    SegmentHeader,
    SegmentWriter,
    pack_header,
    pack_record,
    parse_header,
    scan,
)
from storage.errors import MalformedSegment
from tests.support.recordings import recording_dir

SSRC = 0xDEC0DE01
START_MS = 1_770_000_000_000
HEADER = SegmentHeader(96, SSRC, "video/VP", START_MS)

Record = tuple[int, int, bytes]
"""Position in the file, arrival, packet."""


def packet(n: int, size: int = 40, ssrc: int = SSRC) -> bytes:
    """An RTP packet whose payload tells its number."""
    head = struct.pack(">BBHII", 0x80, 96, n & 0xFFFF, n * 3000 & 0xFFFFFFFF, ssrc)
    return head + random.Random(n).randbytes(size - 12)


def segment(count: int, seed: int = 0, step_ms: int = 20) -> bytes:
    rng = random.Random(seed)
    writer = SegmentWriter(HEADER)
    for n in range(count):
        writer.add(START_MS + n * step_ms + rng.randrange(30), packet(n, rng.choice((12, 13, 60, 200, 1200, 2048))))
    return writer.getvalue()


def cut(data: bytes, block_bytes: int) -> Iterator[bytes]:
    return (data[at : at + block_bytes] for at in range(HEADER_BYTES, len(data), block_bytes))


def read(data: bytes, block_bytes: int = 1 << 22, start_ms: int | None = START_MS) -> tuple[list[Record], list[Damage]]:
    records: list[Record] = []
    damages: list[Damage] = []
    for item in scan(cut(data, block_bytes), SSRC, start_time_ms=start_ms):
        if isinstance(item, Damage):
            damages.append(item)
            continue
        for row in range(len(item)):
            place = item.base + int(item.offsets[row])
            records.append((place, int(item.arrival_ms[row]), item.packet(row)))
    return records, damages


class SlowReader:
    """The reference: the same rules, told byte by byte over a whole file, and nothing clever."""

    def __init__(self, data: bytes) -> None:
        self.data, self.latest = data, START_MS

    def framed(self, at: int) -> bool:
        if at + 22 > len(self.data):
            return False
        length = int.from_bytes(self.data[at + 8 : at + 10], "big")
        return (
            self.data[at : at + 2] == b"\0\0"
            and 12 <= length <= 2048
            and self.data[at + 10] >> 6 == 2
            and self.data[at + 18 : at + 22] == SSRC.to_bytes(4, "big")
        )

    def arrival(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 8], "big")

    def end(self, at: int) -> int:
        return at + 10 + int.from_bytes(self.data[at + 8 : at + 10], "big")

    @staticmethod
    def near(earlier: int, later: int) -> bool:
        return earlier - 10_000 <= later <= earlier + 3_600_000

    def usable(self, at: int) -> bool:
        if not self.framed(at):
            return False
        here, after = self.near(self.latest, self.arrival(at)), self.end(at)
        if not self.framed(after):
            return here
        there = self.near(self.latest, self.arrival(after))
        if self.near(self.arrival(at), self.arrival(after)):
            return here or not there  # all is well, or both have followed a jump of the clock
        return here and not there

    def stands(self, at: int) -> bool:
        if not self.usable(at):
            return False
        after = self.end(at)
        if len(self.data) - after < 22 or self.framed(after):
            return True
        return not any(self.usable(q) for q in range(at + 22, min(after, at + 2100)))

    def records(self) -> list[Record]:
        found, at = [], HEADER_BYTES
        while at + 22 <= len(self.data):
            if not self.stands(at):
                at += 1
                continue
            if self.end(at) > len(self.data):
                break
            arrival = self.arrival(at)
            self.latest = max(self.latest, arrival) if self.near(self.latest, arrival) else arrival
            found.append((at, arrival, self.data[at + 10 : self.end(at)]))
            at = self.end(at)
        return found


def flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(HEADER_BYTES, len(data))] ^= 1 << rng.randrange(8)


def overwrite(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(HEADER_BYTES, len(data))
    noise = rng.randbytes(rng.choice((1, 4, 30, 700)))
    data[at : at + len(noise)] = noise[: len(data) - at]


def take_out(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(HEADER_BYTES, len(data))
    del data[at : at + rng.choice((1, 9, 100, 5000))]


def put_in(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(HEADER_BYTES, len(data))
    data[at:at] = rng.randbytes(rng.choice((1, 9, 100, 5000)))


def repeat(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(HEADER_BYTES, len(data))
    data[at:at] = data[at : at + rng.choice((30, 500))]


def set_time(data: bytearray, rng: random.Random) -> None:
    """Another arrival on a real record."""
    places = [at for at, _, _ in SlowReader(bytes(data)).records()]
    if places:
        at = rng.choice(places)
        shift = rng.choice((-1, 1)) * rng.choice((9_000, 11_000, 60_000, 3_700_000, 1 << 50))
        moved = max(0, int.from_bytes(data[at : at + 8], "big") + shift)
        data[at : at + 8] = moved.to_bytes(8, "big")


def cut_off(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(HEADER_BYTES, len(data)) :]


DAMAGES: list[Callable[[bytearray, random.Random], None]] = [flip, overwrite, take_out, put_in, repeat, set_time]


def damaged(seed: int) -> bytes:
    rng = random.Random(seed)
    data = bytearray(segment(rng.randrange(1, 120), seed))
    for _ in range(rng.randrange(1, 9)):
        if len(data) > HEADER_BYTES:
            rng.choice(DAMAGES)(data, rng)
    if rng.random() < 0.3 and len(data) > HEADER_BYTES:
        cut_off(data, rng)
    return bytes(data)


def test_a_header_comes_back() -> None:
    assert parse_header(pack_header(HEADER)) == HEADER
    long = SegmentHeader(111, 1, "audio/opus", -1)
    assert parse_header(pack_header(long) + b"more").codec == "audio/op"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (pack_header(HEADER)[:31], "31 bytes"),
        (b"RIFF" + pack_header(HEADER)[4:], "b'RIFF'"),
        (b"BRTP\x02" + pack_header(HEADER)[5:], "version is 2"),
    ],
)
def test_what_is_no_segment(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedSegment, match=reason) as caught:
        parse_header(data, "x-000001.rtp")
    assert caught.value.name == "x-000001.rtp"


def test_an_undamaged_segment_is_read_whole() -> None:
    data = segment(300)
    records, damages = read(data)
    assert damages == []
    assert pack_header(HEADER) + b"".join(pack_record(t, p) for _, t, p in records) == data
    assert records[0][0] == HEADER_BYTES
    assert records == SlowReader(data).records()


@pytest.mark.parametrize("data", [b"", b"\0" * 21, b"\xff" * 5000, bytes(100_000)])
def test_bytes_without_a_record_are_one_damage(data: bytes) -> None:
    expected = [Damage(HEADER_BYTES, len(data), "")] if data else []
    records, damages = read(pack_header(HEADER) + data, 3000)
    assert records == []
    assert [(d.offset, d.length) for d in damages] == [(d.offset, d.length) for d in expected]


@pytest.mark.parametrize("seed", range(150))
def test_damage_costs_no_more_than_for_the_slow_reader(seed: int) -> None:
    data = damaged(seed)
    records, damages = read(data)
    assert records == SlowReader(data).records()
    pieces = [(at, at + RECORD_HEADER_BYTES + len(p)) for at, _, p in records]
    pieces += [(d.offset, d.offset + d.length) for d in damages]
    pieces.sort()
    assert all(end == start for (_, end), (start, _) in pairwise(pieces)), "records and damage cover the file"
    if len(data) > HEADER_BYTES:
        assert (pieces[0][0], pieces[-1][1]) == (HEADER_BYTES, len(data))
    assert not {d.offset + d.length for d in damages} & {d.offset for d in damages}, "neighbours are one"


@pytest.mark.parametrize("seed", range(0, 150, 5))
@pytest.mark.parametrize("block_bytes", [1, 37, 5000, 70_001])
def test_the_cut_into_blocks_changes_nothing(seed: int, block_bytes: int) -> None:
    data = damaged(seed)[: 20_000 if block_bytes == 1 else None]
    assert read(data, block_bytes) == read(data)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.integers(1, 400))
def test_arbitrary_bytes_never_raise(noise: bytes, block_bytes: int) -> None:
    data = pack_header(HEADER) + noise + pack_record(START_MS, packet(1)) + noise
    assert read(data, block_bytes) == read(data)


def test_one_damaged_length_costs_one_record() -> None:
    data = bytearray(segment(100))
    places = [at for at, _, _ in read(bytes(data))[0]]
    data[places[50] + 8 : places[50] + 10] = (2000).to_bytes(2, "big")
    records, damages = read(bytes(data))
    assert [at for at, _, _ in records] == places[:50] + places[51:]
    assert [(d.offset, d.length) for d in damages] == [(places[50], places[51] - places[50])]


def arrivals(times: list[int]) -> bytes:
    return pack_header(HEADER) + b"".join(pack_record(START_MS + t, packet(n)) for n, t in enumerate(times))


@pytest.mark.parametrize("start_ms", [START_MS, None])
@pytest.mark.parametrize(
    ("times", "lost"),
    [
        ([0, 20, 4_000_000, 60, 80], [2]),
        ([0, 20, 600_000, 60, 80], [2]),
        ([0, 20, -600_000, 60, 80], [2]),
        ([0, 20, 40, 60, 4_000_000], [4]),
        ([0, 20, 3_500_000, 3_500_020], []),
        ([0, 20, 9_000_000, 9_000_020, 9_000_040], []),
        ([0, 20, -50_000, -49_980, -49_960], []),
    ],
    ids=["far ahead", "ahead", "back", "last", "pause", "clock or long pause", "clock set back"],
)
def test_an_arrival_is_judged_by_its_neighbours(times: list[int], lost: list[int], start_ms: int | None) -> None:
    records, damages = read(arrivals(times), start_ms=start_ms)
    assert [t - START_MS for _, t, _ in records] == [t for n, t in enumerate(times) if n not in lost]
    assert len(damages) == len(lost)


def test_a_wrong_start_time_in_the_header_costs_nothing() -> None:
    data = arrivals([0, 20, 40])
    assert len(read(data, start_ms=0)[0]) == 3


def test_a_scan_may_begin_at_any_record() -> None:
    data = segment(100)
    whole = read(data)[0]
    at = whole[40][0]
    (batch, *rest) = [b for b in scan([data[at:]], SSRC, at) if isinstance(b, RecordBatch)]
    assert batch.base + batch.offsets[0] == at
    assert len(batch) + sum(len(b) for b in rest) == 60


def test_memory_is_bounded_by_the_block() -> None:
    block = b"".join(pack_record(START_MS + n, packet(n, 1000)) for n in range(1000))
    tracemalloc.start()
    records = sum(len(b) for b in scan((block for _ in range(60)), SSRC) if isinstance(b, RecordBatch))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert records == 60_000
    assert peak < 6 * len(block)


@pytest.mark.parametrize("name", ["kickoff", "lossy", "bigroom"])
def test_real_segments_are_read_whole(name: str) -> None:
    for path in sorted((recording_dir(name) / "tracks").iterdir()):
        data = path.read_bytes()
        header = parse_header(data, path.name)
        found = list(scan(cut(data, 1 << 16), header.ssrc, start_time_ms=header.start_time_ms))
        assert all(isinstance(item, RecordBatch) for item in found)
        total = sum(int(b.lengths.sum()) + RECORD_HEADER_BYTES * len(b) for b in found if isinstance(b, RecordBatch))
        assert total == len(data) - HEADER_BYTES
