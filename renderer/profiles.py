"""Encoder settings by name: what `draft`, `standard` and `high` mean, for every encoder.

Values only. All chunks of one job are encoded with one `VideoProfile`; it is part of every chunk's key.
`cpu-independent=1` with one thread makes x264's bytes the same on every processor, `stitchable=1` keeps the
parameter sets of all chunks equal, and closed GOPs let chunks be joined without touching them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PresetName = Literal["draft", "standard", "high"]
PreviewPreset = Literal["standard", "low"]
EncoderName = Literal["x264", "nvenc"]

PRESETS: tuple[PresetName, ...] = ("draft", "standard", "high")
KEYFRAME_INTERVAL_S = 4
"""Longest distance of keyframes: half a chunk, so that players seek well."""


@dataclass(frozen=True, slots=True)
class VideoProfile:
    """How pictures become H.264 High."""

    encoder: EncoderName
    codec: str
    """FFmpeg's name of the encoder."""
    options: tuple[tuple[str, str], ...]
    """FFmpeg options of the encoder, in a fixed order."""
    reorder_frames: int
    """How many frames decoding runs ahead of presentation (the depth of B-frame reordering)."""


@dataclass(frozen=True, slots=True)
class AudioProfile:
    """How samples become AAC-LC, 48 kHz, stereo."""

    bit_rate: int
    """Bits per second."""


_X264 = {"draft": ("superfast", "28"), "standard": ("veryfast", "23"), "high": ("medium", "19")}
_NVENC = {"draft": ("p2", "32"), "standard": ("p4", "26"), "high": ("p6", "21")}
_PREVIEW_CRF = {"standard": "23", "low": "27"}
_AAC = {"draft": 96_000, "standard": 128_000, "high": 192_000}


def video_profile(preset: PresetName, encoder: EncoderName, fps: int) -> VideoProfile:
    """The settings of `preset` for `encoder` at `fps` frames per second."""
    return _x264(preset, fps) if encoder == "x264" else _nvenc(preset, fps)


def preview_profile(preset: PreviewPreset) -> VideoProfile:
    """The settings of preview segments: one keyframe each, at the front, and no B-frames, so that a segment's
    decode times are its presentation times and every player reads them alike.

    Superfast's search with veryfast's lookahead: 0.57 of veryfast's time, for 5 % more bytes and 0.05 dB less SSIM.
    """
    lookahead = "mbtree=1:rc-lookahead=10"
    params = f"keyint=infinite:scenecut=0:open-gop=0:stitchable=1:cpu-independent=1:bframes=0:{lookahead}"
    options = (("preset", "superfast"), ("crf", _PREVIEW_CRF[preset]), ("profile", "high"), ("x264-params", params))
    return VideoProfile("x264", "libx264", options, reorder_frames=0)


def audio_profile(preset: PresetName) -> AudioProfile:
    return AudioProfile(_AAC[preset])


def _x264(preset: PresetName, fps: int) -> VideoProfile:
    speed, crf = _X264[preset]
    keyint = KEYFRAME_INTERVAL_S * fps
    params = f"keyint={keyint}:open-gop=0:stitchable=1:cpu-independent=1:bframes=3:b-pyramid=normal"
    options = (("preset", speed), ("crf", crf), ("profile", "high"), ("x264-params", params))
    return VideoProfile("x264", "libx264", options, reorder_frames=2)


def _nvenc(preset: PresetName, fps: int) -> VideoProfile:
    speed, quality = _NVENC[preset]
    options = (
        ("preset", speed), ("rc", "vbr"), ("cq", quality), ("b", "0"), ("profile", "high"), ("bf", "0"),
        ("g", str(KEYFRAME_INTERVAL_S * fps)), ("forced-idr", "1"), ("rc-lookahead", "0"),
    )  # fmt: skip
    return VideoProfile("nvenc", "h264_nvenc", options, reorder_frames=0)
