"""The loop that renders previews: segments of one peer's stream, in all its renditions from one decoding.

Takes a `PreviewStream` and consecutive segment numbers; gives the bytes of each segment's files as soon as they are
done. Each segment has a fresh encoder, so its bytes depend on the stream and its number alone. A picture that did not
change is not encoded again but shown longer (see `renderer.pacing`): this is also what makes a frozen picture, a slide,
and the black of a peer who is away cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from compositing.geometry import Rect, Size, fit_picture
from compositing.picture import Picture
from compositing.scale import scale_picture, size_of, upright
from compositing.scene import SourceKind
from compositing.stills import encode_still
from compositing.times import Span
from renderer.chunk import frame_times_us
from renderer.encode import VideoEncoder, encode_aac, new_frame, open_video
from renderer.feeds import Feed, SeenTrack, feed
from renderer.fmp4 import (
    VIDEO_TIMESCALE,
    AudioInit,
    AudioRun,
    VideoInit,
    VideoRun,
    init_segment,
    media_segment,
)
from renderer.h264_bytes import annexb_to_avcc, avcc_config, parameter_sets
from renderer.pacing import brisk, context, hold_frames
from renderer.player import Player
from renderer.preview_grid import SegmentGrid
from renderer.preview_sound import PeerSound
from renderer.profiles import AudioProfile, VideoProfile
from renderer.sampler import NOTHING, tolerance_us
from renderer.spec import RenderSpec
from renderer.stopwatch import Clock, Stopwatch
from renderer.workbench import Workbench

STILL_WIDTH = 160
"""Pixels across of the small stills that a timeline shows."""
_BLACK = (16, 128, 128)
DrawnRun = tuple[Sequence[bytes], Sequence[int]]
"""The coded pictures of a segment, and the ticks for which each is shown."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One stream of files. Without `size` it has no pictures, without `audio` no sound."""

    name: str
    size: Size | None
    fps: int
    """Divides the frame rate of the stream."""
    audio: bool


@dataclass(frozen=True, slots=True)
class PreviewStream:
    """What is rendered of one source of one peer; a frozen value that travels to workers."""

    render: RenderSpec
    """The store, the encoder settings, the peer's tracks; `fps` is the grid of its pictures."""
    peer_id: str
    source: SourceKind
    visible: tuple[Span, ...]
    """When there is a picture; elsewhere it is black."""
    renditions: tuple[Rendition, ...]
    segment_seconds: int
    duration_ms: int

    @property
    def grid(self) -> SegmentGrid:
        return SegmentGrid(self.segment_seconds, self.render.fps, self.duration_ms)

    def visible_frames(self, frames: range) -> NDArray[np.bool_]:
        """In which of `frames` there may be a picture; (len(frames),) bool."""
        on = np.zeros(len(frames), np.bool_)
        grid = self.render.grid
        first_ms, end_ms = 1000 * (frames.start - 1) // grid.fps, 1000 * (frames.stop + 1) // grid.fps
        for span in (s for s in self.visible if s.start_ms < end_ms and s.end_ms > first_ms):
            inside = grid.frames_in(span)
            on[max(inside.start - frames.start, 0) : max(inside.stop - frames.start, 0)] = True
        return on


    @property
    def sounds(self) -> bool:
        """Whether its pictures have to keep step with a sound."""
        return any(rendition.audio for rendition in self.renditions)

    def pacing(self, seen: Sequence[SeenTrack], number: int) -> NDArray[np.bool_]:
        """Which frames of segment `number` are encoded although nothing changed; (n,) bool. See `renderer.pacing`."""
        frames = self.grid.frames(number)
        if not self.sounds:
            return np.zeros(len(frames), np.bool_)
        around = context(frames, self.render.fps, self.grid.total_frames)
        shown = feed(seen, frame_times_us(self.render.grid, around), tolerance_us(self.render.grid))
        pictures = np.where(self.visible_frames(around), shown.track * (1 << 40) + shown.row, NOTHING)
        return brisk(pictures, self.render.fps)[frames.start - around.start :][: len(frames)]


