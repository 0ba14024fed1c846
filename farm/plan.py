"""What an export renders: chunks with content-addressed keys, cut into spans for the workers. Pure.

Takes the understood meeting, the resolved composition and the profiles; gives frozen values. A chunk is a fixed
piece of recording time (8 s) and what is cached; a span is a run of consecutive missing chunks and what one task
renders. Knows no Dask, no store and no media.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from compositing.plan_json import canonical_plan
from compositing.scene import Plan
from compositing.timeline import clip_plan
from compositing.times import FrameGrid, Span
from renderer.chunk import cast, frame_times_us
from renderer.encode import AAC_FRAME
from renderer.feeds import SeenTrack, digest_feed, feed
from renderer.index import TrackIndex
from renderer.profiles import AudioProfile
from renderer.sampler import tolerance_us
from renderer.soundtrack import AAC_FRAMES_PER_CHUNK, CHUNK_SECONDS, rows_heard, window_span
from renderer.spec import AudioChunk, RenderSpec, VideoChunk

MAX_CHUNKS_PER_SPAN = 12
"""A span is at most so long (96 s), so that progress, retries and scheduling have something to hold on to."""

SeenBy = Mapping[tuple[str, str], Sequence[SeenTrack]]
"""The video tracks of each (peer, source)."""


@dataclass(frozen=True, slots=True, eq=False)
class HeardBy:
    """One audio track as the planner sees it."""

    peer_id: str
    index: TrackIndex
    nudge_us: int


def video_chunks(
    plan: Plan, frames: range, spec: RenderSpec, seen: SeenBy, engine: str
) -> tuple[VideoChunk, ...]:
    """The chunks of the picture over `frames`, in order, cut at multiples of 8 s of recording time."""
    per_chunk = CHUNK_SECONDS * spec.fps
    starts = range(frames.start - frames.start % per_chunk, frames.stop, per_chunk)
    return tuple(
        _video_chunk(plan, spec, seen, engine, range(max(s, frames.start), min(s + per_chunk, frames.stop)))
        for s in starts
    )


def _video_chunk(plan: Plan, spec: RenderSpec, seen: SeenBy, engine: str, frames: range) -> VideoChunk:
    clipped = replace(clip_plan(plan, _span_of(spec.grid, frames)), audio=(), nudge_ms=())
    sha = hashlib.sha256(f"video {engine} {frames.start} {frames.stop} {spec.video} {spec.decode}".encode())
    sha.update(canonical_plan(clipped))
    times = frame_times_us(spec.grid, frames)
    for member, visible in sorted(cast(clipped, spec.grid, frames).items()):
        tracks = seen.get(member, ())
        sha.update(digest_feed(tracks, feed(tracks, times[visible], tolerance_us(spec.grid))))
        sha.update(np.packbits(visible).tobytes())
    return VideoChunk(sha.hexdigest(), clipped, frames.start, frames.stop)


def _span_of(grid: FrameGrid, frames: range) -> Span:
    """The recording time of `frames` in milliseconds, rounded outward."""
    return Span(frames.start * 1000 // grid.fps, -(-frames.stop * 1000 // grid.fps))


def audio_chunks(
    plan: Plan, frames: range, spec: RenderSpec, heard: Iterable[HeardBy], engine: str, gain_db: float = 0.0
) -> tuple[AudioChunk, ...]:
    """The chunks of the sound under `frames`, the AAC frame before the first included."""
    tracks = tuple(heard)
    first_aac = max(0, spec.grid.first_sample(frames.start) // AAC_FRAME)
    end_aac = -(-spec.grid.first_sample(frames.stop) // AAC_FRAME)
    numbers = range(first_aac // AAC_FRAMES_PER_CHUNK, -(-end_aac // AAC_FRAMES_PER_CHUNK))
    return tuple(_audio_chunk(plan, n, tracks, spec.audio, engine, gain_db) for n in numbers)


def _audio_chunk(
    plan: Plan, number: int, tracks: Sequence[HeardBy], profile: AudioProfile, engine: str, gain_db: float
) -> AudioChunk:
    clipped = replace(clip_plan(plan, window_span(number)), scenes=(), speech=(), nudge_ms=())
    sha = hashlib.sha256(f"audio {engine} {number} {profile} {gain_db!r} {clipped.audio}".encode())
    audible = {a.peer_id for a in clipped.audio if a.spans}
    for track in tracks:
        if track.peer_id in audible:
            first, end = rows_heard(track.index, track.nudge_us, number)
            sha.update(f"{track.peer_id} {track.nudge_us} {end - first};".encode())
            sha.update(track.index.digest[first:end].tobytes() + track.index.time_us[first:end].tobytes())
    return AudioChunk(sha.hexdigest(), clipped, number, gain_db)


def cut_spans(missing: Sequence[VideoChunk], workers: int) -> tuple[tuple[VideoChunk, ...], ...]:
    """Runs of consecutive chunks, of about equal length: as few as keep all workers busy to the end.

    Every span costs its lead-in (decoding from the keyframe before it), so there are no more than needed: at
    least one for each worker while there are chunks, a multiple of the workers beyond, and none longer than
    `MAX_CHUNKS_PER_SPAN`.
    """
    count = max(min(workers, len(missing)), -(-len(missing) // MAX_CHUNKS_PER_SPAN))
    if count > workers:
        count = -(-count // workers) * workers
    runs = _runs(missing)
    pieces = _shares([len(run) for run in runs], count)
    return tuple(span for run, n in zip(runs, pieces, strict=True) for span in _cut(run, n))


def _runs(chunks: Sequence[VideoChunk]) -> list[list[VideoChunk]]:
    """The chunks in runs without a hole."""
    runs: list[list[VideoChunk]] = []
    for chunk in chunks:
        if not runs or runs[-1][-1].end_frame != chunk.first_frame:
            runs.append([])
        runs[-1].append(chunk)
    return runs


def _shares(lengths: Sequence[int], count: int) -> list[int]:
    """Into how many pieces each run is cut: `count` in all, where there are so many chunks, or what the limit
    asks for. The run with the longest pieces is cut once more, again and again."""
    pieces = [1] * len(lengths)
    longest = [(-float(length), i) for i, length in enumerate(lengths)]
    heapq.heapify(longest)
    while longest and -longest[0][0] > 1 and (sum(pieces) < count or -longest[0][0] > MAX_CHUNKS_PER_SPAN):
        _, i = longest[0]
        pieces[i] += 1
        heapq.heapreplace(longest, (-(lengths[i] / pieces[i]), i))
    return pieces


def _cut(run: Sequence[VideoChunk], pieces: int) -> Iterator[tuple[VideoChunk, ...]]:
    bounds = [i * len(run) // pieces for i in range(pieces + 1)]
    return (tuple(run[a:b]) for a, b in pairwise(bounds))


def cut_audio(missing: Sequence[AudioChunk], workers: int) -> tuple[tuple[AudioChunk, ...], ...]:
    """The sound's chunks in tasks: enough for all workers, few enough to be worth their start."""
    size = max(1, min(MAX_CHUNKS_PER_SPAN, -(-len(missing) // workers)))
    return tuple(tuple(missing[i : i + size]) for i in range(0, len(missing), size))
