"""Access units to pictures and samples. The decoders, opened so that one unit in gives its picture out.

They do not report damage themselves: a broken unit may raise, or silently give a wrong picture. Whether a
picture may be shown is judged from the RTP sequence (renderer.sampler), never here.
Every picture leaves here as BT.601 limited range 4:2:0; what is tagged otherwise is converted.
"""

from __future__ import annotations

from typing import Literal, cast

import av
import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from compositing.picture import Picture, Rotation
from renderer.encode import planes_of

DecodePath = Literal["software", "nvdec"]
"""Who decodes: part of a chunk's key. `nvdec` is NVIDIA's decoder, where it opens."""

_VIDEO = {"vp8": "vp8", "vp9": "vp9", "h264": "h264", "av1": "libdav1d"}
_ON_GPU = frozenset({"vp8", "vp9", "h264"})
"""Codecs whose decoder can hand its work to a GPU and take it back for a stream that the GPU does not know."""
_BT709 = 1
_NATIVE = ("yuv420p", "yuvj420p")


class VideoDecoder:
    """One track's decoder. Fed in decoding order, beginning with a keyframe."""

    def __init__(self, codec: str, path: DecodePath = "software") -> None:
        """`codec` is vp8, vp9, h264 or av1. Where `path` cannot be had, software decodes: the same pictures of
        undamaged units, which the standards of all four define to the bit."""
        self._name = _VIDEO[codec]
        self._path = path
        self._context = _open(self._name, path)
        self._used = False

    def decode(self, data: bytes, begins: bool = False) -> av.VideoFrame | None:
        """The picture of one access unit, still as the decoder left it; None where nothing could be decoded.

        No data (a unit of which nothing is left) is nothing to decode. `begins` says that decoding can begin
        here: a new decoder goes on from here, as one that did begin here would. A keyframe alone does not make
        a decoder forget: its buffers still hold old pictures, and what is damaged later would show them.
        """
        if begins and self._used:
            self._context = _open(self._name, self._path)
        self._used = True
        frames = self.decode_all(data) if data else []
        return frames[-1] if frames else None

    def decode_all(self, data: bytes) -> list[av.VideoFrame]:
        """All pictures that come out when a unit goes in, where B-frames hold some back; no data flushes them."""
        try:
            return self._context.decode(av.Packet(data) if data else None)
        except av.error.FFmpegError:
            return []


def _open(name: str, path: DecodePath) -> av.VideoCodecContext:
    on_gpu = _open_on_gpu(name) if path == "nvdec" and name in _ON_GPU else None
    if on_gpu is not None:
        return on_gpu
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    return context


def _open_on_gpu(name: str) -> av.VideoCodecContext | None:
    """None where there is no GPU, or none that can: also with a fallback allowed, opening raises then."""
    try:
        # All decoders of a process share the GPU's primary context: one of its own is a tenth of a gigabyte each.
        device = HWAccel("cuda", allow_software_fallback=True, options={"primary_ctx": "1"})
        context = av.CodecContext.create(name, "r", hwaccel=device)
        assert isinstance(context, av.VideoCodecContext)
        context.thread_count = 1
        context.open()
    except (av.error.FFmpegError, RuntimeError, ValueError, NotImplementedError, OSError):
        return None
    return context


def to_picture(frame: av.VideoFrame, rotation: int) -> Picture:
    """`frame` as a picture: a view of its planes where they are BT.601 limited 4:2:0, else converted."""
    if frame.format.name not in _NATIVE or _full_range(frame) or frame.colorspace == _BT709:
        frame = _to_bt601(frame)
    return Picture(*planes_of(frame), rotation=cast(Rotation, rotation))


def copied(picture: Picture) -> Picture:
    """The same picture in memory of its own."""
    return Picture(picture.y.copy(), picture.u.copy(), picture.v.copy(), rotation=picture.rotation)


def _full_range(frame: av.VideoFrame) -> bool:
    return frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG


def _to_bt601(frame: av.VideoFrame) -> av.VideoFrame:
    matrix = Colorspace.ITU709 if frame.colorspace == _BT709 else Colorspace.ITU601
    return frame.reformat(
        format="yuv420p",
        src_colorspace=matrix,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG if _full_range(frame) else ColorRange.MPEG,
        dst_color_range=ColorRange.MPEG,
    )


class OpusDecoder:
    """Opus packets to (n, 2) float32 samples at 48 kHz; mono comes out on both channels."""

    def __init__(self) -> None:
        self._context = av.CodecContext.create("libopus", "r")
        assert isinstance(self._context, av.AudioCodecContext)
        self._context.sample_rate = 48_000
        self._context.layout = "stereo"
        self._last_toc = 0

    def decode(self, packet: bytes) -> NDArray[np.float32]:
        """The samples of one packet; none where it cannot be decoded."""
        samples = self._feed(packet) if packet else _silence(0)
        if len(samples):
            self._last_toc = packet[0]
        return samples

    def conceal(self) -> NDArray[np.float32]:
        """One frame made up from what came before, in the length of the last packet's frames.

        A packet of only a TOC byte with frame count code 0 (RFC 6716, section 3.1) holds no data, and libopus
        conceals such a frame.
        """
        return self._feed(bytes([self._last_toc & 0xFC]))

    def _feed(self, packet: bytes) -> NDArray[np.float32]:
        try:
            frames = self._context.decode(av.Packet(packet))
        except av.error.FFmpegError:
            return _silence(0)
        return np.concatenate([_interleaved(frame) for frame in frames]) if frames else _silence(0)


def _silence(count: int) -> NDArray[np.float32]:
    return np.zeros((count, 2), np.float32)


def _interleaved(frame: av.AudioFrame) -> NDArray[np.float32]:
    return frame.to_ndarray().reshape(-1, 2).astype(np.float32) / 32768.0
