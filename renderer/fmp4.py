"""Fragmented MP4 for HLS: one init segment per stream, one fragment per media segment (ISO/IEC 14496-12, 8.8; CMAF).

Takes coded samples with their durations; gives bytes. Decode times are absolute, so segments made by lone processes
in any order fit together: segment k says itself where it stands. Samples are in presentation order (no B-frames), so
decode time is presentation time and no reader needs edit lists. Pure functions of values.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from compositing.geometry import Size
from compositing.times import SAMPLE_RATE
from renderer.encode import AAC_FRAME
from renderer.mp4_boxes import AacRates, avc1, box, full_box, mdia, mp4a, mvhd, tkhd, u32s

VIDEO_TIMESCALE = 90_000
"""Ticks per second of pictures: a whole number of ticks per frame at every usual frame rate."""
VIDEO_TRACK, AUDIO_TRACK = 1, 2
_TFHD_BASE_IS_MOOF, _TFHD_DURATION, _TFHD_FLAGS = 0x020000, 0x000008, 0x000020
_TRUN_OFFSET, _TRUN_FIRST_FLAGS, _TRUN_DURATION, _TRUN_SIZE = 0x001, 0x004, 0x100, 0x200
_SYNC, _NOT_SYNC = 0x02000000, 0x01010000


@dataclass(frozen=True, slots=True)
class VideoInit:
    """What the init segment says of the pictures: the body of `avcC`, and their size."""

    config: bytes
    size: Size


@dataclass(frozen=True, slots=True)
class AudioInit:
    """What the init segment says of the sound: the AudioSpecificConfig, and the bit rate."""

    config: bytes
    bit_rate: int


@dataclass(frozen=True, slots=True)
class VideoRun:
    """The pictures of a segment; the first is a keyframe, the only one."""

    first_tick: int
    samples: Sequence[bytes]
    """Access units, NAL units behind their length."""
    durations: Sequence[int]
    """Ticks each is shown."""


@dataclass(frozen=True, slots=True)
class AudioRun:
    """The sound of a segment: consecutive AAC frames, the first of them number `first_frame` of recording time."""

    first_frame: int
    frames: Sequence[bytes]


def init_segment(video: VideoInit | None, audio: AudioInit | None) -> bytes:
    """`ftyp` and `moov` of a stream of pictures, sound, or both."""
    traks, extends = [], []
    if video:
        traks.append(_trak(VIDEO_TRACK, VIDEO_TIMESCALE, avc1(video.config, video.size), video.size))
        extends.append(_trex(VIDEO_TRACK))
    if audio:
        rates = AacRates(largest=0, peak=audio.bit_rate, average=audio.bit_rate)
        traks.append(_trak(AUDIO_TRACK, SAMPLE_RATE, mp4a(audio.config, SAMPLE_RATE, rates), None))
        extends.append(_trex(AUDIO_TRACK))
    ftyp = box(b"ftyp", b"iso6", u32s(0), b"iso6cmfcmp41")
    return ftyp + box(b"moov", mvhd(1000, 0, AUDIO_TRACK + 1), *traks, box(b"mvex", *extends))


def _trak(track_id: int, timescale: int, entry: bytes, size: Size | None) -> bytes:
    none = u32s(0)
    tables = (full_box(b"stsd", 0, 0, u32s(1), entry), full_box(b"stts", 0, 0, none), full_box(b"stsc", 0, 0, none))
    table = box(b"stbl", *tables, full_box(b"stsz", 0, 0, u32s(0, 0)), full_box(b"stco", 0, 0, none))
    return box(b"trak", tkhd(track_id, 0, size), mdia(timescale, 0, table, video=size is not None))


def _trex(track_id: int) -> bytes:
    return full_box(b"trex", 0, 0, u32s(track_id, 1, 0, 0, 0))


def media_segment(number: int, video: VideoRun | None, audio: AudioRun | None) -> bytes:
    """Segment `number` (from 1) as one `moof` and one `mdat`: the pictures first, then the sound."""
    draft = _moof(number, video, audio, 0)
    payload = [*(video.samples if video else ()), *(audio.frames if audio else ())]
    return _moof(number, video, audio, len(draft) + 8) + box(b"mdat", *payload)


def _moof(number: int, video: VideoRun | None, audio: AudioRun | None, start: int) -> bytes:
    """The `moof` of a segment whose first sample lies `start` bytes behind the front of the `moof`."""
    fragments = []
    if video:
        fragments.append(_video_traf(video, start))
        start += sum(map(len, video.samples))
    if audio:
        fragments.append(_audio_traf(audio, start))
    return box(b"moof", full_box(b"mfhd", 0, 0, u32s(number)), *fragments)


def _video_traf(run: VideoRun, offset: int) -> bytes:
    head = full_box(b"tfhd", 0, _TFHD_BASE_IS_MOOF | _TFHD_FLAGS, u32s(VIDEO_TRACK, _NOT_SYNC))
    rows = b"".join(u32s(d, len(s)) for d, s in zip(run.durations, run.samples, strict=True))
    flags = _TRUN_OFFSET | _TRUN_FIRST_FLAGS | _TRUN_DURATION | _TRUN_SIZE
    table = full_box(b"trun", 0, flags, u32s(len(run.samples), offset, _SYNC), rows)
    return box(b"traf", head, _tfdt(run.first_tick), table)


def _audio_traf(run: AudioRun, offset: int) -> bytes:
    flags = _TFHD_BASE_IS_MOOF | _TFHD_DURATION | _TFHD_FLAGS
    head = full_box(b"tfhd", 0, flags, u32s(AUDIO_TRACK, AAC_FRAME, _SYNC))
    rows = u32s(*map(len, run.frames))
    table = full_box(b"trun", 0, _TRUN_OFFSET | _TRUN_SIZE, u32s(len(run.frames), offset), rows)
    return box(b"traf", head, _tfdt(run.first_frame * AAC_FRAME), table)


def _tfdt(tick: int) -> bytes:
    return full_box(b"tfdt", 1, 0, struct.pack(">Q", tick))
