"""The stitcher: cached chunks in, one MP4 out, without re-encoding and without a seam.

Takes the chunks of a video track and of its soundtrack, in order, with their headers already read; gives
the file as one run of bytes to a sink that need not seek (a multipart upload). The header is complete
before the first sample is copied, because the chunks' own headers tell every size. Samples are then
copied in few, large ranged reads; memory stays within some 20 MiB whatever the length. Each payload is
checked against its digest on the way: a damaged chunk raises before the sink is closed, so no damaged
file becomes visible.

Timestamps are made anew, in integers. Video: frame n of recording time is shown at (n - first_frame) /
fps; the sample at place i of the whole file, in decoding order, is decoded at i - D frames, where D is
the deepest B-frame reordering that occurs. (An encoder's own dts cannot be used: in chunks of one or two
frames they differ.) Audio: AAC frame j of recording time carries samples [1024 j, 1024 (j + 1)) and needs
frame j - 1 decoded before it. The track therefore begins with frame first_sample // 1024 - 1, and the
edit list leaves out what lies before first_sample. That frame comes from the chunk before, or from the
first chunk itself: an audio chunk may begin one frame early (its priming); where the chunk before holds
that frame too, the chunk before is taken.

Must not know: where chunks lie, how they were rendered, what time it is.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from renderer.errors import ChunksDoNotMatch, CorruptChunk
from renderer.mp4 import AudioTrack, Movie, Track, VideoTrack, build_movie
from renderer.samples import AAC_FRAME_SAMPLES, ChunkHeader, RangedReader, read_header

READ_BYTES = 2 << 20
"""The most that one ranged read asks for."""
SAMPLE_RATE = 48_000
_TICKS_PER_FRAME = 1000
_PRIMING_FRAMES = 1
_READS_AHEAD = 2


class Sink(Protocol):
    """Where the file goes: written front to back."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True)
class ChunkRef:
    """A chunk that can be read."""

    key: str
    """Its name, for errors."""
    header: ChunkHeader
    payload_offset: int
    """Where its samples begin."""
    fetch: RangedReader
    """Ranged reads of the whole object; called from other threads, a few calls at a time."""

    @classmethod
    def open(cls, key: str, fetch: RangedReader) -> ChunkRef:
        """Read the header, in one or two ranged reads. Raises CorruptChunk."""
        return cls(key, *read_header(fetch, key), fetch)


@dataclass(frozen=True, slots=True)
class StitchReport:
    """What was written."""

    bytes: int
    frames: int
    """Video frames; 0 for audio alone."""
    samples: int
    """Audio samples per channel."""
    duration_s: float
    """The longer of picture and sound."""
    chunks: int
    reads: int
    """Ranged reads made."""


@dataclass(frozen=True)
class _Part:
    """Samples [first, end) of one chunk."""

    ref: ChunkRef
    first: int
    end: int


def stitch(
    out: Sink,
    video: Sequence[ChunkRef] | None,
    audio: Sequence[ChunkRef],
    *,
    fps: int,
    first_frame: int,
    frame_count: int,
    first_sample: int,
    sample_count: int,
) -> StitchReport:
    """Write the MP4 of frames [first_frame, first_frame + frame_count) and samples [first_sample,
    first_sample + sample_count) of recording time to `out`. Without `video` it is an M4A.

    Video chunks must hold exactly those frames; audio chunks may reach further on both sides.

    Raises:
        ChunksDoNotMatch: different encoder settings, a gap, an overlap, or not the frames asked for.
        CorruptChunk: a payload is cut or does not match its digest; `out` then holds a part of a file.
    """
    tracks: list[Track] = []
    sources: list[list[_Part]] = []
    if video is not None:
        tracks.append(_video_track(video, fps, first_frame, frame_count))
        sources.append([_Part(ref, 0, ref.header.count) for ref in video])
    parts = _audio_parts(audio, first_sample, sample_count)
    tracks.append(_audio_track(parts, first_sample, sample_count))
    sources.append(parts)
    movie = build_movie(tuple(tracks), "mp4" if video is not None else "m4a")
    reads = _copy(out, movie, tracks, sources)
    frames = frame_count if video is not None else 0
    return StitchReport(
        bytes=movie.total_bytes,
        frames=frames,
        samples=sample_count,
        duration_s=max(frames / fps, sample_count / SAMPLE_RATE),
        chunks=sum(map(len, sources)),
        reads=reads,
    )


