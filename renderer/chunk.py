"""The loop that renders: a span of video chunks, frame by frame, in the order in which the river flows.

For each frame: which tiles (compositing), which pictures (players), drawn on the canvas, encoded. Players and
canvas stay open over the chunks of a span; the encoder is new for each chunk. Gives each chunk's bytes as soon
as they are done. The frame drawn depends on the spec, the chunk and the frame number alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from compositing.canvas import Canvas
from compositing.picture import Picture
from compositing.scene import Plan, SourceKind, Tile
from compositing.timeline import scene_at
from compositing.times import FrameGrid, Span
from compositing.transition import origin_of, tiles_at
from renderer.encode import CodedFrame, VideoEncoder, new_frame
from renderer.feeds import Feed, feed
from renderer.h264_bytes import annexb_to_avcc, avcc_config, parameter_sets
from renderer.player import Player
from renderer.remembered import PictureMemory
from renderer.sampler import NOTHING, tolerance_us
from renderer.samples import pack_video_chunk
from renderer.spec import RenderSpec, VideoChunk
from renderer.stopwatch import Clock
from renderer.workbench import OpenTrack, Workbench

CastMember = tuple[str, SourceKind]
"""Who a video tile shows: peer and source."""


@dataclass(slots=True)
class StageSeconds:
    """Where the time went."""

    decode: float = 0.0
    draw: float = 0.0
    encode: float = 0.0


@dataclass(frozen=True, slots=True)
class RenderedChunk:
    """One finished chunk."""

    chunk: VideoChunk
    data: bytes
    seconds: StageSeconds
    decoded: int
    """Access units decoded for it."""
    lead_in: int
    """Of these, the ones decoded only to get to its first pictures."""


def cast(plan: Plan, grid: FrameGrid, frames: range) -> dict[CastMember, NDArray[np.bool_]]:
    """Who is on the canvas, and in which of `frames`: (len(frames),) bool for each."""
    on: dict[CastMember, NDArray[np.bool_]] = {}
    for previous, scene in zip((None, *plan.scenes), plan.scenes, strict=False):
        _mark(on, scene.tiles, grid.frames_in(scene.span), frames)
        origin = origin_of(scene, previous)
        if origin and scene.transition:
            left_ms = scene.transition.duration_ms - scene.transition.elapsed_ms
            leaving = Span(scene.start_ms, min(scene.start_ms + left_ms, scene.end_ms))
            _mark(on, origin, grid.frames_in(leaving), frames)
    return on


def _mark(
    on: dict[CastMember, NDArray[np.bool_]], tiles: Sequence[Tile], visible: range, frames: range
) -> None:
    lo, hi = max(visible.start, frames.start) - frames.start, min(visible.stop, frames.stop) - frames.start
    if lo >= hi:
        return
    for tile in tiles:
        member = cast_member(tile)
        if member:
            on.setdefault(member, np.zeros(len(frames), np.bool_))[lo:hi] = True


def cast_member(tile: Tile) -> CastMember | None:
    """Whom a tile shows live; None for avatars, texts and images."""
    if tile.kind != "video" or tile.peer_id is None or tile.source is None:
        return None
    return tile.peer_id, tile.source


def frame_times_us(grid: FrameGrid, frames: range) -> NDArray[np.int64]:
    """When `frames` stand, (len(frames),) microseconds of recording time."""
    return np.arange(frames.start, frames.stop, dtype=np.int64) * 1_000_000 // grid.fps


@dataclass(frozen=True, slots=True)
class _Actor:
    """One cast member over a span: feeds by chunk, and a player for each track."""

    feeds: Mapping[str, Feed]
    players: Sequence[Player]
    tracks: Sequence[OpenTrack]
    loss: str
    pictures: PictureMemory | None

    def picture(self, chunk_key: str, i: int) -> Picture | None:
        seen = self.feeds[chunk_key]
        number, row = int(seen.track[i]), int(seen.row[i])
        if number == NOTHING:
            return None
        player, track = self.players[number], self.tracks[number]
        if self.pictures is None:
            return player.picture(row)
        name = track.seen.track_id, track.seen.intermediate, self.loss, track.base + row
        return self.pictures.picture(name, player, row)


class SpanRenderer:
    """Renders consecutive chunks of one job."""

    def __init__(self, bench: Workbench, chunks: Sequence[VideoChunk], clock: Clock) -> None:
        self._spec: RenderSpec = bench.spec
        self._grid = bench.spec.grid
        self._chunks = chunks
        self._clock = clock
        self._canvas = Canvas(bench.spec.canvas, bench.raster)
        self._frame, self._planes = new_frame(bench.spec.canvas)
        self._actors = _actors(bench, chunks, self._grid)

    def render(self, on_frame: Callable[[], None] = lambda: None) -> Iterator[RenderedChunk]:
        """Each chunk as it is done; `on_frame` is called after each frame and may raise to stop."""
        for chunk in self._chunks:
            yield self._render_chunk(chunk, on_frame)

    def warm_up(self) -> None:
        """Decodes the tiles' first pictures side by side: for a single frame, the lead-ins are all there is."""
        chunk = self._chunks[0]
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda actor: actor.picture(chunk.key, 0), self._actors.values()):
                pass

    def frames(self) -> Iterator[Picture]:
        """The canvas of each frame, one after another, before encoding. The picture is drawn over by the next."""
        seconds = StageSeconds()
        for chunk in self._chunks:
            for n in range(chunk.first_frame, chunk.end_frame):
                self._draw(chunk, n, seconds)
                yield self._planes

    def _render_chunk(self, chunk: VideoChunk, on_frame: Callable[[], None]) -> RenderedChunk:
        seconds = StageSeconds()
        before = self._counts()
        encoder = VideoEncoder(self._spec.video, self._spec.canvas, self._spec.fps)
        packets: list[CodedFrame] = []
        for n in range(chunk.first_frame, chunk.end_frame):
            self._draw(chunk, n, seconds)
            began = self._clock()
            packets.extend(encoder.encode(self._frame))
            seconds.encode += self._clock() - began
            on_frame()
        began = self._clock()
        packets.extend(encoder.finish())
        seconds.encode += self._clock() - began
        after = self._counts()
        data = pack_video(self._spec, chunk, encoder.extradata, packets)
        return RenderedChunk(chunk, data, seconds, after[0] - before[0], after[1] - before[1])

    def _draw(self, chunk: VideoChunk, n: int, seconds: StageSeconds) -> None:
        began = self._clock()
        t_ms = self._grid.time_ms(n)
        scene, previous = scene_at(chunk.plan, t_ms)
        tiles = tiles_at(scene, previous, t_ms)
        pictures = self._pictures(chunk, tiles, n - chunk.first_frame)
        decoded = self._clock()
        self._canvas.draw(self._planes, tiles, scene.background, pictures, speaking(chunk.plan, t_ms))
        seconds.decode += decoded - began
        seconds.draw += self._clock() - decoded

    def _pictures(self, chunk: VideoChunk, tiles: Sequence[Tile], i: int) -> Mapping[str, Picture | None]:
        pictures: dict[str, Picture | None] = {}
        for tile in tiles:
            member = cast_member(tile)
            if member:
                pictures[tile.tile_id] = self._actors[member].picture(chunk.key, i)
        return pictures

    def _counts(self) -> tuple[int, int]:
        players = [p for actor in self._actors.values() for p in actor.players]
        return sum(p.counts.decoded for p in players), sum(p.counts.lead_in for p in players)


