"""The front of an MP4 file (ISO/IEC 14496-12, -14, -15), written before the first sample is copied.

Takes the sample tables of at most one H.264 and one AAC track; gives `ftyp`, `moov` and the opening of
`mdat`, and the order in which the samples must follow (`Movie.runs`: about a second of video, then its
audio, so that players stream well). Since `moov` stands in front, a player starts at once ("faststart").

Constant frame rate and constant AAC frames only. All durations are exact: edit lists count in a movie
timescale that both tracks' durations divide into. Nothing in the file depends on when or where it was
made: creation times are 0. Offsets become 64-bit (`co64`, a large `mdat`) only where the file passes 4
GiB, durations likewise.

Pure functions of tables; bodies never come here. `box` and the helpers of its kind are the vocabulary.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Int64s: TypeAlias = NDArray[np.int64]

MOVIE_TIMESCALE = 240_000
"""Ticks of edit lists: a multiple of 48000 and of the common frame rates (for others, the lcm)."""
_U32_MAX = 0xFFFFFFFF
_SMPTE170M = 6
_UNITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LANGUAGE_UND = 0x55C4


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
    large = len(draft) + payload > _U32_MAX
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


# --- boxes


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box: u32 size, type, body (ISO/IEC 14496-12, 4.2)."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _u32s(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def _times(*values: int) -> tuple[int, bytes]:
    """Version 0 with 32-bit fields where they fit, else version 1 with 64-bit fields."""
    version = int(max(values) > _U32_MAX)
    return version, struct.pack(f">{len(values)}{'Q' if version else 'I'}", *values)


def _ftyp(brand: Literal["mp4", "m4a"]) -> bytes:
    if brand == "m4a":
        return box(b"ftyp", b"M4A ", _u32s(0x200), b"M4A isomiso2mp42")
    return box(b"ftyp", b"isom", _u32s(0x200), b"isomiso2avc1mp41")


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
    return box(b"moov", _mvhd(timescale, max(durations), len(tracks) + 1), *traks)


def _unit(track: Track) -> int:
    """The ticks that every duration of `track` is a multiple of."""
    return track.sample_ticks if isinstance(track, VideoTrack) else 1


def _mvhd(timescale: int, duration: int, next_track: int) -> bytes:
    version, end = _times(duration)
    created = b"\0" * (16 if version else 8)
    volume_and_reserved = struct.pack(">IH10x", 0x10000, 0x100)
    rest = volume_and_reserved + _UNITY_MATRIX + b"\0" * 24 + _u32s(next_track)
    return full_box(b"mvhd", version, 0, created, _u32s(timescale), end, rest)


def _trak(track: Track, track_id: int, duration: int, sample_table: bytes) -> bytes:
    edit = _edts(track.edit_start, duration)
    return box(b"trak", _tkhd(track, track_id, duration), edit, _mdia(track, sample_table))


def _tkhd(track: Track, track_id: int, duration: int) -> bytes:
    version, end = _times(duration)
    created = b"\0" * (16 if version else 8)
    is_audio = isinstance(track, AudioTrack)
    width, height = (0, 0) if isinstance(track, AudioTrack) else (track.width, track.height)
    layer_to_volume = struct.pack(">8xhhHxx", 0, int(is_audio), 0x100 * is_audio)
    shape = _UNITY_MATRIX + _u32s(width << 16, height << 16)
    enabled_in_movie = 3
    return full_box(
        b"tkhd", version, enabled_in_movie, created, _u32s(track_id, 0), end, layer_to_volume, shape
    )


def _edts(media_time: int, duration: int) -> bytes:
    version, times = _times(duration, media_time)
    return box(b"edts", full_box(b"elst", version, 0, _u32s(1), times, struct.pack(">HH", 1, 0)))


def _mdia(track: Track, sample_table: bytes) -> bytes:
    version, end = _times(track.media_ticks)
    created = b"\0" * (16 if version else 8)
    language = struct.pack(">HH", _LANGUAGE_UND, 0)
    if isinstance(track, VideoTrack):
        handler, name, media_header = b"vide", b"VideoHandler\0", full_box(b"vmhd", 0, 1, b"\0" * 8)
    else:
        handler, name, media_header = b"soun", b"SoundHandler\0", full_box(b"smhd", 0, 0, b"\0" * 4)
    self_contained = full_box(b"url ", 0, 1)
    return box(
        b"mdia",
        full_box(b"mdhd", version, 0, created, _u32s(track.timescale), end, language),
        full_box(b"hdlr", 0, 0, b"\0" * 4, handler, b"\0" * 12, name),
        box(
            b"minf",
            media_header,
            box(b"dinf", full_box(b"dref", 0, 0, _u32s(1), self_contained)),
            sample_table,
        ),
    )


# --- the sample table (8.5 - 8.7)


def _sample_table(track: Track, run_lengths: Int64s, offsets: Int64s, *, large: bool) -> bytes:
    entry = _avc1(track) if isinstance(track, VideoTrack) else _mp4a(track)
    return box(
        b"stbl",
        full_box(b"stsd", 0, 0, _u32s(1), entry),
        _stts(track),
        *(_presentation_tables(track) if isinstance(track, VideoTrack) else ()),
        _stsc(run_lengths),
        full_box(b"stsz", 0, 0, _u32s(0, len(track.sizes)), track.sizes.astype(">u4").tobytes()),
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
        yield full_box(b"stss", 0, 0, _u32s(len(numbers)), numbers.astype(">u4").tobytes())


def _run_lengths(values: Int64s) -> bytes:
    """An entry count and (how many, value) pairs."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
    counts = np.diff(np.append(starts, len(values)))
    return _u32s(len(starts)) + np.column_stack([counts, values[starts]]).astype(">u4").tobytes()


