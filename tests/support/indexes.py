"""Small track indexes and manifests built by hand, for tests of what is arithmetic on them.

No packets, no files: the columns say all. Times are recording time in ms unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from renderer.rtp.clock import ClockFit
from renderer.track_index import TrackIndex, TrackStats
from storage.manifest import Manifest, Participant, TimelineEvent, TrackKind, TrackRef

NO_STATS = TrackStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)


def video_index(
    times_ms: Sequence[float],
    *,
    keys: Sequence[int] = (0,),
    lost: Sequence[int] = (),
    track_id: str = "ada-video-1",
    kind: str = "video",
    size: tuple[int, int] = (640, 360),
    **columns: Any,
) -> TrackIndex:
    """A VP8 track with pictures at `times_ms`; rows `keys` are keyframes, rows `lost` incomplete.

    `columns` replace whole columns of the index.
    """
    n = len(times_ms)
    keyframe, complete = np.isin(np.arange(n), keys), ~np.isin(np.arange(n), lost)
    clean = np.zeros(n, np.bool_)
    for row in range(n):
        clean[row] = complete[row] and (keyframe[row] or (row > 0 and clean[row - 1]))
    time_us = np.array([round(t * 1000) for t in times_ms], np.int64)
    index = _index(track_id, kind, "vp8", 90_000, time_us)
    return replace(
        index,
        keyframe=keyframe,
        complete=complete,
        clean=clean,
        width=np.full(n, size[0], np.uint16),
        height=np.full(n, size[1], np.uint16),
        **columns,
    )


def audio_index(
    times_ms: Sequence[float], levels: Sequence[int] | None = None, *, track_id: str = "ada-audio-1", **columns: Any
) -> TrackIndex:
    """An Opus track with packets at `times_ms`; without `levels` nothing is known of its loudness."""
    time_us = np.array([round(t * 1000) for t in times_ms], np.int64)
    told = np.full(len(time_us), 255) if levels is None else np.array(levels)
    return replace(
        _index(track_id, "audio", "opus", 48_000, time_us), audio_level=told.astype(np.uint8), **columns
    )


def _index(track_id: str, kind: str, codec: str, clock_rate: int, time_us: np.ndarray) -> TrackIndex:
    n = len(time_us)
    ticks = time_us * (clock_rate // 1000) // 1000
    rows = np.arange(n, dtype=np.int64)
    ends = ticks[[0, -1]] if n else ticks
    knots = np.unique(ends)
    return TrackIndex(
        track_id=track_id,
        kind=kind,
        codec=codec,
        ssrc=1,
        payload_type=96,
        clock_rate=clock_rate,
        time_us=time_us,
        ticks=ticks,
        start=rows * 100,
        end=rows * 100 + 100,
        first_seq=rows,
        last_seq=rows,
        keyframe=np.ones(n, np.bool_),
        complete=np.ones(n, np.bool_),
        gap_before=np.zeros(n, np.bool_),
        clean=np.ones(n, np.bool_),
        width=np.zeros(n, np.uint16),
        height=np.zeros(n, np.uint16),
        rotation=np.zeros(n, np.uint16),
        digest=rows.astype(np.uint64) + np.uint64(1000),
        audio_level=np.full(n, 255, np.uint8),
        samples=np.full(n, 960 if kind == "audio" else 0, np.int32),
        segments=(),
        segment_starts=np.zeros(0, np.int64),
        clock=ClockFit(clock_rate, knots, knots * 1000.0 / clock_rate, np.zeros(min(n, 1), np.int64)),
        notices=(),
        stats=NO_STATS,
    )


def track_ref(track_id: str, kind: TrackKind = "video", *, end_ms: float | None = None) -> TrackRef:
    """The manifest's entry of a track `{peer}-{kind}-{producer}`."""
    peer_id, _, producer = track_id.split("-")
    return TrackRef(track_id, producer, peer_id, kind, "vp8", 1, 96, 0.0, end_ms, ())


def event(t_ms: float, kind: str, **data: Any) -> TimelineEvent:
    return TimelineEvent(t_ms, kind, data)


def manifest(
    tracks: Sequence[TrackRef] = (),
    participants: Sequence[Participant] = (),
    events: Sequence[TimelineEvent] = (),
    *,
    duration_ms: float | None = 60_000.0,
    finished: bool = True,
) -> Manifest:
    """A recording of a minute, unless told otherwise."""
    return Manifest(
        recording_id="3f2c9a54-0000-4000-8000-000000000001",
        room_id="room-1",
        zero_unix_ms=1_773_307_804_217.0,
        duration_ms=duration_ms,
        finished=finished,
        status="completed" if finished else "recording",
        participants=tuple(participants),
        tracks=tuple(tracks),
        events=tuple(sorted(events, key=lambda e: e.t_ms)),
        policy=None,
        notices=(),
    )
