"""What workers run: each function takes its context and frozen specs, opens what it needs, gives a small result.

Results go to the store under content-addressed keys, so a task may run twice: what is there already is not made
again. This and `farm.preview_tasks` are the only places in this room, beside the entry points, that read a clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from farm.events import ChunkKind
from farm.executors.base import TaskContext
from renderer import intermediate
from renderer.chunk import SpanRenderer
from renderer.concat import ChunkRef, StitchReport, stitch
from renderer.index import ExtensionIds, load_index, load_or_build_index
from renderer.samples import pack_audio_chunk
from renderer.soundtrack import AAC_FRAMES_PER_CHUNK, chunk_energies, encode_chunk, mix_chunk
from renderer.spec import AudioChunk, RenderSpec, TrackInput, VideoChunk
from renderer.speech import levels, save_levels
from renderer.still import thumbnails
from renderer.workbench import CONTENTS_PIECE, SourceReader, Workbench, seen_track
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec, open_store
from storage.recordings import open_recording

_HEADER_READERS = 8
"""Chunk headers that are read at the same time: small requests, whose wait is all they cost."""


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """One chunk that now lies in the cache."""

    key: str
    frames: int
    """Video frames; 0 for sound."""
    bytes: int
    seconds: dict[str, float] = field(default_factory=dict)
    """Processor-bound stages: decode, draw, encode."""
    decoded: int = 0
    lead_in: int = 0


def index_track(
    context: TaskContext, spec: StoreSpec, room_id: str, recording_id: str, track_id: str, ids: ExtensionIds
) -> bool:
    """Makes sure that a track's index lies in the cache; whether it was there already."""
    recording = open_recording(spec, room_id, recording_id)
    track = next(t for t in recording.manifest.tracks if t.track_id == track_id)
    context.check_cancelled()
    _, cached = load_or_build_index(recording, track, ids)
    return cached


def measure_levels(
    context: TaskContext, spec: StoreSpec, room_id: str, recording_id: str, index_key: str
) -> None:
    """Measures how loud each packet of an audio track is, where its sender did not say so."""
    store = open_store(spec)
    reader = SourceReader(store, RecordingKeys(room_id, recording_id), load_index(store.get(index_key)))
    save_levels(store, index_key, levels(reader.all_units(), context.check_cancelled))


def make_intermediate(context: TaskContext, spec: RenderSpec, track: TrackInput) -> int:
    """Makes the intermediate of a track; how many pieces it has."""
    bench = Workbench(spec)
    index = bench.index(track)
    source = SourceReader(bench.store, bench.keys, index)
    total = len(index.time_us)

    def on_unit(row: int) -> None:
        context.check_cancelled()
        context.progress(row + 1, total, "pictures")

    pieces: list[intermediate.Piece] = []
    shown = seen_track(track, index, spec).shown
    for piece, data in intermediate.make(source.all_units(), index.codec, shown, on_unit):
        bench.store.put(bench.keys.intermediate(track.track_id, track.intermediate, piece.number), data)
        pieces.append(piece)
    contents = intermediate.pack_contents(pieces)
    bench.store.put(bench.keys.intermediate(track.track_id, track.intermediate, CONTENTS_PIECE), contents)
    return len(pieces)


def render_video(
    context: TaskContext, spec: RenderSpec, chunks: Sequence[VideoChunk], reuse: bool
) -> tuple[ChunkDone, ...]:
    """Renders the chunks of a span that are not in the cache yet."""
    bench = Workbench(spec)
    keys = {c.key: bench.keys.chunk("video", c.key) for c in chunks}
    missing = [c for c in chunks if not (reuse and bench.store.exists(keys[c.key]))]
    total = sum(c.end_frame - c.first_frame for c in missing)
    drawn = 0

    def on_frame() -> None:
        nonlocal drawn
        drawn += 1
        context.check_cancelled()
        context.progress(drawn, total, "frames")

    done: list[ChunkDone] = []
    for result in SpanRenderer(bench, missing, time.perf_counter).render(on_frame):
        bench.store.put(keys[result.chunk.key], result.data)
        frames = result.chunk.end_frame - result.chunk.first_frame
        done.append(
            ChunkDone(
                result.chunk.key, frames, len(result.data), asdict(result.seconds), result.decoded, result.lead_in
            )
        )
        _tell(context, "video", done[-1])
        if len(done) < len(missing):
            context.hand_back()
    return tuple(done)