# --- tables


def _video_track(chunks: Sequence[ChunkRef], fps: int, first_frame: int, frame_count: int) -> VideoTrack:
    _check_alike(chunks, "video")
    _check_frames(chunks, fps, first_frame, frame_count)
    headers = [ref.header for ref in chunks]
    offsets = np.concatenate([header.composition_offsets for header in headers])
    delay = -int(min(offsets.min(), 0))
    return VideoTrack(
        config=headers[0].config,
        width=headers[0].width,
        height=headers[0].height,
        timescale=fps * _TICKS_PER_FRAME,
        sample_ticks=_TICKS_PER_FRAME,
        sizes=np.concatenate([header.sizes for header in headers]),
        composition_ticks=((offsets + delay) * _TICKS_PER_FRAME).astype(np.int32),
        keyframes=np.concatenate([header.keyframes for header in headers]),
        edit_start=delay * _TICKS_PER_FRAME,
    )


def _audio_track(parts: Sequence[_Part], first_sample: int, sample_count: int) -> AudioTrack:
    first_packet = parts[0].ref.header.first + parts[0].first
    return AudioTrack(
        config=parts[0].ref.header.config,
        timescale=SAMPLE_RATE,
        sample_ticks=AAC_FRAME_SAMPLES,
        sizes=np.concatenate([part.ref.header.sizes[part.first : part.end] for part in parts]),
        edit_start=first_sample - first_packet * AAC_FRAME_SAMPLES,
        edit_ticks=sample_count,
    )


def _check_alike(chunks: Sequence[ChunkRef], kind: str) -> None:
    """All chunks are of `kind` and were encoded with the same settings."""
    if not chunks:
        raise ChunksDoNotMatch(f"there is no {kind} chunk")
    first = chunks[0]
    if first.header.kind != kind:
        raise ChunksDoNotMatch(f"{first.key} holds {first.header.kind}, not {kind}")
    for ref in chunks[1:]:
        if _settings(ref.header) != _settings(first.header):
            raise ChunksDoNotMatch(f"{first.key} and {ref.key} were encoded with different settings")


def _settings(header: ChunkHeader) -> tuple[object, ...]:
    return (
        header.kind,
        header.codec,
        header.config,
        header.width,
        header.height,
        header.ticks_per_second,
        header.sample_ticks,
    )


def _check_frames(chunks: Sequence[ChunkRef], fps: int, first_frame: int, frame_count: int) -> None:
    first, last = chunks[0], chunks[-1]
    if (first.header.ticks_per_second, first.header.sample_ticks) != (fps, 1):
        raise ChunksDoNotMatch(f"{first.key} has not {fps} frames per second")
    for before, after in pairwise(chunks):
        if before.header.end != after.header.first:
            raise ChunksDoNotMatch(
                f"{before.key} ends before frame {before.header.end}, "
                f"{after.key} begins at {after.header.first}"
            )
    if (first.header.first, last.header.end) != (first_frame, first_frame + frame_count):
        raise ChunksDoNotMatch(
            f"{first.key} to {last.key} hold frames [{first.header.first}, {last.header.end}), "
            f"not [{first_frame}, {first_frame + frame_count})"
        )


