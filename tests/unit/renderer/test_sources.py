"""Units read back: the same bytes whatever the batches, of synthetic disorder and of real recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.errors import SourceChanged
from renderer.index import TrackIndex, build_index
from renderer.rtp.units import AccessUnit
from renderer.sources import read_units
from storage.objects import StoreSpec
from storage.recordings import Recording, open_recording, split_source
from tests.support.reader import read_segment
from tests.support.recordings import recording_dir
from tests.support.rtp import Rtp, recording_of, segment_of

KEY = b"\x10\x00\x02\x00\x9d\x01\x2a" + (640).to_bytes(2, "little") + (360).to_bytes(2, "little")


def frame(number: int) -> list[Rtp]:
    heads = (KEY if number % 10 == 0 else b"\x10\x01\x02\x00", b"\x00", b"\x00")
    return [
        Rtp(3 * number + i, 3_000 * number, head + bytes([number, i]) * 60, i == 2, arrival_ms=number * 33 + i)
        for i, head in enumerate(heads)
    ]


def whole(number: int) -> bytes:
    return b"".join(p.payload[1:] for p in frame(number))


FRAMES = [packet for number in range(40) for packet in frame(number)]


def indexed(*segments: bytes) -> tuple[Recording, TrackIndex]:
    recording = recording_of(*segments)
    return recording, build_index(recording, recording.manifest.tracks[0])


def read(recording: Recording, index: TrackIndex, first: int, last: int, batch: int = 1 << 20) -> list[AccessUnit]:
    return list(read_units(recording.store, recording.keys, index, first, last, batch))


def test_a_unit_holds_its_frame_and_its_row() -> None:
    recording, index = indexed(segment_of(FRAMES, "vp8"))
    units = read(recording, index, 5, 12)
    assert [u.index for u in units] == list(range(5, 13))
    assert [u.data for u in units] == [whole(n) for n in range(5, 13)]
    assert [u.time_us for u in units] == index.time_us[5:13].tolist()
    assert [u.keyframe for u in units] == [n == 10 for n in range(5, 13)]


def test_no_rows_read_nothing() -> None:
    recording, index = indexed(segment_of(FRAMES, "vp8"))
    assert read(recording, index, 5, 4) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 119), st.integers(0, 119)), max_size=10),
    st.sets(st.integers(0, 119), max_size=15),
    st.integers(1, 119),
    st.integers(1, 30_000),
    st.integers(0, 30),
)
def test_units_do_not_depend_on_batches_segments_or_where_reading_begins(
    swaps: list[tuple[int, int]], lost: set[int], cut: int, batch: int, first: int
) -> None:
    sent = list(FRAMES)
    for a, b in swaps:
        sent[a], sent[b] = sent[b], sent[a]
    sent = [p for p in sent if p.sequence not in lost] + [FRAMES[7]]
    _, one_file = indexed(segment_of(sent, "vp8"))
    recording, index = indexed(segment_of(sent[:cut], "vp8"), segment_of(sent[cut:], "vp8"))
    units = read(recording, index, 0, len(index) - 1)
    assert len(index) == len(one_file)
    assert read(recording, index, 0, len(index) - 1, batch) == units
    assert read(recording, index, first, len(index) - 1, batch) == units[first:]
    for unit in units:
        if unit.complete:
            assert unit.data == whole(unit.ticks % (1 << 32) // 3_000)


def test_an_incomplete_frame_gives_what_came_before_its_loss() -> None:
    recording, index = indexed(segment_of([p for p in FRAMES if p.sequence != 16], "vp8"))
    unit = read(recording, index, 5, 5)[0]
    assert not unit.complete
    assert unit.data == frame(5)[0].payload[1:]


def test_damage_next_to_a_batch_edge_changes_no_unit() -> None:
    data = bytearray(segment_of(FRAMES, "vp8"))
    for at in (700, 2_900, 6_100):
        data[at : at + 90] = bytes(90)
    recording, index = indexed(bytes(data))
    units = read(recording, index, 0, len(index) - 1)
    for batch in (1, 500, 1_000, 3_000):
        assert read(recording, index, 0, len(index) - 1, batch) == units


def test_a_unit_that_cannot_be_put_together_is_empty_and_incomplete() -> None:
    sent = [replace(p, payload=b"\x5c\x85", marker=True, payload_type=96) for p in frame(0)[:1]]
    recording = recording_of(segment_of(sent, "h264"), codec="h264")
    index = build_index(recording, recording.manifest.tracks[0])
    unit = read(recording, index, 0, 0)[0]
    assert (unit.data, unit.complete) == (b"", False)


def test_a_segment_that_shrank_is_told() -> None:
    recording, index = indexed(segment_of(FRAMES, "vp8"))
    key = recording.keys.segment(index.segments[0].file_name)
    recording.store.put(key, recording.store.get(key)[:900])
    with pytest.raises(SourceChanged, match="index"):
        read(recording, index, 0, len(index) - 1)


def opened(name: str) -> Recording:
    root, room, recording = split_source(str(recording_dir(name)))
    return open_recording(StoreSpec(root), room, recording)


VIDEO = {"vp8": "vp8", "vp9": "vp9", "h264": "h264", "av1": "libdav1d"}


def decoded(codec: str, units: Iterator[AccessUnit]) -> list[tuple[int, int]]:
    """The picture sizes that a decoder makes of clean units, one after another."""
    context = av.CodecContext.create(VIDEO[codec], "r")
    context.thread_count = 1
    return [(f.width, f.height) for u in units if u.clean for f in context.decode(av.Packet(u.data))]  # type: ignore[attr-defined]


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["kickoff", "codecs", "lossy"])
def test_every_clean_unit_of_a_real_track_decodes_to_the_size_in_its_row(name: str) -> None:
    recording = opened(name)
    for track in recording.manifest.tracks:
        if track.kind == "audio":
            continue
        index = build_index(recording, track)
        units = list(read_units(recording.store, recording.keys, index, 0, len(index) - 1))
        sizes = decoded(index.codec, iter(units))
        clean = np.flatnonzero(index.clean)
        assert sizes == list(zip(index.width[clean].tolist(), index.height[clean].tolist(), strict=True))


def aiortc_units(paths: list[Path], codec: str) -> list[bytes]:
    """The frames of an undisturbed track as aiortc puts them together."""
    parse = VpxPayloadDescriptor.parse if codec == "vp8" else H264PayloadDescriptor.parse
    media = [p for path in paths for p in read_segment(path)[1] if p.payload]
    return [b"".join(parse(p.payload)[1] for p in same) for _, same in groupby(media, key=lambda p: p.timestamp)]


@pytest.mark.recordings
@pytest.mark.parametrize(("name", "codec"), [("kickoff", "vp8"), ("codecs", "vp8"), ("codecs", "h264")])
def test_aiortc_puts_the_same_frames_together(name: str, codec: str) -> None:
    recording = opened(name)
    for track in (t for t in recording.manifest.tracks if t.codec == codec):
        index = build_index(recording, track)
        paths = [recording_dir(name) / "tracks" / s.file_name for s in index.segments]
        units = list(read_units(recording.store, recording.keys, index, 0, len(index) - 1))
        assert [u.data for u in units] == aiortc_units(paths, codec)