def speaking(plan: Plan, t_ms: float) -> frozenset[str]:
    """Who speaks at `t_ms`."""
    return frozenset(s.peer_id for s in plan.speech if any(t_ms in span for span in s.spans))


def pack_video(
    spec: RenderSpec, chunk: VideoChunk, extradata: bytes, packets: Sequence[CodedFrame]
) -> bytes:
    """The chunk object of an encoder's packets."""
    return pack_video_chunk(
        [(annexb_to_avcc(p.data), p.pts, p.keyframe) for p in packets],
        config=avcc_config(*parameter_sets(extradata)),
        width=spec.canvas.w,
        height=spec.canvas.h,
        fps=spec.fps,
        first_frame=chunk.first_frame,
        extra={"encoder": spec.video.encoder, "decode": spec.decode, "codec": av.library_versions["libavcodec"][0]},
    )


def _actors(bench: Workbench, chunks: Sequence[VideoChunk], grid: FrameGrid) -> dict[CastMember, _Actor]:
    roles: dict[CastMember, list[tuple[VideoChunk, NDArray[np.bool_]]]] = {}
    for chunk in chunks:
        for member, visible in cast(chunk.plan, grid, range(chunk.first_frame, chunk.end_frame)).items():
            roles.setdefault(member, []).append((chunk, visible))
    return {member: _actor(bench, member, mine, grid) for member, mine in roles.items()}


def _actor(
    bench: Workbench, member: CastMember, role: Sequence[tuple[VideoChunk, NDArray[np.bool_]]], grid: FrameGrid
) -> _Actor:
    """A cast member with its feeds, and players that know how far they will be asked."""
    times = [frame_times_us(grid, range(c.first_frame, c.end_frame)) for c, _ in role]
    seen_at = np.concatenate([t[visible] for t, (_, visible) in zip(times, role, strict=True)])
    tracks = bench.seen_tracks(*member, seen_at)
    seen = [track.seen for track in tracks]
    feeds = {c.key: feed(seen, t, tolerance_us(grid)) for t, (c, _) in zip(times, role, strict=True)}
    path = bench.spec.decode
    players = [Player(t.reader, t.seen.shown, len(t.seen.index) - 1, t.seen.shows_damage, path) for t in tracks]
    return _Actor(feeds, players, tracks, bench.spec.loss, bench.pictures)
