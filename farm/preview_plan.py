"""What a preview renders: one stream per peer and per shared screen, its segments with content keys, in spans. Pure.

Takes the understood meeting and the settings; gives frozen values. The key of a segment is a digest of all that
decides its bytes, so a segment that is there under the same key need not be made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

import numpy as np

from compositing.facts import PeerFacts, ShapeSpan
from compositing.geometry import Size, even
from compositing.scene import SourceKind
from farm.compose import RenderChoices, track_inputs
from farm.prepare import Prepared
from renderer.chunk import frame_times_us
from renderer.feeds import SeenTrack, digest_feed, feed
from renderer.preview import PreviewStream, Rendition
from renderer.preview_sound import chunk_of
from renderer.profiles import AudioProfile, PreviewPreset, preview_profile
from renderer.sampler import LossPolicy, tolerance_us
from renderer.soundtrack import rows_heard
from renderer.spec import MediaKind, RenderSpec
from renderer.workbench import seen_track

SegmentSeconds = Literal[2, 4]

FPS = 30
LOW_FPS = 15
_LARGEST: dict[tuple[PreviewPreset, SourceKind], Size] = {
    ("standard", "camera"): Size(1280, 720),
    ("standard", "screenshare"): Size(1920, 1080),
    ("low", "camera"): Size(640, 360),
    ("low", "screenshare"): Size(1280, 720),
}
"""The largest frame, lying or standing: more than that no browser shows of nine peers at once."""
_NO_CAMERA = Size(320, 180)
"""The black frame of a peer who never had a camera."""
_BIT_RATE = 96_000
MAX_SPAN_SECONDS = 96
"""A span is at most so long, so that progress, retries and scheduling have something to hold on to."""
MIN_SPAN_SECONDS = 16
"""Shorter spans are not worth their lead-in."""


@dataclass(frozen=True, slots=True)
class PreviewChoices:
    """What is asked of a preview."""

    preset: PreviewPreset = "standard"
    segment_seconds: SegmentSeconds = 4
    audio: bool = False
    """Whether there is a stream of sound alone, too."""


@dataclass(frozen=True, slots=True)
class PlannedStream:
    """One stream and the content keys of its segments: `keys[k - 1]` is that of segment k."""

    stream: PreviewStream
    keys: tuple[str, ...]
    shapes: tuple[ShapeSpan, ...]


@dataclass(frozen=True, slots=True)
class PreviewSpan:
    """Segments [first, last] of a stream, rendered in one go."""

    planned: PlannedStream
    first: int
    last: int

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)


def render_choices(asked: PreviewChoices, loss: LossPolicy, max_keyframe_interval_s: float) -> RenderChoices:
    """How a preview is decoded and encoded."""
    return RenderChoices(preview_profile(asked.preset), AudioProfile(_BIT_RATE), loss, max_keyframe_interval_s)


def plan_streams(prepared: Prepared, asked: PreviewChoices, choices: RenderChoices, engine: str) -> list[PlannedStream]:
    """A stream for every peer, and for every peer's shared screen, in the order of joining; of sound alone if asked.

    Sound alone is a stream of its own: to ask for it, or not any more, makes no picture anew.
    """
    streams: list[PlannedStream] = []
    for peer in prepared.meeting.facts.peers:
        streams.append(_planned(prepared, peer, "camera", asked, choices, engine))
        if asked.audio:
            streams.append(_sound_alone(prepared, peer, asked, choices, engine))
        if prepared.meeting.tracks_of(peer.peer_id, "screenshare"):
            streams.append(_planned(prepared, peer, "screenshare", asked, choices, engine))
    return streams


def _planned(
    prepared: Prepared,
    peer: PeerFacts,
    source: SourceKind,
    asked: PreviewChoices,
    choices: RenderChoices,
    engine: str,
) -> PlannedStream:
    shapes = peer.camera if source == "camera" else peer.screenshare
    size = frame_size(shapes, _LARGEST[asked.preset, source])
    kinds: tuple[MediaKind, ...] = ("camera", "audio") if source == "camera" else ("screenshare",)
    stream = PreviewStream(
        _spec(prepared, peer, kinds, size, choices),
        peer.peer_id,
        source,
        tuple(shape.span for shape in shapes),
        renditions(source, size),
        asked.segment_seconds,
        prepared.meeting.facts.duration_ms,
    )
    return PlannedStream(stream, tuple(_keys(prepared, stream, engine)), shapes)


def _sound_alone(
    prepared: Prepared, peer: PeerFacts, asked: PreviewChoices, choices: RenderChoices, engine: str
) -> PlannedStream:
    """What a peer's microphone sends, without the pictures."""
    spec = _spec(prepared, peer, ("audio",), _NO_CAMERA, choices)
    files = (Rendition("audio", None, FPS, audio=True),)
    duration_ms = prepared.meeting.facts.duration_ms
    stream = PreviewStream(spec, peer.peer_id, "camera", (), files, asked.segment_seconds, duration_ms)
    return PlannedStream(stream, tuple(_keys(prepared, stream, engine)), ())


