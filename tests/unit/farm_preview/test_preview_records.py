"""Records tell the truth about segments, or nothing: corrupt, lost and older ones are as if they were not there."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.preview_records import (
    PreviewTarget,
    SegmentRecord,
    read_record,
    read_records,
    replace_records,
    waveform,
    write_record,
)
from storage.memory import MemoryStore
from storage.objects import StoreSpec

PREFIX = "cache/preview/camera/peer-1/"


def record(number: int, key: str = "k") -> SegmentRecord:
    return SegmentRecord(number, f"{key}{number}", (100 + number, 20), bytes([number % 256, 1]))


def store_of(**objects: bytes) -> MemoryStore:
    store = MemoryStore()
    for name, data in objects.items():
        store.put(f"{PREFIX}{name}.json", data)
    return store


@given(st.lists(st.integers(1, 2000), unique=True, max_size=30).map(sorted), st.integers(1, 5))
def test_what_is_written_is_read_back(numbers: list[int], per_record: int) -> None:
    store = MemoryStore()
    records = [record(n) for n in numbers]
    for at in range(0, len(records), per_record):
        write_record(store, PREFIX, records[at : at + per_record])
    assert read_records(store, PREFIX) == {r.number: r for r in records}


def test_a_span_grows_in_one_object() -> None:
    store = MemoryStore()
    for count in (1, 2, 3):
        write_record(store, PREFIX, [record(n) for n in range(7, 7 + count)])
    assert [info.key for info in store.list(PREFIX)] == [f"{PREFIX}000007.json"]
    assert sorted(read_record(store, PREFIX, 7)) == [7, 8, 9]
    assert read_record(store, PREFIX, 8) == {}


def test_nothing_is_written_of_nothing() -> None:
    store = MemoryStore()
    write_record(store, PREFIX, [])
    assert list(store.list("")) == []


ROW = [1, "key", [10], base64.b64encode(b"\x01\x02").decode()]
BROKEN = {
    "empty": b"",
    "no json": b"{",
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "null": b"null",
    "no version": json.dumps({"segments": [ROW]}).encode(),
    "older": json.dumps({"version": 1, "segments": [[1, "key", "AQI="]]}).encode(),
    "newer": json.dumps({"version": 99, "segments": [ROW]}).encode(),
    "no segments": json.dumps({"version": 2}).encode(),
    "segments are no list": json.dumps({"version": 2, "segments": 7}).encode(),
    "row too short": json.dumps({"version": 2, "segments": [ROW[:3]]}).encode(),
    "row too long": json.dumps({"version": 2, "segments": [[*ROW, 1]]}).encode(),
    "row is no list": json.dumps({"version": 2, "segments": [None]}).encode(),
    "number is text": json.dumps({"version": 2, "segments": [["1", *ROW[1:]]]}).encode(),
    "number is infinite": b'{"version": 2, "segments": [[1e999, "key", [10], "AQI="]]}',
    "key is a number": json.dumps({"version": 2, "segments": [[1, 2, *ROW[2:]]]}).encode(),
    "no base64": json.dumps({"version": 2, "segments": [[*ROW[:3], "A*I="]]}).encode(),
    "nested": b'{"version": 2, "segments": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_record_that_cannot_be_read_tells_nothing_and_hides_no_other(name: str) -> None:
    store = store_of(broken=BROKEN[name])
    write_record(store, PREFIX, [record(5)])
    assert read_records(store, PREFIX) == {5: record(5)}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    assert read_records(store_of(any=data), PREFIX) == {}


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_flipped_byte_never_makes_a_segment_that_was_not_there(at: int, flip: int) -> None:
    """What it may do is change a key or a size, which will not match, or a peak."""
    store = MemoryStore()
    write_record(store, PREFIX, [record(n) for n in range(1, 9)])
    data = bytearray(store.get(f"{PREFIX}000001.json"))
    data[at % len(data)] ^= flip
    store.put(f"{PREFIX}000001.json", bytes(data))
    for number, found in read_records(store, PREFIX).items():
        true = record(number)
        assert (found.key, found.sizes) != (true.key, true.sizes) or 1 <= number <= 8


def test_replacing_keeps_what_is_valid_in_one_object() -> None:
    store = MemoryStore()
    write_record(store, PREFIX, [record(n) for n in (1, 2, 3)])
    write_record(store, PREFIX, [record(n) for n in (4, 5)])
    replace_records(store, PREFIX, {n: record(n) for n in (5, 2)})
    assert [info.key for info in store.list(PREFIX)] == [f"{PREFIX}000002.json"]
    assert read_records(store, PREFIX) == {2: record(2), 5: record(5)}
    replace_records(store, PREFIX, {})
    assert list(store.list(PREFIX)) == []


def test_streams_do_not_see_one_anothers_records() -> None:
    target = PreviewTarget(StoreSpec("memory"), "preview/", "cache/preview/")
    prefixes = {target.records_of(p, s) for p in ("a", "a/b", "a%2Fb", "ä") for s in ("camera", "screenshare")}
    assert len(prefixes) == 8
    assert not any(a != b and a.startswith(b) for a in prefixes for b in prefixes)


def test_a_waveform_is_that_of_its_segments_in_order() -> None:
    drawn = waveform([SegmentRecord(1, "", (), bytes([0x81, 0x7F])), SegmentRecord(2, "", (), bytes([0xFF, 1, 0, 0]))])
    assert drawn.tolist() == [[-127, 127], [-1, 1], [0, 0]]
    assert waveform([]).shape == (0, 2)