@dataclass(frozen=True, slots=True, eq=False)
class RenderedSegment:
    """The files of one segment."""

    number: int
    files: Mapping[str, bytes]
    """By rendition."""
    still: bytes | None
    """A small JPEG of its first picture; None where it is black throughout."""
    peaks: NDArray[np.int8] | None
    """(m, 2), see `renderer.peaks`; None for a stream without sound."""
    seconds: Mapping[str, float]
    """Processor-bound time by stage: decode, draw, encode, mix; sound is made in chunks of several segments."""


@dataclass(frozen=True, slots=True, eq=False)
class _Actor:
    """The pictures of a source over consecutive frames."""

    seen: Sequence[SeenTrack]
    feed: Feed
    players: Sequence[Player]

    def picture(self, i: int) -> Picture | None:
        track = int(self.feed.track[i])
        return None if track == NOTHING else self.players[track].picture(int(self.feed.row[i]))


class PreviewRenderer:
    """Renders consecutive segments of one stream."""

    def __init__(self, bench: Workbench, stream: PreviewStream, first: int, last: int, clock: Clock) -> None:
        """`first` and `last` are segment numbers, both inclusive."""
        self._stream = stream
        self._watch = Stopwatch(clock)
        self._numbers = range(first, last + 1)
        self._frames = range(stream.grid.frames(first).start, stream.grid.frames(last).stop)
        self._visible = stream.visible_frames(self._frames)
        self._actor = _actor(bench, stream, self._frames)
        settings = stream.render.video, stream.render.fps
        self._drawers = [_Drawer(r, *settings, self._watch) for r in stream.renditions if r.size]
        self._sound = None
        if stream.sounds:
            self._sound = PeerSound(bench, stream.peer_id, stream.grid, self._numbers, self._watch)

    def render(self, on_frame: Callable[[], None] = lambda: None) -> Iterator[RenderedSegment]:
        """Each segment as it is done; `on_frame` is called after each frame and may raise to stop."""
        for number in self._numbers:
            yield self._segment(number, on_frame)

    def _segment(self, number: int, on_frame: Callable[[], None]) -> RenderedSegment:
        frames = self._stream.grid.frames(number)
        first = frames.start - self._frames.start
        shown = self._visible[first : first + len(frames)]
        afresh = self._stream.pacing(self._actor.seen, number)
        if not (shown.any() or afresh.any()):
            for _ in frames:
                on_frame()
            with self._watch.stage("encode"):
                black = {d.name: black_run(*d.settings, len(frames)) for d in self._drawers}
            return self._packed(number, black, None)
        still: bytes | None = None
        for i in range(len(frames)):
            with self._watch.stage("decode"):
                picture = self._actor.picture(first + i) if shown[i] else None
            for drawer in self._drawers:
                drawer.add(i, picture, afresh=bool(afresh[i]))
            if picture is not None and still is None:
                with self._watch.stage("encode"):
                    still = encode_still(upright(picture), "jpeg", STILL_WIDTH)
            on_frame()
        return self._packed(number, {d.name: d.finish(len(frames)) for d in self._drawers}, still)

    def _packed(self, number: int, drawn: Mapping[str, DrawnRun], still: bytes | None) -> RenderedSegment:
        tick = self._stream.grid.frames(number).start * VIDEO_TIMESCALE // self._stream.render.fps
        pictures = {name: VideoRun(tick, *run) for name, run in drawn.items()}
        sound = self._sound.segment(number) if self._sound else None
        audio = AudioRun(sound.first_frame, sound.frames) if sound else None
        files = {
            r.name: media_segment(number, pictures.get(r.name), audio if r.audio else None)
            for r in self._stream.renditions
        }
        return RenderedSegment(number, files, still, sound.peaks if sound else None, self._watch.take())


