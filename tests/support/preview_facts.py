"""A small meeting understood from indexes made by hand, for tests of what previews plan: no media is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compositing.facts import MeetingFacts, PeerFacts, ShapeSpan
from compositing.times import Span
from farm.prepare import Prepared
from renderer.meeting import Meeting, MeetingTrack
from renderer.track_index import TrackIndex
from storage.objects import StoreSpec
from storage.recordings import Recording, open_recording
from tests.support import meetings
from tests.support.indexes import audio_index, track_ref, video_index

DURATION_MS = 24_000
Shapes = tuple[tuple[int, int, int, int], ...]
"""(start_ms, end_ms, w, h)."""


def empty_recording(base: Path) -> Recording:
    """A recording that nobody was in, to hang a meeting on."""
    truth = meetings.write_meeting(meetings.Meeting(()), base)
    return open_recording(StoreSpec(str(truth.base)), truth.meeting.room_id, truth.meeting.recording_id)


def camera(keys_every_ms: int = 1000, end_ms: int = DURATION_MS, **columns: Any) -> TrackIndex:
    """A camera of 10 pictures a second, from the start on."""
    times = list(range(0, end_ms, 100))
    keys = [row for row, t in enumerate(times) if t % keys_every_ms == 0]
    return video_index(times, keys=keys, track_id="ada-video-1", **columns)


def microphone(end_ms: int = DURATION_MS, track_id: str = "ada-audio-1") -> TrackIndex:
    return audio_index(list(range(0, end_ms, 20)), track_id=track_id)


def understood(
    recording: Recording,
    indexes: Mapping[str, TrackIndex],
    *,
    duration_ms: int = DURATION_MS,
    shapes: Shapes = ((0, DURATION_MS, 640, 360),),
    screen: Shapes = (),
) -> Prepared:
    """A meeting of Ada with these tracks, by track id; `shapes` are what her camera shows when."""
    tracks = tuple(
        MeetingTrack(track_ref(name, name.split("-")[1]), index, Span(0, duration_ms))  # type: ignore[arg-type]
        for name, index in indexes.items()
    )
    here = (Span(0, duration_ms),)
    ada = PeerFacts("ada", "Ada", here, _shapes(shapes), _shapes(screen), (), True)
    meeting = Meeting(recording.manifest, MeetingFacts(duration_ms, (ada,)), tracks, ())
    keys = {name: f"index/{name}" for name in indexes}
    return Prepared(recording, meeting, dict(indexes), keys, 0)


def with_other_bytes(index: TrackIndex, row: int) -> np.ndarray:
    """The digests of a track, but for one row."""
    digests = index.digest.copy()
    digests[row] += np.uint64(7)
    return digests


def _shapes(shapes: Shapes) -> tuple[ShapeSpan, ...]:
    return tuple(ShapeSpan(*shape) for shape in shapes)
