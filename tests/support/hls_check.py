"""A finished HLS stream on disk, read as a player would, by software that is not ours: m3u8, `fmp4_check`, PyAV.

    stream = read_stream(folder / "av.m3u8")
    check_stream(stream, seconds=4, duration_ms=60_000)
    for tick, luma in pictures(stream.data): …
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import m3u8  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from tests.support.fmp4_check import Init, Run, Segment, read_init, read_segment
from tests.support.truth import luma_of

TICKS, RATE, AAC = 90_000, 48_000, 1024
GRID_FPS = 30
LONGEST_TICKS = TICKS // 5
"""No picture is shown longer: players show what comes after long ones too early."""


@dataclass(frozen=True, slots=True, eq=False)
class HlsStream:
    """What a playlist leads to."""

    playlist: Any
    """As m3u8 parsed it."""
    init: Init
    segments: tuple[Segment, ...]
    seconds: tuple[float, ...]
    """EXTINF of each segment."""
    data: bytes
    """All files, one behind the other: what a player's buffer is fed with."""
    sizes: tuple[int, ...]
    """Bytes of each segment's file."""

    @property
    def video(self) -> list[Run]:
        return [s.video for s in self.segments if s.video]

    @property
    def audio(self) -> list[Run]:
        return [s.audio for s in self.segments if s.audio]


def read_stream(playlist: Path) -> HlsStream:
    """Reads all that a playlist names. Raises BadFragment, or OSError where something is not there."""
    told = m3u8.loads(playlist.read_text("utf-8"))
    maps = {segment.init_section.uri for segment in told.segments}
    assert len(maps) == 1, maps
    head = (playlist.parent / maps.pop()).read_bytes()
    init = read_init(head)
    files = [(playlist.parent / segment.uri).read_bytes() for segment in told.segments]
    segments = tuple(read_segment(data, init) for data in files)
    seconds = tuple(float(segment.duration) for segment in told.segments)
    return HlsStream(told, init, segments, seconds, head + b"".join(files), tuple(map(len, files)))


def check_stream(stream: HlsStream, *, seconds: int, duration_ms: int) -> None:
    """All that must hold of every finished stream of a recording, whatever it shows."""
    frames = max(1, -(-duration_ms * GRID_FPS // 1000))
    _check_playlist(stream, seconds, frames)
    lengths = [min(seconds * GRID_FPS, frames - at) for at in range(0, frames, seconds * GRID_FPS)]
    assert [s.number for s in stream.segments] == list(range(1, len(lengths) + 1))
    if stream.video:
        check_video(stream.video, seconds, lengths)
    if stream.audio:
        check_audio(stream.audio, seconds, frames)


def _check_playlist(stream: HlsStream, seconds: int, frames: int) -> None:
    told = stream.playlist
    assert (told.version, told.playlist_type, told.media_sequence) == (7, "event", 1)
    assert told.is_independent_segments
    assert told.is_endlist
    assert told.target_duration == seconds
    assert told.segments[0].program_date_time is not None
    assert all(s <= seconds + 1e-9 for s in stream.seconds)
    assert abs(sum(stream.seconds) - frames / GRID_FPS) < 1e-6 * len(stream.seconds)


def check_video(runs: Sequence[Run], seconds: int, lengths: Sequence[int]) -> None:
    """Each segment begins exactly on the grid with its only keyframe, and its pictures fill it exactly."""
    for k, (run, length) in enumerate(zip(runs, lengths, strict=True)):
        assert run.first_tick == k * seconds * TICKS
        assert run.sync == (True, *[False] * (len(run.sync) - 1))
        assert run.ticks == length * TICKS // GRID_FPS
        assert max(run.durations) <= LONGEST_TICKS


def check_audio(runs: Sequence[Run], seconds: int, frames: int) -> None:
    """AAC frames follow one another to the sample; each segment begins with the first one at or after the grid."""
    assert all(set(run.durations) == {AAC} for run in runs)
    assert all(a.first_tick + a.ticks == b.first_tick for a, b in pairwise(runs))
    for k, run in enumerate(runs):
        assert 0 <= run.first_tick - k * seconds * RATE < AAC
    assert 0 <= runs[-1].first_tick + runs[-1].ticks - frames * RATE / GRID_FPS < AAC


def pictures(data: bytes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(tick, luma) of each picture that PyAV decodes; the luma is a view that lives until the next."""
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        (stream,) = container.streams.video
        assert stream.time_base is not None
        for picture in container.decode(stream):
            assert picture.pts is not None
            yield round(picture.pts * stream.time_base * TICKS), luma_of(picture)


def frames_on_screen(data: bytes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(n, luma) for the first frame of the grid at which each picture is seen, n counted from time zero."""
    for tick, luma in pictures(data):
        assert tick % (TICKS // GRID_FPS) == 0
        yield tick * GRID_FPS // TICKS, luma


def samples_of_stream(data: bytes) -> NDArray[np.float64]:
    """The sound as mono samples of 48 kHz, the first at time zero."""
    pieces: list[tuple[int, NDArray[np.float64]]] = []
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        (stream,) = container.streams.audio
        for frame in container.decode(stream):
            assert frame.pts is not None
            assert frame.time_base is not None
            pieces.append((round(frame.pts * frame.time_base * RATE), frame.to_ndarray().mean(axis=0)))
    whole = np.zeros(max(at + len(piece) for at, piece in pieces))
    for at, piece in pieces:
        whole[at : at + len(piece)] = piece
    return whole
