"""Small HLS streams (fMP4) that explain themselves: each frame carries its own time, sound beeps on whole seconds.

    playlist = write_hls(tmp_path / "ada", seconds=8, index=1)    # …/ada/av.m3u8

Muxed by FFmpeg's own HLS muxer, so that what reads them is tried on something that we did not write.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.support.barcode import Luma, draw_barcode
from tests.support.sounds import synthesise
from tests.support.spec import beep_hz

FPS, SEGMENT_S, RATE = 30, 2, 48_000
_X264 = {"preset": "ultrafast", "g": str(FPS * SEGMENT_S), "sc_threshold": "0", "bf": "0"}


def write_hls(
    folder: Path, *, seconds: int, index: int, size: tuple[int, int] = (320, 180), sound_late_ms: float = 0.0
) -> Path:
    """A playlist with its segments in `folder`; frame n shows (index, n / FPS), beeps are those of the index."""
    folder.mkdir(parents=True)
    playlist = folder / "av.m3u8"
    options = {
        "hls_time": str(SEGMENT_S),
        "hls_segment_type": "fmp4",
        "hls_playlist_type": "vod",
        "hls_segment_filename": str(folder / "av_%04d.m4s"),
        "hls_flags": "independent_segments",
    }
    with av.open(str(playlist), "w", format="hls", options=options) as container:
        video = container.add_stream("libx264", rate=FPS, options=_X264)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for second in range(seconds):
            for number in range(second * FPS, (second + 1) * FPS):
                container.mux(video.encode(_picture(number, index, size)))
            for piece in _sound(second, index, sound_late_ms):
                container.mux(_unprimed(audio.encode(piece)))
        container.mux(video.encode(None))
        container.mux(_unprimed(audio.encode(None)))
    return playlist


def _picture(number: int, index: int, size: tuple[int, int]) -> av.VideoFrame:
    w, h = size
    frame = av.VideoFrame(w, h, "yuv420p")
    for plane, value in zip(frame.planes, (90, 128, 128), strict=True):
        np.frombuffer(memoryview(plane), np.uint8)[:] = value
    draw_barcode(_luma(frame), index, number * 1000 / FPS)
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def _luma(frame: av.VideoFrame) -> Luma:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    luma: Luma = rows[:, : plane.width]
    return luma


def _unprimed(packets: list[av.Packet[av.AudioStream]]) -> list[av.Packet[av.AudioStream]]:
    """Without what an AAC encoder puts before the first sample: HLS has no edit list to hide it."""
    return [packet for packet in packets if packet.pts is not None and packet.pts >= 0]


def _sound(second: int, index: int, late_ms: float) -> list[av.AudioFrame]:
    """One second in pieces, each at its time."""
    times = second * 1000 + np.arange(RATE) * 1000 / RATE
    samples = synthesise(times, beep_hz(index), [second * 1000 + late_ms] if second else [], ())
    pieces = []
    for at in range(0, RATE, 960):
        piece = av.AudioFrame.from_ndarray(samples[None, at : at + 960], "fltp", "mono")
        piece.sample_rate, piece.pts, piece.time_base = RATE, second * RATE + at, Fraction(1, RATE)
        pieces.append(piece)
    return pieces
