"""A growing stream lists what is stored without a hole, only ever appends, and is told when somebody may ask."""

from __future__ import annotations

from itertools import pairwise

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.events import ChunkStored, TaskDone, TaskProgress, TaskStarted
from farm.preview_growth import GrowingStream, is_whole, stored_segments
from farm.preview_plan import PlannedStream, PreviewChoices, PreviewSpan
from farm.preview_records import SegmentRecord
from storage.keys import PreviewKeys
from tests.support.preview_facts import empty_recording, understood
from tests.support.preview_streams import planned

COUNT = 12
ZERO_MS = 1_773_307_804_217.0


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> PlannedStream:
    """Twelve segments of 4 s, the last one of 2.5 s."""
    prepared = understood(empty_recording(tmp_path_factory.mktemp("r")), {}, duration_ms=46_500, shapes=())
    return planned(prepared, PreviewChoices())["ada", "camera"]


def growing(camera: PlannedStream, *there: int) -> GrowingStream:
    files = {r.name: PreviewKeys("").stream("ada", "camera", r.name) for r in camera.stream.renditions}
    return GrowingStream(camera, files, {k: SegmentRecord(k, "", (1, 1), b"") for k in there})


def listed(stream: GrowingStream, now_s: float = 0.0) -> list[int]:
    """The segments in the playlists, which are the same in each rendition."""
    texts = stream.playlists(ZERO_MS, now_s)
    assert list(texts) == ["peers/ada/av.m3u8", "peers/ada/av_low.m3u8"]
    numbers = [[int(s.uri[-8:-4]) for s in m3u8.loads(text).segments] for text in texts.values()]
    assert numbers[0] == numbers[1]
    return numbers[0]


@given(st.lists(st.integers(1, COUNT), max_size=40), st.sets(st.integers(1, COUNT)))
def test_what_is_listed_is_stored_and_has_no_hole(
    camera: PlannedStream, order: list[int], before: set[int]
) -> None:
    stream, there = growing(camera, *before), set(before)
    texts = [stream.playlists(ZERO_MS, 0.0)["peers/ada/av.m3u8"]]
    for number in order:
        stream.grow([number])
        there.add(number)
        assert listed(stream) == list(range(1, min(set(range(1, COUNT + 2)) - there)))
        assert stream.missing == sorted(set(range(1, COUNT + 1)) - there)
        texts.append(stream.playlists(ZERO_MS, 0.0)["peers/ada/av.m3u8"])
    assert all(after.startswith(earlier) for earlier, after in pairwise(texts))
    assert ("#EXT-X-ENDLIST" in texts[-1]) == stream.is_complete == (len(there) == COUNT)


def test_the_last_segment_is_as_long_as_what_is_left(camera: PlannedStream) -> None:
    told = m3u8.loads(growing(camera, *range(1, COUNT + 1)).playlists(ZERO_MS, 0.0)["peers/ada/av.m3u8"])
    assert [s.duration for s in told.segments] == [4.0] * 11 + [2.5]


def test_it_is_told_at_once_when_it_becomes_playable_and_complete_and_else_now_and_then(camera: PlannedStream) -> None:
    stream = growing(camera)
    assert listed(stream, 0.0) == []
    assert not stream.is_due(100.0)
    stream.grow([2, 3])
    assert not stream.is_due(100.0)
    stream.grow([1])
    assert stream.is_due(0.1)
    assert listed(stream, 0.1) == [1, 2, 3]
    stream.grow([4])
    assert not stream.is_due(4.0)
    assert stream.is_due(4.2)
    stream.grow(range(5, COUNT + 1))
    assert stream.is_due(0.2)
    assert len(listed(stream, 0.2)) == COUNT
    assert not stream.is_due(1000.0)


def test_the_last_segments_of_a_span_do_not_wait_for_the_next_span(camera: PlannedStream) -> None:
    stream = growing(camera, 1)
    assert listed(stream, 0.0) == [1]
    stream.grow([2])
    assert not stream.is_due(0.1)
    assert stream.is_due(0.1, span_ended=True)
    assert listed(stream, 0.1) == [1, 2]
    assert not stream.is_due(0.1, span_ended=True)


# ---- what a task tells -------------------------------------------------------------------------------------


def progress(done: int) -> TaskProgress:
    return TaskProgress(key="t", name="preview", done=done, total=600, unit="frames")


@pytest.mark.parametrize(
    ("done", "stored"),
    [(0, []), (1, []), (120, []), (121, [3]), (240, [3]), (241, [3, 4]), (600, [3, 4, 5, 6])],
)
def test_a_segment_is_stored_once_a_frame_after_it_was_drawn(
    camera: PlannedStream, done: int, stored: list[int]
) -> None:
    """All frames of the last segment are drawn before it is encoded to its end and put."""
    assert list(stored_segments(PreviewSpan(camera, 3, 7), progress(done))) == stored


def test_a_segment_that_tells_of_itself_is_stored_with_all_before_it(camera: PlannedStream) -> None:
    told = ChunkStored(
        key="t", name="preview", worker="w", chunk=camera.keys[4], kind="segment", bytes=1, seconds={}
    )
    assert list(stored_segments(PreviewSpan(camera, 3, 7), told)) == [3, 4, 5]


def test_a_task_that_has_returned_has_stored_all(camera: PlannedStream) -> None:
    span = PreviewSpan(camera, 3, 7)
    done = TaskDone(key="t", name="preview", worker="w", seconds=1.0)
    assert list(stored_segments(span, done)) == [3, 4, 5, 6, 7]
    assert list(stored_segments(span, TaskStarted(key="t", name="preview", worker="w"))) == []


# ---- what is found -----------------------------------------------------------------------------------------

GOOD = SegmentRecord(3, "key", (10, 20), bytes(160))


@pytest.mark.parametrize(
    ("record", "sizes", "whole"),
    [
        (GOOD, [10, 20], True),
        (SegmentRecord(3, "other", (10, 20), bytes(160)), [10, 20], False),
        (GOOD, [10, None], False),
        (GOOD, [10, 0], False),
        (GOOD, [10], False),
        (SegmentRecord(3, "key", (10, 20), bytes(158)), [10, 20], False),
        (SegmentRecord(3, "key", (10, 20), b""), [10, 20], False),
        (SegmentRecord(12, "key", (10, 20), bytes(100)), [10, 20], True),
    ],
)
def test_a_segment_counts_if_its_key_its_files_and_its_waveform_are_right(
    camera: PlannedStream, record: SegmentRecord, sizes: list[int | None], whole: bool
) -> None:
    assert is_whole(record, "key", camera, sizes) == whole
