"""Real chunks for tests: H.264 by x264 and AAC by FFmpeg, packed as the renderer packs them.

Pictures are a pure function of the frame number and sound is a slice of one array, so chunks made apart can
be compared with what they were made from.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from renderer.concat import ChunkRef
from renderer.h264_bytes import annexb_to_avcc, avcc_config, parameter_sets
from renderer.samples import pack_audio_chunk, pack_video_chunk

WIDTH, HEIGHT = 160, 96
_X264 = "open-gop=0:keyint=40:scenecut=0:stitchable=1:cpu-independent=1"
_GLOBAL_HEADER = av.codec.context.Flags.global_header
PREROLL_FRAMES = 8
CHUNK_PACKETS = 375


def luma_of(n: int) -> NDArray[np.uint8]:
    """The picture of frame n, (HEIGHT, WIDTH): a moving bar on a moving ramp."""
    x = np.arange(WIDTH)
    row = 40 + (x + 3 * n) % 120
    row[n % 5 * 30 : n % 5 * 30 + 12] = 235 - n % 7
    return np.tile(row.astype(np.uint8), (HEIGHT, 1))


def video_chunk(first: int, count: int, fps: int = 30, params: str = "", crf: int = 23) -> bytes:
    """The chunk object of frames [first, first + count)."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate, context.thread_count = Fraction(1, fps), Fraction(fps), 1
    context.flags |= _GLOBAL_HEADER
    context.options = {"preset": "veryfast", "crf": str(crf), "x264-params": _X264 + params}
    packets = [p for n in range(count) for p in context.encode(_frame(first + n, n))] + context.encode(None)
    return pack_video_chunk(
        [(annexb_to_avcc(bytes(p)), p.pts or 0, p.is_keyframe) for p in packets],
        config=avcc_config(*parameter_sets(bytes(context.extradata or b""))),
        width=WIDTH,
        height=HEIGHT,
        fps=fps,
        first_frame=first,
        extra={"encoder": "x264"},
    )


def _frame(number: int, pts: int) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    for plane, values in zip(frame.planes, (luma_of(number), grey, grey), strict=True):
        view = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        view[:] = values
    frame.pts = pts
    return frame


def aac_packets(samples: NDArray[np.float32], bit_rate: int = 128_000) -> tuple[bytes, list[bytes]]:
    """AudioSpecificConfig and packets of (n, 2) samples; the first packet is the encoder's priming."""
    context = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = 48_000, "stereo", "fltp"
    context.bit_rate, context.time_base = bit_rate, Fraction(1, 48_000)
    context.flags |= _GLOBAL_HEADER
    packets: list[bytes] = []
    for start in range(0, len(samples), 1024):
        planar = np.ascontiguousarray(samples[start : start + 1024].T)
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        packets += [bytes(p) for p in context.encode(frame)]
    packets += [bytes(p) for p in context.encode(None)]
    return bytes(context.extradata or b""), packets


def audio_chunk(sound: NDArray[np.float32], k: int, *, priming: int = 1, bit_rate: int = 128_000) -> bytes:
    """The chunk object of AAC frames [375 k - priming, 375 (k + 1)) of `sound`, (n, 2) from recording time 0.

    Encoded by itself, with a pre-roll that is dropped; silence before and after `sound`.
    """
    first = CHUNK_PACKETS * k
    start, end = (first - PREROLL_FRAMES) * 1024, (first + CHUNK_PACKETS + 2) * 1024
    piece = np.zeros((end - start, 2), np.float32)
    heard = sound[max(start, 0) : max(end, 0)]
    offset = max(-start, 0)
    piece[offset : offset + len(heard)] = heard
    config, packets = aac_packets(piece, bit_rate)
    kept = packets[PREROLL_FRAMES + 1 - priming : PREROLL_FRAMES + 1 + CHUNK_PACKETS]
    return pack_audio_chunk(kept, config=config, first_packet=first - priming)


def ref(key: str, blob: bytes) -> ChunkRef:
    """A reference to a chunk object in memory."""

    def fetch(offset: int, length: int) -> bytes:
        return blob[offset : offset + length]

    return ChunkRef.open(key, fetch)
