"""The boxes that every MP4 file is made of, whole files and fragments alike (ISO/IEC 14496-12, -14, -15).

Pure functions from values to bytes. Nothing depends on when or where a file is made: creation times are 0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from compositing.geometry import Size

U32_MAX = 0xFFFFFFFF
_SMPTE170M = 6
_UNITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LANGUAGE_UND = 0x55C4


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box: u32 size, type, body (ISO/IEC 14496-12, 4.2)."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def u32s(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def times(*values: int) -> tuple[int, bytes]:
    """Version 0 with 32-bit fields where they fit, else version 1 with 64-bit fields."""
    version = int(max(values) > U32_MAX)
    return version, struct.pack(f">{len(values)}{'Q' if version else 'I'}", *values)


def mvhd(timescale: int, duration: int, next_track: int) -> bytes:
    version, end = times(duration)
    created = b"\0" * (16 if version else 8)
    volume_and_reserved = struct.pack(">IH10x", 0x10000, 0x100)
    rest = volume_and_reserved + _UNITY_MATRIX + b"\0" * 24 + u32s(next_track)
    return full_box(b"mvhd", version, 0, created, u32s(timescale), end, rest)


def tkhd(track_id: int, duration: int, size: Size | None) -> bytes:
    """The header of a track; `size` is None for sound."""
    version, end = times(duration)
    created = b"\0" * (16 if version else 8)
    layer_to_volume = struct.pack(">8xhhHxx", 0, int(size is None), 0x100 * (size is None))
    shape = _UNITY_MATRIX + (u32s(size.w << 16, size.h << 16) if size else u32s(0, 0))
    enabled_in_movie = 3
    return full_box(b"tkhd", version, enabled_in_movie, created, u32s(track_id, 0), end, layer_to_volume, shape)


def mdia(timescale: int, duration: int, sample_table: bytes, *, video: bool) -> bytes:
    """The media of a track, its samples inside this file."""
    version, end = times(duration)
    created = b"\0" * (16 if version else 8)
    language = struct.pack(">HH", _LANGUAGE_UND, 0)
    if video:
        handler, name, media_header = b"vide", b"VideoHandler\0", full_box(b"vmhd", 0, 1, b"\0" * 8)
    else:
        handler, name, media_header = b"soun", b"SoundHandler\0", full_box(b"smhd", 0, 0, b"\0" * 4)
    self_contained = full_box(b"url ", 0, 1)
    dinf = box(b"dinf", full_box(b"dref", 0, 0, u32s(1), self_contained))
    return box(
        b"mdia",
        full_box(b"mdhd", version, 0, created, u32s(timescale), end, language),
        full_box(b"hdlr", 0, 0, b"\0" * 4, handler, b"\0" * 12, name),
        box(b"minf", media_header, dinf, sample_table),
    )


def avc1(config: bytes, size: Size) -> bytes:
    """The sample entry of H.264; `config` is the body of `avcC`."""
    resolution_72_dpi = 0x480000
    visual = struct.pack(">6xH16xHHII4xH32xHh", 1, size.w, size.h, resolution_72_dpi, resolution_72_dpi, 1, 24, -1)
    limited_range = 0
    colour = struct.pack(">4sHHHB", b"nclx", _SMPTE170M, _SMPTE170M, _SMPTE170M, limited_range)
    return box(b"avc1", visual, box(b"avcC", config), box(b"colr", colour), box(b"pasp", u32s(1, 1)))


@dataclass(frozen=True, slots=True)
class AacRates:
    """What a decoder is told of a stream of AAC: bytes in the largest frame, bits per second."""

    largest: int
    peak: int
    average: int


def mp4a(config: bytes, sample_rate: int, rates: AacRates) -> bytes:
    """The sample entry of AAC, stereo; `config` is the AudioSpecificConfig."""
    channels, bits = 2, 16
    sound = struct.pack(">6xH8xHH4xI", 1, channels, bits, sample_rate << 16)
    return box(b"mp4a", sound, full_box(b"esds", 0, 0, _es_descriptor(config, rates)))


def _es_descriptor(config: bytes, rates: AacRates) -> bytes:
    """ISO/IEC 14496-1, 7.2.6: ES_Descriptor(DecoderConfigDescriptor(AudioSpecificConfig), SLConfig)."""
    aac, audio_stream = 0x40, 0x15
    rate_fields = struct.pack(">II", rates.peak, rates.average)
    decoder = bytes([aac, audio_stream]) + rates.largest.to_bytes(3, "big") + rate_fields
    inner = _descriptor(4, decoder + _descriptor(5, config))
    return _descriptor(3, b"\0\0\0" + inner + _descriptor(6, b"\2"))


def _descriptor(tag: int, body: bytes) -> bytes:
    size = bytes([len(body) >> 7 | 0x80, len(body) & 0x7F]) if len(body) > 0x7F else bytes([len(body)])
    return bytes([tag]) + size + body