def _stsc(run_lengths: Int64s) -> bytes:
    """Where the number of samples per run changes: (first run, samples in it, sample description 1)."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(run_lengths)) + 1])
    rows = np.column_stack([starts + 1, run_lengths[starts], np.ones_like(starts)])
    return full_box(b"stsc", 0, 0, _u32s(len(starts)), rows.astype(">u4").tobytes())


def _chunk_offsets(offsets: Int64s, *, large: bool) -> bytes:
    kind, dtype = (b"co64", ">u8") if large else (b"stco", ">u4")
    return full_box(kind, 0, 0, _u32s(len(offsets)), offsets.astype(dtype).tobytes())


def _aac_roll(count: int) -> Iterator[bytes]:
    """Sample group "roll" of distance -1: a player that seeks decodes one AAC frame more (10.1)."""
    yield full_box(b"sgpd", 1, 0, b"roll", _u32s(2, 1), struct.pack(">h", -1))
    yield full_box(b"sbgp", 0, 0, b"roll", _u32s(1, count, 1))


# --- sample entries


def _avc1(track: VideoTrack) -> bytes:
    resolution_72_dpi = 0x480000
    visual = struct.pack(
        ">6xH16xHHII4xH32xHh", 1, track.width, track.height, resolution_72_dpi, resolution_72_dpi, 1, 24, -1
    )
    limited_range = 0
    colour = struct.pack(">4sHHHB", b"nclx", _SMPTE170M, _SMPTE170M, _SMPTE170M, limited_range)
    return box(b"avc1", visual, box(b"avcC", track.config), box(b"colr", colour), box(b"pasp", _u32s(1, 1)))


def _mp4a(track: AudioTrack) -> bytes:
    channels, bits = 2, 16
    sound = struct.pack(">6xH8xHH4xI", 1, channels, bits, track.timescale << 16)
    return box(b"mp4a", sound, full_box(b"esds", 0, 0, _es_descriptor(track)))


def _es_descriptor(track: AudioTrack) -> bytes:
    """ISO/IEC 14496-1, 7.2.6: ES_Descriptor(DecoderConfigDescriptor(AudioSpecificConfig), SLConfig)."""
    aac, audio_stream = 0x40, 0x15
    seconds = len(track.sizes) * track.sample_ticks / track.timescale
    average = int(int(track.sizes.sum(dtype=np.int64)) * 8 / seconds)
    peak = int(track.sizes.max()) * 8 * track.timescale // track.sample_ticks
    rates = struct.pack(">II", max(peak, average), average)
    decoder = bytes([aac, audio_stream]) + int(track.sizes.max()).to_bytes(3, "big") + rates
    config = _descriptor(4, decoder + _descriptor(5, track.config))
    return _descriptor(3, b"\0\0\0" + config + _descriptor(6, b"\2"))


def _descriptor(tag: int, body: bytes) -> bytes:
    size = bytes([len(body) >> 7 | 0x80, len(body) & 0x7F]) if len(body) > 0x7F else bytes([len(body)])
    return bytes([tag]) + size + body
