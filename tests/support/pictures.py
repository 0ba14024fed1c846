"""Pictures that explain themselves, and their encoding as a WebRTC sender would do it.

Each has a colour of its peer, a background that may move, and the barcode. Encoders give one packet per
picture, at once. Knows no RTP and no file.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from tests.support.barcode import draw_barcode
from tests.support.spec import Rotation, VideoCodec

Plane = NDArray[np.uint8]

_LIBVPX = {
    "deadline": "realtime",
    "lag-in-frames": "0",
    "auto-alt-ref": "0",
    "qmin": "4",
    "qmax": "40",
}
_VP8_SPEED = "-8"
"""A positive one adapts to the time that encoding takes: other bytes on a busy machine."""
_LIBX264 = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "forced-idr": "1"}
_ENCODERS: dict[VideoCodec, tuple[str, dict[str, str]]] = {
    "vp8": ("libvpx", _LIBVPX | {"cpu-used": _VP8_SPEED}),
    "vp9": ("libvpx-vp9", _LIBVPX | {"cpu-used": "8"}),
    "h264": ("libx264", _LIBX264),
    "av1": ("libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1:rc=2:lookahead=0"}),
}
_NEVER = 1 << 24
_ROOT = Path(__file__).resolve().parents[2]
_TRIES, _PATIENCE_S = 4, 60.0
_SLIDE = 64
"""Pixels over which the background moves forth and back."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to be encoded: what it shows, its upright size, and how it is turned when coded."""

    content_ms: float
    w: int
    h: int
    rotation: Rotation = 0
    keyframe: bool = False

    @property
    def coded_size(self) -> tuple[int, int]:
        return (self.w, self.h) if self.rotation in (0, 180) else (self.h, self.w)


@dataclass(frozen=True, slots=True)
class Coded:
    """One encoded picture."""

    shot: Shot
    data: bytes
    keyframe: bool


def colour(index: int) -> tuple[int, int]:
    """The (U, V) of the peer with that barcode index; far apart for indexes that are near."""
    angle = 2.4 * index
    return round(128 + 50 * np.cos(angle)), round(128 + 50 * np.sin(angle))


def draw(shot: Shot, index: int, *, moving: bool = True) -> Plane:
    """The coded planes of `shot`, stacked: (3 H / 2, W) uint8, Y over U over V of 4:2:0."""
    phase = int(shot.content_ms / 33) % (2 * _SLIDE) if moving else 0
    offset = min(phase, 2 * _SLIDE - phase)
    y = _background(shot.w + _SLIDE, shot.h, index)[:, offset : offset + shot.w].copy()
    draw_barcode(y, index, shot.content_ms)
    w, h = shot.coded_size
    stacked = np.empty((h * 3 // 2, w), np.uint8)
    stacked[:h] = np.rot90(y, shot.rotation // 90)
    stacked[h:].reshape(2, -1)[:] = np.array(colour(index), np.uint8)[:, None]
    return stacked


def encode(
    shots: Iterable[Shot],
    index: int,
    codec: VideoCodec,
    *,
    fps: float,
    bitrate: int,
    moving: bool = True,
    max_slice: int = 0,
) -> Iterator[Coded]:
    """Encodes `shots` in order; a new coded size starts a new encoder, and so with a keyframe.

    `max_slice` bounds the bytes of an H.264 slice (for packetization-mode 0); 0 is one slice per picture.
    """
    if codec == "av1":
        return iter(_encoded_apart(list(shots), index, codec, fps, bitrate, moving, max_slice))
    return _encoded(shots, index, codec, fps, bitrate, moving, max_slice)


def _encoded_apart(*work: Any) -> list[Coded]:
    """What `_encoded` gives, from a process of its own.

    SVT-AV1 puts its caller on the real-time scheduler where it may (as root: SCHED_FIFO, 99), and all that the caller
    starts later inherits that and starves the rest of the machine. And now and then its threads wait for each other
    for ever: then it is tried again.
    """
    for _ in range(_TRIES):
        with suppress(subprocess.TimeoutExpired):
            command = [sys.executable, "-m", "tests.support.pictures"]
            done = subprocess.run(
                command, cwd=_ROOT, input=pickle.dumps(work), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                check=True, timeout=_PATIENCE_S,
            )  # fmt: skip
            found: list[Coded] = pickle.loads(done.stdout)
            return found
    raise TimeoutError(f"SVT-AV1 hung in each of {_TRIES} tries")


def _encoded(
    shots: Iterable[Shot], index: int, codec: VideoCodec, fps: float, bitrate: int, moving: bool, max_slice: int
) -> Iterator[Coded]:
    encoder: av.VideoCodecContext | None = None
    size = (0, 0)
    for number, shot in enumerate(shots):
        if encoder is None or shot.coded_size != size:
            size = shot.coded_size
            encoder = _open(codec, size, fps, bitrate, max_slice)
        frame = av.VideoFrame.from_ndarray(draw(shot, index, moving=moving), "yuv420p")
        frame.pts, frame.time_base = number, encoder.time_base
        frame.pict_type = PictureType.I if shot.keyframe else PictureType.NONE
        (packet,) = encoder.encode(frame)
        yield Coded(shot, bytes(packet), packet.is_keyframe)


def _open(
    codec: VideoCodec, size: tuple[int, int], fps: float, bitrate: int, max_slice: int
) -> av.VideoCodecContext:
    name, options = _ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(fps).limit_denominator(1001)
    encoder.time_base = 1 / encoder.framerate
    encoder.gop_size = _NEVER
    encoder.max_b_frames = 0
    encoder.bit_rate = bitrate
    encoder.thread_count = 1
    encoder.options = options | ({"x264-params": f"slice-max-size={max_slice}"} if max_slice else {})
    return encoder


@cache
def _background(w: int, h: int, index: int) -> Plane:
    """A smooth pattern, other for each index: (h, w) uint8, dark enough for the barcode to stand out."""
    rng = np.random.default_rng(index)
    coarse = rng.uniform(70, 170, (h // 45 + 2, w // 45 + 2))
    rows, columns = np.linspace(0, len(coarse) - 1.001, h), np.linspace(0, coarse.shape[1] - 1.001, w)
    top, left = rows.astype(int), columns.astype(int)
    down, right = (rows - top)[:, None], (columns - left)[None, :]
    upper = coarse[top][:, left] * (1 - right) + coarse[top][:, left + 1] * right
    lower = coarse[top + 1][:, left] * (1 - right) + coarse[top + 1][:, left + 1] * right
    pattern: Plane = (upper * (1 - down) + lower * down).astype(np.uint8)
    return pattern


if __name__ == "__main__":
    from tests.support import pictures  # under its own name: what is pickled here is read there

    sys.stdout.buffer.write(pickle.dumps(list(pictures._encoded(*pickle.load(sys.stdin.buffer)))))
