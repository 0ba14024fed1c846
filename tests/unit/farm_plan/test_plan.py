"""Chunks, their keys, and how they are cut into tasks."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.scene import Plan
from compositing.state import CompositionState
from compositing.timeline import resolve
from compositing.times import Span
from farm.plan import MAX_CHUNKS_PER_SPAN, HeardBy, SeenBy, audio_chunks, cut_audio, cut_spans, video_chunks
from renderer.feeds import SeenTrack
from renderer.index import TrackIndex
from renderer.profiles import audio_profile, video_profile
from renderer.sampler import showable
from renderer.spec import AudioChunk, RenderSpec, VideoChunk
from storage.objects import StoreSpec
from tests.support.indexes import audio_index, video_index
from tests.support.plan_facts import FakeRasters, meeting, peer

MINUTE = 60_000
FPS = 30


def spec(**changes: Any) -> RenderSpec:
    state = composition()
    made = RenderSpec(
        StoreSpec("/nowhere"), "room-1", state.recording_id, state.export.canvas, FPS,
        video_profile("standard", "x264", FPS), audio_profile("standard"), "freeze", (),
    )  # fmt: skip
    return replace(made, **changes)


def composition(timeline: list[dict[str, Any]] | None = None, **parts: Any) -> CompositionState:
    document = {
        "version": 1,
        "recording_id": "3f2c9a54-0000-4000-8000-000000000001",
        "room_id": "room-1",
        "layout": "grid",
        "timeline": timeline or [],
        "export": {"resolution": "640x360", "fps": FPS},
    }
    return CompositionState.model_validate_json(json.dumps(document | parts))


def plan_of(timeline: list[dict[str, Any]] | None = None, **parts: Any) -> Plan:
    speech = [(20_000, 22_000)]
    facts = meeting(MINUTE, peer("ada", [(0, MINUTE)], speech=speech), peer("ben", [(0, MINUTE)]))
    return resolve(composition(timeline, **parts), facts, FakeRasters())


@cache
def camera(peer_id: str) -> TrackIndex:
    return video_index(list(range(0, MINUTE, 40)), keys=range(0, 1500, 50), track_id=f"{peer_id}-video-1")


@cache
def microphone(peer_id: str) -> TrackIndex:
    return audio_index(list(range(0, MINUTE, 20)), track_id=f"{peer_id}-audio-1")


def seen(**changed: TrackIndex) -> SeenBy:
    tracks = {p: changed.get(p, camera(p)) for p in ("ada", "ben")}
    return {
        (p, "camera"): [SeenTrack(i.track_id, i, showable(i, "freeze"), Span(0, MINUTE), 0)] for p, i in tracks.items()
    }


def heard(nudge_us: int = 0, **changed: TrackIndex) -> list[HeardBy]:
    return [HeardBy(p, changed.get(p, microphone(p)), nudge_us) for p in ("ada", "ben")]


def video(
    plan: Plan | None = None, tracks: SeenBy | None = None, job: RenderSpec | None = None, engine: str = "e"
) -> list[str]:
    """Keys of the whole minute: 8 chunks."""
    chunks = video_chunks(plan or plan_of(), range(MINUTE * FPS // 1000), job or spec(), tracks or seen(), engine)
    return [chunk.key for chunk in chunks]


def audio(
    plan: Plan | None = None,
    tracks: list[HeardBy] | None = None,
    job: RenderSpec | None = None,
    engine: str = "e",
    gain_db: float = 0.0,
) -> list[str]:
    frames = range(MINUTE * FPS // 1000)
    return [c.key for c in audio_chunks(plan or plan_of(), frames, job or spec(), tracks or heard(), engine, gain_db)]


def changed(before: list[str], after: list[str]) -> list[int]:
    return [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]


ALL = list(range(8))
RECT = {"x": 0, "y": 0, "w": 0.5, "h": 0.1}

# ---- the grid --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "bounds"),
    [
        (range(1800), [(240 * n, min(240 * n + 240, 1800)) for n in range(8)]),
        (range(1), [(0, 1)]),
        (range(239, 241), [(239, 240), (240, 241)]),
        (range(240, 480), [(240, 480)]),
        (range(100, 500), [(100, 240), (240, 480), (480, 500)]),
    ],
)
def test_chunks_are_cut_on_the_grid_of_recording_time(frames: range, bounds: list[tuple[int, int]]) -> None:
    chunks = video_chunks(plan_of(), frames, spec(), seen(), "e")
    assert [(c.first_frame, c.end_frame) for c in chunks] == bounds
    for chunk in chunks:
        assert chunk.plan.start_ms * FPS <= chunk.first_frame * 1000
        assert chunk.plan.end_ms * FPS >= chunk.end_frame * 1000
    assert len({c.key for c in chunks}) == len(chunks)


@pytest.mark.parametrize(
    ("frames", "numbers"),
    [
        (range(1800), ALL),
        (range(1), [0]),
        (range(240, 480), [1]),
        (range(239, 241), [0, 1]),
        (range(479, 480), [1]),
    ],
)
def test_sound_lies_under_the_frames(frames: range, numbers: list[int]) -> None:
    chunks = audio_chunks(plan_of(), frames, spec(), heard(), "e")
    assert [c.number for c in chunks] == numbers


def test_a_chunk_in_the_middle_is_the_same_whatever_is_exported() -> None:
    part = plan_of(export={"resolution": "640x360", "fps": FPS, "start_ms": 10_000, "end_ms": 30_000})
    chunks = video_chunks(part, range(300, 900), spec(), seen(), "e")
    assert [c.key for c in chunks][1:-1] == video()[2:3]
    sounds = audio_chunks(part, range(300, 900), spec(), heard(), "e")
    assert [c.number for c in sounds] == [1, 2, 3]
    assert sounds[1].key == audio()[2]


# ---- keys ------------------------------------------------------------------------------------------------


def at_20s(kind: str, **more: Any) -> list[dict[str, Any]]:
    return [{"t": 20_000, "type": kind, **more}, {"t": 22_000, "type": f"un{kind}", **more}]


@pytest.mark.parametrize(
    ("timeline", "parts", "pictures", "sounds"),
    [
        ([], {}, [], []),
        (at_20s("mute", peer_id="ben"), {}, [], [2]),
        ([{"t": 20_000, "type": "pin", "peer_id": "ben"}, {"t": 22_000, "type": "unpin"}], {}, [2], []),
        ([{"t": 25_000, "type": "layout", "layout": "spotlight"}], {}, [3, 4, 5, 6, 7], []),
        ([{"t": 31_950, "type": "text", "text": "Hi", "rect": RECT, "duration_ms": 100}], {}, [3, 4], []),
        ([], {"tracks": [{"peer_id": "ben", "volume_db": -3.0}]}, [], ALL),
        ([], {"tracks": [{"peer_id": "ben", "label": "Benjamin"}]}, ALL, []),
        ([], {"tracks": [{"peer_id": "ben", "hidden": True}]}, ALL, []),
        ([], {"style": {"background": "#ff0000"}}, ALL, []),
        ([], {"style": {"highlight_speaker": False}}, ALL, []),
        ([], {"export": {"resolution": "1280x720", "fps": FPS}}, ALL, []),
    ],
)  # fmt: skip
def test_an_edit_changes_the_chunks_that_show_or_sound_it(
    timeline: list[dict[str, Any]], parts: dict[str, Any], pictures: list[int], sounds: list[int]
) -> None:
    edited = plan_of(timeline, **parts)
    assert changed(video(), video(edited)) == pictures
    assert changed(audio(), audio(edited)) == sounds


def test_the_build_and_the_profiles_are_in_the_keys() -> None:
    assert changed(video(), video(engine="f")) == ALL
    assert changed(audio(), audio(engine="f")) == ALL
    high = spec(video=video_profile("high", "x264", FPS), audio=audio_profile("high"))
    assert changed(video(), video(job=high)) == ALL
    assert changed(audio(), audio(job=high)) == ALL
    assert changed(audio(), audio(gain_db=1.0)) == ALL
    elsewhere = spec(store=StoreSpec("s3://bucket"), recording_id="another")
    assert (video(job=elsewhere), audio(job=elsewhere)) == (video(), audio())


def test_packets_are_in_the_keys_of_the_chunks_that_need_them() -> None:
    digests = camera("ada").digest.copy()
    digests[250] += np.uint64(1)  # the keyframe at 10 s
    assert changed(video(), video(tracks=seen(ada=replace(camera("ada"), digest=digests)))) == [1]
    digests = camera("ada").digest.copy()
    digests[350:400] += np.uint64(1)  # 14 to 16 s: the lead-in of the chunk after begins at 16 s
    assert changed(video(), video(tracks=seen(ada=replace(camera("ada"), digest=digests)))) == [1]
    digests = microphone("ada").digest.copy()
    digests[1000] += np.uint64(1)  # 20 s
    assert changed(audio(), audio(tracks=heard(ada=replace(microphone("ada"), digest=digests)))) == [2]
    digests[775] += np.uint64(1)  # 15.5 s: in the warm-up of the decoder of the chunk after
    assert changed(audio(), audio(tracks=heard(ada=replace(microphone("ada"), digest=digests)))) == [1, 2]


def test_who_is_not_heard_or_seen_does_not_count() -> None:
    apart = replace(microphone("ben"), digest=microphone("ben").digest + np.uint64(1))
    muted = plan_of(tracks=[{"peer_id": "ben", "muted": True}])
    assert audio(muted, heard(ben=apart)) == audio(muted)
    hidden = plan_of(tracks=[{"peer_id": "ben", "hidden": True}])
    other = replace(camera("ben"), digest=camera("ben").digest + np.uint64(1))
    assert video(hidden, seen(ben=other)) == video(hidden)


def test_a_nudge_of_one_leaves_scenes_without_them_alone() -> None:
    timeline = [{"t": 0, "type": "hide", "peer_id": "ben"}]
    nudged = plan_of(timeline, tracks=[{"peer_id": "ben", "nudge_ms": 40}])
    assert video(nudged) == video(plan_of(timeline))
    assert changed(audio(), audio(tracks=heard(nudge_us=40_000))) == ALL


# ---- tasks -----------------------------------------------------------------------------------------------


_PLAN = plan_of()
_CHUNKS = [VideoChunk(f"{n:064x}", _PLAN, 240 * n, 240 * n + 240) for n in range(200)]


@given(st.sets(st.integers(0, 199)), st.integers(1, 40))
def test_spans_cover_all_in_order_without_holes_and_in_balance(numbers: set[int], workers: int) -> None:
    missing = [_CHUNKS[n] for n in sorted(numbers)]
    spans = cut_spans(missing, workers)
    assert [c for span in spans for c in span] == missing
    for span in spans:
        assert 1 <= len(span) <= MAX_CHUNKS_PER_SPAN
        assert [c.first_frame for c in span[1:]] == [c.end_frame for c in span[:-1]]
    assert len(spans) >= min(workers, len(missing))
    holes = sum(b.first_frame != a.end_frame for a, b in pairwise(missing))
    limit = -(-len(missing) // MAX_CHUNKS_PER_SPAN)
    assert len(spans) <= max(workers, limit + workers - 1) + holes
    if missing and not holes:
        lengths = [len(span) for span in spans]
        assert max(lengths) - min(lengths) <= 1
        assert len(spans) <= workers or len(spans) % workers == 0 or len(spans) == len(missing)


def test_holes_do_not_leave_one_worker_with_everything() -> None:
    missing = [_CHUNKS[n] for n in (0, 2, 4, 6, 8, 10, *range(20, 68))]
    spans = cut_spans(missing, 4)
    assert max(len(span) for span in spans) <= MAX_CHUNKS_PER_SPAN
    alone = cut_spans([_CHUNKS[n] for n in (0, 2, *range(10, 20))], 4)
    assert sorted(len(span) for span in alone) == [1, 1, 5, 5]


@given(st.integers(0, 300), st.integers(1, 40))
def test_sound_is_cut_for_all_workers(count: int, workers: int) -> None:
    missing = [AudioChunk(f"{n:064x}", _PLAN, n, 0.0) for n in range(count)]
    tasks = cut_audio(missing, workers)
    assert [c for task in tasks for c in task] == missing
    assert all(1 <= len(task) <= MAX_CHUNKS_PER_SPAN for task in tasks)
    assert len(tasks) <= max(workers, -(-count // MAX_CHUNKS_PER_SPAN))
