"""The checkers find in a file what was put there: beeps to the millisecond, pictures to the frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor

from tests.support.barcode import Luma, read_barcode
from tests.support.pictures import Shot, draw
from tests.support.reader import read_segment
from tests.support.recordings import recording_dir
from tests.support.sounds import BEEP_AMPLITUDE, Samples, synthesise
from tests.support.spec import Spans, beep_hz
from tests.support.truth import (
    Floats,
    Times,
    Watched,
    beeps,
    luma_of,
    monotonic,
    off_second,
    read_times,
    samples_of,
    spread,
    sync_report,
)

SECONDS = 8
FPS = 30


def voice(index: int, onsets: list[float], soft: Spans = ((0, 1000 * SECONDS),)) -> Samples:
    times = np.arange(48_000 * SECONDS) / 48.0
    return synthesise(times, beep_hz(index), onsets, soft)


def export(path: Path, *, late_ms: float = 0.0, start_ms: int = 0, repeat: int = 1) -> Path:
    """An MP4 with one peer's pictures on the left; each shows the latest whose time has come."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 640, 180, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        for number in range(FPS * SECONDS):
            content = start_ms + number // repeat * repeat * 1000 / FPS - late_ms
            frame = av.VideoFrame(640, 180, "yuv420p")
            for plane, rows in zip(frame.planes, _planes(content), strict=True):
                view = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
                view[:, : plane.width] = rows
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        sound = voice(2, [second * 1000.0 + late_ms for second in range(1, SECONDS)])
        for at in range(0, len(sound), 1024):
            piece = av.AudioFrame.from_ndarray(sound[None, at : at + 1024], "fltp", "mono")
            piece.sample_rate, piece.pts, piece.time_base = 48_000, at, Fraction(1, 48_000)
            container.mux(audio.encode(piece))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def _planes(content_ms: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    left = draw(Shot(content_ms, 320, 180), 2)
    y = np.hstack([left[:180], np.full((180, 320), 60, np.uint8)])
    gray = np.full((90, 320), 128, np.uint8)
    return y, gray, gray


@pytest.mark.parametrize("offset", [0.0, 0.3, 7.77, 333.3])
def test_beeps_are_found_to_the_millisecond(offset: float) -> None:
    onsets = [second * 1000 + offset for second in range(1, SECONDS - 1)]
    assert np.abs(beeps(voice(1, onsets), beep_hz(1)) - onsets).max() < 0.5


def test_peers_who_beep_at_once_are_told_apart() -> None:
    whole = [1000.0 * second for second in range(1, SECONDS)]
    shifted = {index: [onset + 5.0 * index for onset in whole] for index in range(1, 6)}
    mixed = np.sum([voice(index, onsets) for index, onsets in shifted.items()], axis=0) / 5
    for index, onsets in shifted.items():
        found = beeps(mixed, beep_hz(index))
        assert len(found) == len(onsets)
        assert np.abs(found - onsets).max() < 2.0


def test_beeps_are_found_in_noise() -> None:
    onsets = [1000.0, 2500.0, 4000.0]
    noise = np.random.default_rng(1).normal(0, 0.08, 48_000 * SECONDS)
    found = beeps(voice(3, onsets) + noise, beep_hz(3))
    assert np.abs(found - onsets).max() < 2.0


def test_another_pitch_a_long_tone_and_silence_are_no_beeps() -> None:
    t = np.arange(48_000 * SECONDS) / 48_000
    assert len(beeps(voice(1, [1000.0, 2000.0]), beep_hz(3))) == 0
    assert len(beeps(0.3 * np.sin(2 * np.pi * beep_hz(1) * t) * (t > 2) * (t < 4), beep_hz(1))) == 0
    assert len(beeps(np.zeros(48_000), beep_hz(1))) == 0
    assert len(beeps(np.zeros(10), beep_hz(1))) == 0


def test_a_beep_that_is_missing_is_missed() -> None:
    found = beeps(voice(1, [1000.0, 3000.0]), beep_hz(1))
    assert np.round(found).tolist() == [1000.0, 3000.0]


def test_samples_of_a_file_stand_at_their_times(tmp_path: Path) -> None:
    samples, rate = samples_of(export(tmp_path / "a.mp4"))
    onset = np.flatnonzero(np.abs(samples[: int(1.5 * rate)]) > BEEP_AMPLITUDE / 2)[0]
    assert rate == 48_000
    assert onset / 48 == pytest.approx(1000, abs=2)


def test_pictures_are_read_with_their_frame_numbers(tmp_path: Path) -> None:
    path = export(tmp_path / "a.mp4")
    seen = read_times(path, {"left": (0, 0, 320, 180), "right": (320, 0, 320, 180)})
    left = seen["left"]
    assert left.frame.tolist() == list(range(FPS * SECONDS))
    assert set(left.index.tolist()) == {2}
    assert left.content_ms.tolist() == [n * 1000 // FPS // 10 * 10 for n in range(FPS * SECONDS)]
    assert len(seen["right"].frame) == 0
    assert len(left.of(3).frame) == 0


def test_late_pictures_and_sound_are_measured(tmp_path: Path) -> None:
    path = export(tmp_path / "a.mp4", late_ms=40)
    peers = {"ben": Watched((0, 0, 320, 180), 2, beep_hz(2)), "eve": Watched((320, 0, 320, 180), 3, 950)}
    report = sync_report(path, peers, fps=FPS)
    ben, eve = report["ben"], report["eve"]
    assert ben.monotonic
    assert ben.picture.median == pytest.approx(-45, abs=3)
    assert ben.sound_ms == pytest.approx(40, abs=1)
    assert ben.skew_ms == pytest.approx(-5, abs=3)
    assert (ben.beeps, ben.strangers) == (SECONDS - 1, 0)
    assert (eve.frames, eve.beeps) == (0, 0)
    assert np.isnan(eve.sound_ms)


def test_a_low_frame_rate_widens_the_spread(tmp_path: Path) -> None:
    seen = read_times(export(tmp_path / "a.mp4", repeat=6), {"ben": (0, 0, 320, 180)})["ben"]
    found = spread(seen.content_ms, seen.frame, FPS)
    assert found.p5 < -150
    assert found.p95 >= -10


def test_times_past_the_wrap_are_unwrapped_near_the_output_time(tmp_path: Path) -> None:
    path = export(tmp_path / "a.mp4", start_ms=3_600_000)
    seen = read_times(path, {"ben": (0, 0, 320, 180)}, start_ms=3_600_000)["ben"]
    assert seen.content_ms[0] == 3_600_000
    assert spread(seen.content_ms, seen.frame, FPS, start_ms=3_600_000).median == pytest.approx(-5, abs=3)


def test_going_back_in_time_is_noticed() -> None:
    frame = np.arange(3)
    assert monotonic(Times(frame, frame, np.array([10, 10, 20])))
    assert not monotonic(Times(frame, frame, np.array([10, 20, 10])))


def test_offsets_from_the_second() -> None:
    onsets: Floats = np.array([998.0, 2003.0])
    assert off_second(onsets).tolist() == [-2.0, 3.0]


@pytest.mark.recordings
def test_real_cameras_are_legible_on_every_frame() -> None:
    recording = recording_dir("standup")
    files = sorted((recording / "tracks").glob("*-video-*-000001.rtp"))
    assert len(files) == 3
    indexes = set()
    for path in files:
        pictures = 0
        for luma in _first_pictures(path, 120):
            seen = read_barcode(luma, 0, 0, luma.shape[1], luma.shape[0])
            assert seen is not None
            indexes.add(seen[0])
            pictures += 1
        assert pictures == 120
    assert indexes == {1, 2, 3}


def _first_pictures(segment: Path, count: int) -> Iterator[Luma]:
    """The luma of the first pictures of a VP8 segment without loss."""
    decoder = av.CodecContext.create("vp8", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    packets = sorted(read_segment(segment)[1], key=lambda packet: packet.sequence)
    units = groupby((p for p in packets if p.payload), key=lambda packet: packet.timestamp)
    for _, (_, unit) in zip(range(count), units, strict=False):
        data = b"".join(VpxPayloadDescriptor.parse(packet.payload)[1] for packet in unit)
        yield from map(luma_of, decoder.decode(av.Packet(data)))
