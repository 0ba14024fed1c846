"""The front of an MP4 file (ISO/IEC 14496-12, -14, -15), written before the first sample is copied.

Takes the sample tables of at most one H.264 and one AAC track; gives `ftyp`, `moov` and the opening of
`mdat`, and the order in which the samples must follow (`Movie.runs`: about a second of video, then its
audio, so that players stream well). Since `moov` stands in front, a player starts at once ("faststart").

Constant frame rate and constant AAC frames only. All durations are exact: edit lists count in a movie
timescale that both tracks' durations divide into. Nothing in the file depends on when or where it was
made: creation times are 0. Offsets become 64-bit (`co64`, a large `mdat`) only where the file passes 4
GiB, durations likewise.

Pure functions of tables; bodies never come here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compositing.geometry import Size
from renderer.mp4_boxes import U32_MAX, AacRates, avc1, box, full_box, mdia, mp4a, mvhd, times, tkhd, u32s

Int64s: TypeAlias = NDArray[np.int64]

MOVIE_TIMESCALE = 240_000
"""Ticks of edit lists: a multiple of 48000 and of the common frame rates (for others, the lcm)."""


@dataclass(frozen=True, eq=False)
class VideoTrack:
    """One H.264 track; samples in decoding order, sample i decoded at i * sample_ticks."""

    config: bytes
    """The body of `avcC`."""
    width: int
    height: int
    """Pixels."""
    timescale: int
    """Ticks per second."""
    sample_ticks: int
    """The duration of a frame."""
    sizes: NDArray[np.int32]
    """(n,) bytes."""
    composition_ticks: NDArray[np.int32]
    """(n,) ticks from decoding to presentation, none negative."""
    keyframes: NDArray[np.bool_]
    """(n,) whether decoding can begin here."""
    edit_start: int
    """Ticks of media time at which presentation begins: the presentation time of the first frame."""

    @property
    def edit_ticks(self) -> int:
        """How long the track is shown."""
        return len(self.sizes) * self.sample_ticks

    @property
    def media_ticks(self) -> int:
        return len(self.sizes) * self.sample_ticks


@dataclass(frozen=True, eq=False)
class AudioTrack:
    """One AAC-LC track, stereo; the timescale is the sample rate."""

    config: bytes
    """The AudioSpecificConfig (ISO/IEC 14496-3, 1.6)."""
    timescale: int
    sample_ticks: int
    """Audio samples in an AAC frame."""
    sizes: NDArray[np.int32]
    """(n,) bytes."""
    edit_start: int
    """Audio samples to leave out at the front: the priming, and what lies before the wanted start."""
    edit_ticks: int
    """Audio samples to play; they may end inside the last AAC frame."""

    @property
    def media_ticks(self) -> int:
        """The last AAC frame counts only as far as it is played."""
        return self.edit_start + self.edit_ticks


Track: TypeAlias = VideoTrack | AudioTrack


@dataclass(frozen=True, slots=True)
class Run:
    """Samples [first, end) of track `track`, which lie one after another in the file."""

    track: int
    first: int
    end: int


@dataclass(frozen=True)
class Movie:
    """The front of the file and what must follow it."""

    head: bytes
    """`ftyp`, `moov`, and the header of `mdat`."""
    runs: tuple[Run, ...]
    """The samples' order in `mdat`, by whole runs."""
    total_bytes: int
    """The size of the whole file."""


def build_movie(tracks: tuple[Track, ...], brand: Literal["mp4", "m4a"]) -> Movie:
    """Lay out a file of `tracks` (one or two, none empty).

    Raises:
        ValueError: a track has no samples, or its last audio frame is not the one the edit ends in.
    """
    for track in tracks:
        _check(track)
    runs = tuple(_interleave(tracks))
    run_bytes = _run_bytes(tracks, runs)
    payload = int(run_bytes.sum())
    ftyp = _ftyp(brand)
    within = np.concatenate([[0], np.cumsum(run_bytes)[:-1]]).astype(np.int64)
    draft = ftyp + _moov(tracks, runs, within, large=True) + _mdat_header(payload, large=True)
    large = len(draft) + payload > U32_MAX
    moov_bytes = len(_moov(tracks, runs, within, large=large))
    start = len(ftyp) + moov_bytes + len(_mdat_header(payload, large=large))
    head = ftyp + _moov(tracks, runs, start + within, large=large) + _mdat_header(payload, large=large)
    return Movie(head, runs, len(head) + payload)


def _check(track: Track) -> None:
    if not len(track.sizes):
        raise ValueError("a track without samples")
    slack = len(track.sizes) * track.sample_ticks - track.media_ticks
    if not 0 <= slack < track.sample_ticks:
        raise ValueError("the edit does not end inside the last sample")


def _interleave(tracks: tuple[Track, ...]) -> Iterator[Run]:
    """Second by second of presentation, the tracks in their order."""
    seconds = max(math.ceil(track.edit_ticks / track.timescale) for track in tracks)
    at = [0] * len(tracks)
    for second in range(1, seconds + 1):
        for i, track in enumerate(tracks):
            end = _samples_before(track, second) if second < seconds else len(track.sizes)
            if end > at[i]:
                yield Run(i, at[i], end)
                at[i] = end