class _Drawer:
    """One rendition's pictures: drawn, and encoded where they changed."""

    def __init__(self, rendition: Rendition, profile: VideoProfile, grid_fps: int, watch: Stopwatch) -> None:
        """`grid_fps` is the frame rate of the stream, in whose frames a segment is counted."""
        assert rendition.size is not None
        self.name = rendition.name
        self.settings = rendition, profile, grid_fps
        self._size, self._profile, self._watch = rendition.size, profile, watch
        self._fps, self._grid_fps = rendition.fps, grid_fps
        self._step = grid_fps // rendition.fps
        self._hold = hold_frames(rendition.fps)
        self._frame, self._planes = new_frame(rendition.size)
        self._place: Rect | None = None
        self._encoder: VideoEncoder | None = None
        self._samples: list[bytes] = []
        self._starts: list[int] = []
        self._last: Picture | None = None

    def add(self, i: int, picture: Picture | None, *, afresh: bool) -> None:
        """Frame `i` of the segment shows `picture`; `afresh`: it is encoded even if it did not change."""
        if i % self._step:
            return
        if self._encoder is None:
            self._encoder = VideoEncoder(self._profile, self._size, self._fps)
        at = i // self._step
        held = self._starts and picture is self._last and at - self._starts[-1] < self._hold
        if held and not afresh:
            return
        if picture is not self._last or not self._starts:
            with self._watch.stage("draw"):
                self._draw(picture)
        with self._watch.stage("encode"):
            self._samples += [annexb_to_avcc(p.data) for p in self._encoder.encode(self._frame, at)]
        self._starts.append(at)
        self._last = picture

    def finish(self, length: int) -> DrawnRun:
        """The segment of `length` frames that ends here; its last picture is shown to its very end."""
        assert self._encoder is not None
        with self._watch.stage("encode"):
            samples = self._samples + [annexb_to_avcc(p.data) for p in self._encoder.finish()]
        end = length * VIDEO_TIMESCALE // self._grid_fps
        edges = [*(start * VIDEO_TIMESCALE // self._fps for start in self._starts), end]
        self._encoder, self._samples, self._starts = None, [], []
        return samples, [b - a for a, b in pairwise(edges)]

    def _draw(self, picture: Picture | None) -> None:
        if picture is None:
            self._clear()
            self._place = None
            return
        turned = upright(picture)
        part, place = fit_picture(size_of(turned), Rect(0, 0, self._size.w, self._size.h), "contain")
        if place != self._place:
            self._clear()
            self._place = place
        scale_picture(turned, part, self._planes, place)

    def _clear(self) -> None:
        for plane, value in zip(self._planes.planes, _BLACK, strict=True):
            plane[:] = value


@lru_cache(256)
def black_run(rendition: Rendition, profile: VideoProfile, grid_fps: int, length: int) -> DrawnRun:
    """A segment of `length` frames in which nothing is seen: encoded once in a process."""
    drawer = _Drawer(rendition, profile, grid_fps, Stopwatch(lambda: 0.0))   # who asks for it takes the time
    for i in range(length):
        drawer.add(i, None, afresh=False)
    return drawer.finish(length)


def _actor(bench: Workbench, stream: PreviewStream, frames: range) -> _Actor:
    grid = stream.render.grid
    around = context(frames, grid.fps, stream.grid.total_frames)
    asked = frame_times_us(grid, around)[stream.visible_frames(around)]
    tracks = bench.seen_tracks(stream.peer_id, stream.source, asked) if len(asked) else ()
    seen = [track.seen for track in tracks]
    players = [Player(t.reader, t.seen.shown, len(t.seen.index) - 1, t.seen.shows_damage) for t in tracks]
    return _Actor(seen, feed(seen, frame_times_us(grid, frames), tolerance_us(grid)), players)


@dataclass(frozen=True, slots=True)
class StreamInit:
    """The init segment of a rendition, and what a player is told of its codecs (RFC 6381)."""

    data: bytes
    codecs: str


def stream_init(rendition: Rendition, video: VideoProfile, audio: AudioProfile) -> StreamInit:
    """The init segment that all segments of a rendition share. Raises EncoderUnavailable."""
    codecs: list[str] = []
    pictures: VideoInit | None = None
    if rendition.size:
        extradata = bytes(open_video(video, rendition.size, rendition.fps).extradata or b"")
        pictures = VideoInit(avcc_config(*parameter_sets(extradata)), rendition.size)
        codecs.append("avc1." + pictures.config[1:4].hex())
    sound: AudioInit | None = None
    if rendition.audio:
        config, _ = encode_aac(np.zeros((0, 2), np.float32), audio)
        sound = AudioInit(config, audio.bit_rate)
        codecs.append("mp4a.40.2")
    return StreamInit(init_segment(pictures, sound), ",".join(codecs))