def _audio_parts(chunks: Sequence[ChunkRef], first_sample: int, sample_count: int) -> list[_Part]:
    """What of each chunk goes into the file: AAC frames from the one before first_sample's on."""
    _check_alike(chunks, "audio")
    if sample_count <= 0 or chunks[0].header.ticks_per_second != SAMPLE_RATE:
        raise ChunksDoNotMatch(f"{chunks[0].key} cannot give {sample_count} samples at {SAMPLE_RATE} Hz")
    start = first_sample // AAC_FRAME_SAMPLES - _PRIMING_FRAMES
    end = -(-(first_sample + sample_count) // AAC_FRAME_SAMPLES)
    first, last = chunks[0], chunks[-1]
    if first.header.first > start or last.header.end < end:
        raise ChunksDoNotMatch(
            f"{first.key} to {last.key} hold AAC frames [{first.header.first}, {last.header.end}), "
            f"[{start}, {end}) are needed"
        )
    for before, after in pairwise(chunks):
        overlap = before.header.end - after.header.first
        if not 0 <= overlap <= min(_PRIMING_FRAMES, after.header.count - 1):
            raise ChunksDoNotMatch(
                f"{before.key} ends before AAC frame {before.header.end}, "
                f"{after.key} begins at {after.header.first}"
            )
    return list(_cut(chunks, start, end))


def _cut(chunks: Sequence[ChunkRef], start: int, end: int) -> Iterator[_Part]:
    for ref in chunks:
        header = ref.header
        first, last = max(header.first, start), min(header.end, end)
        if first < last:
            yield _Part(ref, first - header.first, last - header.first)
        start = max(start, header.end)


# --- samples


def _copy(out: Sink, movie: Movie, tracks: Sequence[Track], sources: Sequence[Sequence[_Part]]) -> int:
    """Write the file; returns the number of ranged reads."""
    ends = [np.concatenate([[0], np.cumsum(track.sizes, dtype=np.int64)]) for track in tracks]
    with ThreadPoolExecutor(_READS_AHEAD * len(sources), thread_name_prefix="stitch") as pool:
        streams = [_Stream(pool, parts) for parts in sources]
        try:
            out.write(movie.head)
            for run in movie.runs:
                streams[run.track].copy(out, int(ends[run.track][run.end] - ends[run.track][run.first]))
            for stream in streams:
                stream.drain()
        finally:
            for stream in streams:
                stream.close()
    return sum(stream.reads for stream in streams)


@dataclass(frozen=True, slots=True)
class _Read:
    """Bytes [start, end) of a part's payload."""

    part: _Part
    start: int
    end: int

    def fetch(self) -> bytes:
        return self.part.ref.fetch(self.part.ref.payload_offset + self.start, self.end - self.start)


def _reads(parts: Sequence[_Part]) -> Iterator[_Read]:
    """The whole payload of each part's chunk, in even pieces: its digest covers what is left out, too."""
    for part in parts:
        size = part.ref.header.payload_bytes
        step = -(-size // -(-size // READ_BYTES))
        for start in range(0, size, step):
            yield _Read(part, start, min(start + step, size))


class _Stream:
    """The samples of one track as one run of bytes, read ahead and checked in order."""

    def __init__(self, pool: ThreadPoolExecutor, parts: Sequence[_Part]) -> None:
        self.reads = 0
        self._pool = pool
        self._todo = _reads(parts)
        self._ahead: deque[tuple[_Read, Future[bytes]]] = deque()
        self._digest = hashlib.sha256()
        self._block = memoryview(b"")

    def copy(self, out: Sink, count: int) -> None:
        """Write the next `count` bytes, and check each chunk whose end is reached."""
        while count:
            while not self._block:
                self._block = self._next_block()
            piece = self._block[:count]
            out.write(bytes(piece))
            self._block = self._block[len(piece) :]
            count -= len(piece)

    def drain(self) -> None:
        """Read and check what is left: the end of a last chunk that reaches beyond the file."""
        self._read_ahead()
        while self._ahead:
            self._next_block()

    def close(self) -> None:
        """Forget the reads that have not begun."""
        for _, future in self._ahead:
            future.cancel()

    def _next_block(self) -> memoryview:
        self._read_ahead()
        read, future = self._ahead.popleft()
        self._read_ahead()
        data = future.result()
        self._check(read, data)
        sizes = read.part.ref.header.sizes
        wanted_from = int(sizes[: read.part.first].sum(dtype=np.int64)) - read.start
        wanted_to = int(sizes[: read.part.end].sum(dtype=np.int64)) - read.start
        return memoryview(data)[max(wanted_from, 0) : max(wanted_to, 0)]

    def _read_ahead(self) -> None:
        while len(self._ahead) < _READS_AHEAD and (read := next(self._todo, None)):
            self._ahead.append((read, self._pool.submit(read.fetch)))
            self.reads += 1

    def _check(self, read: _Read, data: bytes) -> None:
        ref = read.part.ref
        if len(data) != read.end - read.start:
            raise CorruptChunk(ref.key, f"its payload is cut at byte {read.start + len(data)}")
        if read.start == 0:
            self._digest = hashlib.sha256()
        self._digest.update(data)
        if read.end == ref.header.payload_bytes and self._digest.digest() != ref.header.digest:
            raise CorruptChunk(ref.key, "its payload does not match its digest")