def _samples_before(track: Track, second: int) -> int:
    lead = track.edit_start if isinstance(track, AudioTrack) else 0
    return min(-(-(second * track.timescale + lead) // track.sample_ticks), len(track.sizes))


def _run_bytes(tracks: tuple[Track, ...], runs: tuple[Run, ...]) -> Int64s:
    ends = [np.concatenate([[0], np.cumsum(track.sizes, dtype=np.int64)]) for track in tracks]
    return np.array([ends[r.track][r.end] - ends[r.track][r.first] for r in runs], np.int64)


# --- the movie


def _ftyp(brand: Literal["mp4", "m4a"]) -> bytes:
    if brand == "m4a":
        return box(b"ftyp", b"M4A ", u32s(0x200), b"M4A isomiso2mp42")
    return box(b"ftyp", b"isom", u32s(0x200), b"isomiso2avc1mp41")


def _mdat_header(payload: int, *, large: bool) -> bytes:
    if large:
        return struct.pack(">I4sQ", 1, b"mdat", payload + 16)
    return struct.pack(">I4s", payload + 8, b"mdat")


def _moov(tracks: tuple[Track, ...], runs: tuple[Run, ...], offsets: Int64s, *, large: bool) -> bytes:
    timescale = math.lcm(MOVIE_TIMESCALE, *(t.timescale // math.gcd(t.timescale, _unit(t)) for t in tracks))
    durations = [track.edit_ticks * timescale // track.timescale for track in tracks]
    of_track = np.array([run.track for run in runs])
    traks = []
    for i, track in enumerate(tracks):
        lengths = np.array([run.end - run.first for run in runs if run.track == i], np.int64)
        table = _sample_table(track, lengths, offsets[of_track == i], large=large)
        traks.append(_trak(track, i + 1, durations[i], table))
    return box(b"moov", mvhd(timescale, max(durations), len(tracks) + 1), *traks)


def _unit(track: Track) -> int:
    """The ticks that every duration of `track` is a multiple of."""
    return track.sample_ticks if isinstance(track, VideoTrack) else 1


def _trak(track: Track, track_id: int, duration: int, sample_table: bytes) -> bytes:
    edit = _edts(track.edit_start, duration)
    size = Size(track.width, track.height) if isinstance(track, VideoTrack) else None
    media = mdia(track.timescale, track.media_ticks, sample_table, video=size is not None)
    return box(b"trak", tkhd(track_id, duration, size), edit, media)


def _edts(media_time: int, duration: int) -> bytes:
    version, shown = times(duration, media_time)
    return box(b"edts", full_box(b"elst", version, 0, u32s(1), shown, struct.pack(">HH", 1, 0)))


# --- the sample table (8.5 - 8.7)


def _sample_table(track: Track, run_lengths: Int64s, offsets: Int64s, *, large: bool) -> bytes:
    return box(
        b"stbl",
        full_box(b"stsd", 0, 0, u32s(1), _entry(track)),
        _stts(track),
        *(_presentation_tables(track) if isinstance(track, VideoTrack) else ()),
        _stsc(run_lengths),
        full_box(b"stsz", 0, 0, u32s(0, len(track.sizes)), track.sizes.astype(">u4").tobytes()),
        _chunk_offsets(offsets, large=large),
        *(_aac_roll(len(track.sizes)) if isinstance(track, AudioTrack) else ()),
    )


def _stts(track: Track) -> bytes:
    count = len(track.sizes)
    last = track.media_ticks - (count - 1) * track.sample_ticks
    durations = np.full(count, track.sample_ticks, np.int64)
    durations[-1] = last
    return full_box(b"stts", 0, 0, _run_lengths(durations))


def _presentation_tables(track: VideoTrack) -> Iterator[bytes]:
    if track.composition_ticks.any():
        yield full_box(b"ctts", 0, 0, _run_lengths(track.composition_ticks.astype(np.int64)))
    if not track.keyframes.all():
        numbers = np.flatnonzero(track.keyframes) + 1
        yield full_box(b"stss", 0, 0, u32s(len(numbers)), numbers.astype(">u4").tobytes())


def _run_lengths(values: Int64s) -> bytes:
    """An entry count and (how many, value) pairs."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
    counts = np.diff(np.append(starts, len(values)))
    return u32s(len(starts)) + np.column_stack([counts, values[starts]]).astype(">u4").tobytes()


def _stsc(run_lengths: Int64s) -> bytes:
    """Where the number of samples per run changes: (first run, samples in it, sample description 1)."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(run_lengths)) + 1])
    rows = np.column_stack([starts + 1, run_lengths[starts], np.ones_like(starts)])
    return full_box(b"stsc", 0, 0, u32s(len(starts)), rows.astype(">u4").tobytes())


def _chunk_offsets(offsets: Int64s, *, large: bool) -> bytes:
    kind, dtype = (b"co64", ">u8") if large else (b"stco", ">u4")
    return full_box(kind, 0, 0, u32s(len(offsets)), offsets.astype(dtype).tobytes())


def _aac_roll(count: int) -> Iterator[bytes]:
    """Sample group "roll" of distance -1: a player that seeks decodes one AAC frame more (10.1)."""
    yield full_box(b"sgpd", 1, 0, b"roll", u32s(2, 1), struct.pack(">h", -1))
    yield full_box(b"sbgp", 0, 0, b"roll", u32s(1, count, 1))


# --- sample entries


def _entry(track: Track) -> bytes:
    if isinstance(track, VideoTrack):
        return avc1(track.config, Size(track.width, track.height))
    return mp4a(track.config, track.timescale, _rates(track))


def _rates(track: AudioTrack) -> AacRates:
    largest = int(track.sizes.max())
    seconds = len(track.sizes) * track.sample_ticks / track.timescale
    average = int(int(track.sizes.sum(dtype=np.int64)) * 8 / seconds)
    return AacRates(largest, max(largest * 8 * track.timescale // track.sample_ticks, average), average)