def renditions(source: SourceKind, size: Size) -> tuple[Rendition, ...]:
    """The files of a stream: a screen in one size without sound, a camera in two sizes with it."""
    if source == "screenshare":
        return (Rendition("video", size, FPS, audio=False),)
    low = Size(max(2, even(size.w / 2)), max(2, even(size.h / 2)))
    return Rendition("av", size, FPS, audio=True), Rendition("av_low", low, LOW_FPS, audio=True)


def frame_size(shapes: Sequence[ShapeSpan], largest: Size) -> Size:
    """The frame of a stream: its largest picture, made smaller to fit into `largest`, lying or standing."""
    if not shapes:
        return _NO_CAMERA
    shape = max(shapes, key=lambda s: s.w * s.h)
    long, short = max(shape.w, shape.h), min(shape.w, shape.h)
    scale = min(1.0, largest.w / long, largest.h / short)
    return Size(max(16, even(shape.w * scale)), max(16, even(shape.h * scale)))


def _spec(
    prepared: Prepared,
    peer: PeerFacts,
    kinds: Sequence[MediaKind],
    size: Size,
    choices: RenderChoices,
) -> RenderSpec:
    tracks = (t for t in track_inputs(prepared, {}, choices) if t.peer_id == peer.peer_id and t.kind in kinds)
    recording = prepared.recording
    where = (recording.spec, recording.keys.room_id, recording.keys.recording_id)
    return RenderSpec(*where, size, FPS, choices.video, choices.audio, choices.loss, tuple(tracks))


def _keys(prepared: Prepared, stream: PreviewStream, engine: str) -> Iterator[str]:
    spec = stream.render
    seen = _seen(prepared, stream)
    for k in range(1, stream.grid.count + 1):
        frames = stream.grid.frames(k)
        visible = stream.visible_frames(frames)
        times_us = frame_times_us(spec.grid, frames)[visible]
        sha = hashlib.sha256(f"preview {engine} {spec.video} {spec.audio} {frames} {stream.renditions}".encode())
        sha.update(np.packbits(visible).tobytes() + np.packbits(stream.pacing(seen, k)).tobytes())
        sha.update(digest_feed(seen, feed(seen, times_us, tolerance_us(spec.grid))))
        sha.update(_sound_digest(prepared, stream, k))
        yield sha.hexdigest()


def _seen(prepared: Prepared, stream: PreviewStream) -> list[SeenTrack]:
    tracks = (t for t in stream.render.tracks if t.kind == stream.source)
    return [seen_track(t, prepared.indexes[t.track_id], stream.render) for t in tracks]


def _sound_digest(prepared: Prepared, stream: PreviewStream, k: int) -> bytes:
    sha = hashlib.sha256()
    for track in stream.render.tracks:
        if track.kind == "audio":
            index = prepared.indexes[track.track_id]
            first, end = rows_heard(index, track.nudge_us, chunk_of(stream.grid, k))
            sha.update(f"{end - first};".encode())
            sha.update(index.digest[first:end].tobytes() + index.time_us[first:end].tobytes())
    return sha.digest()


def cut_spans(missing: Sequence[tuple[PlannedStream, Sequence[int]]], workers: int) -> list[PreviewSpan]:
    """The segments that are missing of each stream (rising numbers), in spans, in the order to render them.

    The first segment of every stream goes before all others, so that everything can soon be played; then all streams
    grow together. Spans are as few as keep all workers busy: each costs the decoding from the keyframe before it. Those
    that are begun last are short, so that no worker is long without work while another ends.
    """
    runs = [(planned, run) for planned, numbers in missing for run in _runs(numbers)]
    total_s = sum(len(run) * planned.stream.segment_seconds for planned, run in runs)
    share_s = min(MAX_SPAN_SECONDS, max(MIN_SPAN_SECONDS, total_s / (3 * workers)))
    spans = sorted((span for planned, run in runs for span in _cut(planned, run, share_s)), key=_first)
    last = [piece for span in spans[-workers:] for piece in _cut(span.planned, span.numbers, MIN_SPAN_SECONDS)]
    return sorted([*spans[:-workers], *last], key=_first)


def _first(span: PreviewSpan) -> int:
    return span.first


def _runs(numbers: Iterable[int]) -> Iterator[list[int]]:
    """`numbers` in runs without a hole; the first segment of a recording is a run of its own."""
    for _, run in groupby(enumerate(numbers), key=lambda item: (item[1] == 1, item[1] - item[0])):
        yield [number for _, number in run]


def _cut(planned: PlannedStream, run: Sequence[int], share_s: float) -> Iterator[PreviewSpan]:
    pieces = max(1, min(len(run), round(len(run) * planned.stream.segment_seconds / share_s)))
    bounds = [i * len(run) // pieces for i in range(pieces + 1)]
    return (PreviewSpan(planned, run[a], run[b - 1]) for a, b in pairwise(bounds))
