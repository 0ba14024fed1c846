"""What travels between the planner and the workers: it pickles, comes back equal, and is small."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from compositing.state import CompositionState
from compositing.timeline import resolve
from compositing.times import Span
from farm.plan import HeardBy, audio_chunks, video_chunks
from farm.tasks import ChunkDone, StitchSpec
from renderer.concat import StitchReport
from renderer.feeds import SeenTrack
from renderer.profiles import audio_profile, video_profile
from renderer.sampler import showable
from renderer.spec import RenderSpec, TrackInput
from storage.objects import StoreSpec
from tests.support.indexes import audio_index, video_index
from tests.support.plan_facts import FakeRasters, meeting, peer

HOUR = 3_600_000
PEERS = [f"0f3a2b1c-9d4e-4f5a-8b6c-{n:012d}" for n in range(25)]
STATE = {
    "version": 1, "recording_id": "3f2c9a54-0000-4000-8000-000000000001", "room_id": "room-1", "layout": "grid",
    "timeline": [{"t": t, "type": "pin", "peer_id": PEERS[t // 1000 % 25]} for t in range(8000, 16_000, 1000)],
    "style": {"transition_ms": 300, "corner_radius": 12},
}  # fmt: skip


def spec() -> RenderSpec:
    video, audio = video_profile("standard", "x264", 30), audio_profile("standard")
    tracks = tuple(
        TrackInput(f"{p}-{kind}-{p}", p, kind, f"rooms/room-1/x/cache/indexes/{p}/{'0' * 64}.idx", Span(0, HOUR), 0, "")  # type: ignore[arg-type]
        for p in PEERS
        for kind in ("camera", "audio")
    )
    store, canvas = StoreSpec("s3://recordings"), state().export.canvas
    return RenderSpec(store, "room-1", state().recording_id, canvas, 30, video, audio, "freeze", tracks)


def state() -> CompositionState:
    return CompositionState.model_validate_json(json.dumps(STATE))


@pytest.fixture(scope="module")
def travellers() -> dict[str, Any]:
    speech = [(t, t + 900) for t in range(0, HOUR, 1000)]
    facts = meeting(HOUR, *(peer(p, [(0, HOUR)], speech=speech) for p in PEERS))
    plan = resolve(state(), facts, FakeRasters())
    index, sound = video_index([0, 40, 80]), audio_index([0, 20, 40])
    seen = {(p, "camera"): [SeenTrack("t", index, showable(index, "freeze"), Span(0, HOUR), 0)] for p in PEERS}
    job = spec()
    (video,) = video_chunks(plan, range(240, 480), job, seen, "engine")
    (audio,) = audio_chunks(plan, range(240, 480), job, [HeardBy(p, sound, 0) for p in PEERS], "engine")
    keys = tuple(f"{n:064x}" for n in range(450))
    return {
        "spec": job,
        "video chunk": video,
        "audio chunk": audio,
        "stitch": StitchSpec(job, keys, keys, 0, 108_000, 0, 172_800_000, job.store, "processed/exports/x.mp4"),
        "done": ChunkDone(video.key, 240, 500_000, {"decode": 0.1, "draw": 0.2, "encode": 0.3}, 250, 10),
        "report": StitchReport(*range(len(StitchReport.__dataclass_fields__))),  # type: ignore[arg-type]
    }


@pytest.mark.parametrize(
    ("name", "at_most"),
    [
        ("spec", 25_000),
        ("video chunk", 50_000),
        ("audio chunk", 20_000),
        ("stitch", 100_000),
        ("done", 1000),
        ("report", 1000),
    ],
)
def test_it_travels_and_is_small(travellers: dict[str, Any], name: str, at_most: int) -> None:
    thing = travellers[name]
    packed = pickle.dumps(thing)
    assert pickle.loads(packed) == thing
    assert len(packed) < at_most


def test_a_chunk_knows_its_own_eight_seconds_only(travellers: dict[str, Any]) -> None:
    chunk = travellers["video chunk"]
    assert all(span.start_ms < 16_001 and span.end_ms > 7_999 for s in chunk.plan.speech for span in s.spans)
    assert chunk.plan.audio == ()
    assert travellers["audio chunk"].plan.scenes == ()
    assert np.ptp([s.start_ms for s in chunk.plan.scenes]) <= 8000
