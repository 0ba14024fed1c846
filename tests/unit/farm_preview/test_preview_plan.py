"""The key of a segment changes exactly when something that decides its bytes does; what is missing is covered once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.facts import ShapeSpan
from compositing.geometry import Size
from farm.preview_growth import Who
from farm.preview_plan import (
    MAX_SPAN_SECONDS,
    PlannedStream,
    PreviewChoices,
    PreviewSpan,
    cut_spans,
    frame_size,
    renditions,
)
from renderer.track_index import TrackIndex
from storage.recordings import Recording
from tests.support.preview_facts import (
    DURATION_MS,
    Shapes,
    camera,
    empty_recording,
    microphone,
    understood,
    with_other_bytes,
)
from tests.support.preview_streams import planned

FOUR = PreviewChoices(segment_seconds=4)
ALL = {1, 2, 3, 4, 5, 6}
WHOLE: Shapes = ((0, DURATION_MS, 640, 360),)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return empty_recording(tmp_path_factory.mktemp("recording"))


def keys(
    recording: Recording,
    video: TrackIndex | None = None,
    audio: TrackIndex | None = None,
    *,
    shapes: Shapes = WHOLE,
    duration_ms: int = DURATION_MS,
    asked: PreviewChoices = FOUR,
    engine: str = "engine",
) -> tuple[str, ...]:
    indexes = {"ada-video-1": video or camera(), "ada-audio-1": audio or microphone()}
    prepared = understood(recording, indexes, duration_ms=duration_ms, shapes=shapes)
    return planned(prepared, asked, engine)["ada", "camera"].keys


def changed(before: tuple[str, ...], after: tuple[str, ...]) -> set[int]:
    """The numbers of the segments whose keys differ, of those that both have."""
    return {k for k, (a, b) in enumerate(zip(before, after, strict=False), 1) if a != b}


@pytest.fixture(scope="module")
def usual(recording: Recording) -> tuple[str, ...]:
    return keys(recording)


def test_keys_are_the_same_every_time_and_all_different(recording: Recording, usual: tuple[str, ...]) -> None:
    assert keys(recording) == usual
    assert len(set(usual)) == 6


def test_a_picture_changes_the_segments_in_which_it_is_decoded(recording: Recording, usual: tuple[str, ...]) -> None:
    """Row 95 stands at 9.5 s: in segment 3, between keyframes at 9 and 10 s."""
    assert changed(usual, keys(recording, camera(digest=with_other_bytes(camera(), 95)))) == {3}


def test_a_picture_before_a_segment_counts_where_decoding_begins_before_it(recording: Recording) -> None:
    """Keyframes at 0, 6, 12 and 18 s: row 70 is decoded for segment 2, and on the way to segment 3."""
    rare = camera(keys_every_ms=6000)
    other = replace(rare, digest=with_other_bytes(rare, 70))
    assert changed(keys(recording, rare), keys(recording, other)) == {2, 3}


def test_a_picture_that_nobody_sees_does_not_matter(recording: Recording) -> None:
    """Paused from 8 to 16 s: what still arrived then is not shown, and the next keyframe is after it."""
    paused: Shapes = ((0, 8000, 640, 360), (16_000, DURATION_MS, 640, 360))
    other = camera(digest=with_other_bytes(camera(), 115))
    assert changed(keys(recording, shapes=paused), keys(recording, other, shapes=paused)) == set()


def test_a_packet_of_sound_changes_its_chunk_of_eight_seconds(recording: Recording, usual: tuple[str, ...]) -> None:
    """Packet 600 is heard at 12 s, far from the joints at 8 and 16 s."""
    other = replace(microphone(), digest=with_other_bytes(microphone(), 600))
    assert changed(usual, keys(recording, audio=other)) == {3, 4}


def test_a_packet_of_sound_at_a_joint_is_heard_on_both_sides(recording: Recording, usual: tuple[str, ...]) -> None:
    other = replace(microphone(), digest=with_other_bytes(microphone(), 400))
    assert changed(usual, keys(recording, audio=other)) == {1, 2, 3, 4}


def test_when_a_packet_is_heard_matters(recording: Recording, usual: tuple[str, ...]) -> None:
    moved = microphone().time_us.copy()
    moved[600] += 1
    assert changed(usual, keys(recording, audio=replace(microphone(), time_us=moved))) == {3, 4}


def test_a_picture_that_moves_within_its_frame_does_not_matter_one_that_leaves_it_does(
    recording: Recording, usual: tuple[str, ...]
) -> None:
    for by_us, expected in ((1000, set()), (40_000, {3})):
        moved = camera().time_us.copy()
        moved[95] += by_us
        assert changed(usual, keys(recording, camera(time_us=moved))) == expected


def test_what_is_visible_decides(recording: Recording, usual: tuple[str, ...]) -> None:
    paused: Shapes = ((0, 9000, 640, 360), (11_000, DURATION_MS, 640, 360))
    assert changed(usual, keys(recording, shapes=paused)) == {3}


def test_a_larger_shape_makes_the_whole_stream_larger(recording: Recording, usual: tuple[str, ...]) -> None:
    larger: Shapes = ((0, 20_000, 640, 360), (20_000, DURATION_MS, 1280, 720))
    assert changed(usual, keys(recording, shapes=larger)) == ALL
    smaller: Shapes = ((0, 20_000, 640, 360), (20_000, DURATION_MS, 320, 180))
    assert changed(usual, keys(recording, shapes=smaller)) == set()


@pytest.mark.parametrize("asked", [PreviewChoices("low"), PreviewChoices(segment_seconds=2)])
def test_what_is_asked_of_the_preview_decides(
    asked: PreviewChoices, recording: Recording, usual: tuple[str, ...]
) -> None:
    assert changed(usual, keys(recording, asked=asked)) == ALL


def test_sound_alone_is_a_stream_of_its_own_whose_keys_no_picture_decides(recording: Recording) -> None:
    def both(video: TrackIndex, shapes: Shapes = WHOLE) -> dict[Who, PlannedStream]:
        prepared = understood(recording, {"ada-video-1": video, "ada-audio-1": microphone()}, shapes=shapes)
        return planned(prepared, replace(FOUR, audio=True))

    found = both(camera())
    assert list(found) == [("ada", "camera"), ("ada", "audio")]
    assert found["ada", "camera"].keys == keys(recording)
    other = both(camera(digest=with_other_bytes(camera(), 0)), shapes=((0, DURATION_MS, 1280, 720),))
    assert other["ada", "camera"].keys != found["ada", "camera"].keys
    assert other["ada", "audio"].keys == found["ada", "audio"].keys


def test_another_build_reuses_nothing(recording: Recording, usual: tuple[str, ...]) -> None:
    assert changed(usual, keys(recording, engine="other")) == ALL


def test_a_recording_that_grew_changes_its_last_segments_only(recording: Recording) -> None:
    """At 18.5 s it was in the middle of segment 5, and of a chunk of sound that both 5 and 6 lie in."""
    early = keys(
        recording, camera(end_ms=18_500), microphone(18_500), duration_ms=18_500, shapes=((0, 18_500, 640, 360),)
    )
    assert len(early) == 5
    assert changed(early, keys(recording)) == {5}


def test_a_track_that_comes_later_leaves_what_was_before(recording: Recording, usual: tuple[str, ...]) -> None:
    """A microphone that is plugged in at 20 s."""
    late = microphone(track_id="ada-audio-2")
    rows = slice(1000, 1200)
    cut = replace(late, **{name: getattr(late, name)[rows] for name in ("time_us", "digest", "ticks")})
    indexes = {"ada-video-1": camera(), "ada-audio-1": microphone(), "ada-audio-2": cut}
    after = planned(understood(recording, indexes), FOUR)["ada", "camera"].keys
    assert {5, 6} <= changed(usual, after)


# ---- frames ------------------------------------------------------------------------------------------------

LARGEST = Size(1280, 720)


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ([], (320, 180)),
        ([(640, 360)], (640, 360)),
        ([(640, 360), (1280, 720), (320, 180)], (1280, 720)),
        ([(1920, 1080)], (1280, 720)),
        ([(1080, 1920)], (720, 1280)),
        ([(640, 480)], (640, 480)),
        ([(1600, 1200)], (960, 720)),
        ([(3840, 400)], (1280, 134)),
        ([(853, 479)], (854, 480)),
        ([(2, 2)], (16, 16)),
        ([(4096, 16)], (1280, 16)),
    ],
)
def test_the_frame_is_that_of_the_largest_shape_within_what_is_sensible(
    shapes: list[tuple[int, int]], size: tuple[int, int]
) -> None:
    found = frame_size([ShapeSpan(0, 1000, w, h) for w, h in shapes], LARGEST)
    assert (found.w, found.h) == size


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), min_size=1, max_size=4))
def test_frames_are_even_and_no_larger_than_allowed(shapes: list[tuple[int, int]]) -> None:
    size = frame_size([ShapeSpan(0, 1000, w, h) for w, h in shapes], LARGEST)
    assert size.w % 2 == size.h % 2 == 0
    assert max(size.w, size.h) <= 1280
    assert min(size.w, size.h) <= 720
    low = renditions("camera", size)[1].size
    assert low is not None
    assert low.w % 2 == low.h % 2 == 0
    assert abs(low.w - size.w / 2) <= 1
    assert abs(low.h - size.h / 2) <= 1


# ---- spans -------------------------------------------------------------------------------------------------


def stream(recording: Recording, minutes: float, seconds: int) -> PlannedStream:
    duration_ms = round(minutes * 60_000)
    prepared = understood(recording, {}, duration_ms=duration_ms, shapes=())
    return planned(prepared, PreviewChoices(segment_seconds=seconds))["ada", "camera"]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def hours(recording: Recording) -> list[PlannedStream]:
    """Three streams of half an hour."""
    one = stream(recording, 30, 4)
    return [replace(one, stream=replace(one.stream, peer_id=f"peer-{n}")) for n in range(3)]


def covered(spans: list[PreviewSpan], peer_id: str) -> list[int]:
    return sorted(
        k for s in spans if s.planned.stream.peer_id == peer_id for k in range(s.first, s.last + 1)
    )


@given(
    missing=st.lists(st.lists(st.integers(1, 450), unique=True, max_size=450).map(sorted), min_size=1, max_size=3),
    workers=st.integers(1, 16),
)
def test_what_is_missing_is_covered_once_and_first_segments_come_first(
    hours: list[PlannedStream], missing: list[list[int]], workers: int
) -> None:
    asked = [(planned, numbers) for planned, numbers in zip(hours, missing, strict=False) if numbers]
    spans = cut_spans(asked, workers)
    for planned_stream, numbers in asked:
        assert covered(spans, planned_stream.stream.peer_id) == numbers
    assert all((s.last - s.first + 1) * 4 <= MAX_SPAN_SECONDS * 1.5 for s in spans)
    assert all(s.last == 1 for s in spans if s.first == 1)
    assert [s.first for s in spans] == sorted(s.first for s in spans)


def test_there_are_as_few_spans_as_keep_all_workers_busy(hours: list[PlannedStream]) -> None:
    """90 minutes in spans of 96 s at most: 57, and one for each first segment; the last one of each worker in six."""
    whole = [(planned, range(1, 451)) for planned in hours]
    spans = cut_spans(whole, 2)
    assert len(spans) == 3 + 55 + 2 * 6
    assert [len(span.numbers) * 4 for span in spans[-12:]] == [16] * 12
    assert len(cut_spans(whole[:1], 64)) < 1800 / 16 + 2


def test_all_streams_grow_together(hours: list[PlannedStream]) -> None:
    spans = cut_spans([(planned, range(1, 451)) for planned in hours], 2)
    begun = {p.stream.peer_id: 0 for p in hours}
    for span in spans:
        begun[span.planned.stream.peer_id] = span.first
        assert max(begun.values()) - min(begun.values()) <= MAX_SPAN_SECONDS / 4 + 1 or min(begun.values()) == 0


def test_spans_of_one_stream_do_not_overlap(hours: list[PlannedStream]) -> None:
    mine = cut_spans([(hours[0], range(1, 451))], 4)
    assert all(a.last + 1 == b.first for a, b in pairwise(mine))


def test_a_plan_of_nothing_is_nothing() -> None:
    assert cut_spans([], 2) == []


def test_visible_frames_are_those_of_the_spans(recording: Recording) -> None:
    prepared = understood(recording, {}, shapes=((1000, 2000, 64, 64), (20_000, DURATION_MS, 64, 64)))
    found = planned(prepared, FOUR)["ada", "camera"].stream.visible_frames(range(15, 80))
    assert np.flatnonzero(found).tolist() == [*range(15, 45)]
    assert not planned(prepared, FOUR)["ada", "camera"].stream.visible_frames(range(70, 90)).any()