def render_audio(
    context: TaskContext, spec: RenderSpec, chunks: Sequence[AudioChunk], reuse: bool
) -> tuple[ChunkDone, ...]:
    """Renders the chunks of sound that are not in the cache yet."""
    bench = Workbench(spec)
    tracks = tuple(bench.heard_tracks([c.number for c in chunks]))
    done: list[ChunkDone] = []
    for number, chunk in enumerate(chunks):
        context.check_cancelled()
        key = bench.keys.chunk("audio", chunk.key)
        if not (reuse and bench.store.exists(key)):
            began = time.perf_counter()
            mixed = mix_chunk(chunk.number, chunk.plan.audio, tracks)
            mixed_at = time.perf_counter()
            config, frames = encode_chunk(mixed, chunk.gain_db, spec.audio)
            first = chunk.number * AAC_FRAMES_PER_CHUNK - 1
            data = pack_audio_chunk(frames, config=config, first_packet=first)
            seconds = {"mix": mixed_at - began, "encode": time.perf_counter() - mixed_at}
            bench.store.put(key, data)
            done.append(ChunkDone(chunk.key, 0, len(data), seconds))
            _tell(context, "audio", done[-1])
        context.progress(number + 1, len(chunks), "chunks")
        if number + 1 < len(chunks):
            context.hand_back()
    return tuple(done)


def _tell(context: TaskContext, kind: ChunkKind, done: ChunkDone) -> None:
    context.stored({"chunk": done.key, "kind": kind, "bytes": done.bytes, "seconds": done.seconds})


def measure_audio(
    context: TaskContext, spec: RenderSpec, chunks: Sequence[AudioChunk]
) -> tuple[NDArray[np.float64], ...]:
    """The loudness of each chunk of the mix, in blocks that can be put together."""
    bench = Workbench(spec)
    tracks = tuple(bench.heard_tracks([c.number for c in chunks]))
    energies = []
    for number, chunk in enumerate(chunks):
        context.check_cancelled()
        energies.append(chunk_energies(mix_chunk(chunk.number, chunk.plan.audio, tracks)))
        context.progress(number + 1, len(chunks), "chunks")
    return tuple(energies)


@dataclass(frozen=True, slots=True)
class StitchSpec:
    """What goes into a finished file, and where it goes."""

    spec: RenderSpec
    video_keys: tuple[str, ...] | None
    """None makes an M4A."""
    audio_keys: tuple[str, ...]
    first_frame: int
    frame_count: int
    first_sample: int
    sample_count: int
    target_store: StoreSpec
    target_key: str


def stitch_chunks(context: TaskContext, work: StitchSpec) -> StitchReport:
    """Puts the chunks together; the file appears under its final name only when it is whole."""
    bench = Workbench(work.spec)
    context.check_cancelled()
    video = None if work.video_keys is None else _refs(bench, "video", work.video_keys)
    audio = _refs(bench, "audio", work.audio_keys)
    with open_store(work.target_store).writer(work.target_key) as out:
        return stitch(
            _Watched(out, context.check_cancelled),
            video,
            audio,
            fps=work.spec.fps,
            first_frame=work.first_frame,
            frame_count=work.frame_count,
            first_sample=work.first_sample,
            sample_count=work.sample_count,
        )


def make_thumbnails(
    context: TaskContext, spec: RenderSpec, export_id: str, work: Sequence[tuple[str, Sequence[tuple[int, int]]]]
) -> tuple[str, ...]:
    """JPEG thumbnails of an export: for each chunk key, (number of the thumbnail, frame) in rising order."""
    bench = Workbench(spec)
    stored: list[str] = []
    for chunk_key, wanted in work:
        context.check_cancelled()
        numbers = {frame: number for number, frame in wanted}
        data = bench.store.get(bench.keys.chunk("video", chunk_key))
        for frame, jpeg in thumbnails(data, tuple(numbers)):
            stored.append(bench.keys.thumbnail(export_id, numbers[frame]))
            bench.store.put(stored[-1], jpeg)
    return tuple(stored)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A sink that stops when the job is cancelled."""

    out: object
    check_cancelled: Callable[[], None]

    def write(self, data: bytes | memoryview, /) -> object:
        self.check_cancelled()
        return self.out.write(data)  # type: ignore[attr-defined]


def _refs(bench: Workbench, kind: str, keys: Sequence[str]) -> list[ChunkRef]:
    """The chunks with their headers read, several at a time."""
    with ThreadPoolExecutor(_HEADER_READERS) as pool:
        return list(pool.map(lambda key: _ref(bench.store, bench.keys.chunk(kind, key)), keys))


def _ref(store: ObjectStore, key: str) -> ChunkRef:
    return ChunkRef.open(key, lambda offset, length: store.get_range(key, offset, offset + length))
