"""The header by itself: exact at every frame rate and length, read back by the independent reader from a file
whose bodies are holes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from renderer.mp4 import MOVIE_TIMESCALE, AudioTrack, Movie, VideoTrack, build_movie
from tests.support.mp4_check import Mp4Facts, check_mp4

AVCC = bytes.fromhex("0164000dffe1000467640000010004 68efbcb0 fdf8f800".replace(" ", ""))


def video(fps: int, frames: int, size: int = 100) -> VideoTrack:
    """A track with B-frames: groups of three are decoded 0 2 1."""
    offsets = np.resize(np.array([1, 2, 0], np.int32), frames) if frames > 2 else np.zeros(frames, np.int32)
    offsets[frames // 3 * 3 :] = min(frames // 3, 1)
    return VideoTrack(
        config=AVCC,
        width=64,
        height=48,
        timescale=fps * 1000,
        sample_ticks=1000,
        sizes=np.full(frames, size, np.int32),
        composition_ticks=offsets * 1000,
        keyframes=np.arange(frames) % fps == 0,
        edit_start=1000 if frames > 2 else 0,
    )


def audio(samples: int, skip: int = 1024, size: int = 10) -> AudioTrack:
    packets = -(-(skip + samples) // 1024)
    return AudioTrack(b"\x11\x90\x56\xe5\x00", 48_000, 1024, np.full(packets, size, np.int32), skip, samples)


def write(movie: Movie, path: Path) -> Mp4Facts:
    """The file with holes for samples, read by the checker."""
    with open(path, "wb") as file:
        file.write(movie.head)
        file.truncate(movie.total_bytes)
    return check_mp4(path, read_samples=False)


@pytest.mark.parametrize("fps", [1, 7, 15, 24, 25, 29, 30, 48, 50, 59, 60])
@pytest.mark.parametrize("frames", [1, 2, 3, 61, 997])
def test_every_frame_rate_and_length_is_exact(fps: int, frames: int, tmp_path: Path) -> None:
    samples = frames * 48_000 // fps
    facts = write(build_movie((video(fps, frames), audio(samples)), "mp4"), tmp_path / "a.mp4")
    assert facts.problems == []
    assert facts.video_pts == [Fraction(n, fps) for n in range(frames)]
    assert (facts.frames, facts.fps, facts.video_s) == (frames, fps, Fraction(frames, fps))
    assert (facts.audio_s, facts.audio_skipped_samples) == (Fraction(samples, 48_000), 1024)
    assert facts.faststart


@pytest.mark.parametrize("skip", [1024, 1025, 1600, 2047])
def test_the_audio_edit_is_exact_to_the_sample(skip: int, tmp_path: Path) -> None:
    facts = write(build_movie((audio(48_001, skip),), "m4a"), tmp_path / "a.m4a")
    assert facts.problems == []
    assert (facts.brand, facts.audio_skipped_samples) == ("M4A ", skip)
    assert facts.audio_s == Fraction(48_001, 48_000)


def test_beyond_4_gib_offsets_and_mdat_are_large(tmp_path: Path) -> None:
    tracks = (video(30, 9000, size=500_000), audio(300 * 48_000))
    movie = build_movie(tracks, "mp4")
    assert movie.total_bytes > 1 << 32
    facts = write(movie, tmp_path / "a.mp4")
    assert facts.problems == []
    assert facts.large_offsets
    assert facts.video_s == facts.audio_s == 300


@pytest.mark.parametrize("over", [False, True])
def test_at_4_gib_the_switch_is_safe(over: bool, tmp_path: Path) -> None:
    size = (1 << 32) // 300 + (0 if over else -30)
    movie = build_movie((video(30, 300, size=size), audio(480_000, size=1)), "mp4")
    facts = write(movie, tmp_path / "a.mp4")
    assert facts.problems == []
    assert facts.large_offsets is over


def test_beyond_five_hours_durations_are_64_bit(tmp_path: Path) -> None:
    seconds = 5 * 3600
    assert seconds * MOVIE_TIMESCALE > 1 << 32
    facts = write(build_movie((video(1, seconds), audio(48_000)), "mp4"), tmp_path / "a.mp4")
    assert facts.problems == []
    assert (facts.video_s, facts.audio_s) == (seconds, 1)


def test_sound_lies_beside_its_pictures() -> None:
    fps, seconds = 30, 60
    tracks = (video(fps, fps * seconds), audio(seconds * 48_000))
    runs = build_movie(tracks, "mp4").runs
    assert [run.track for run in runs] == [0, 1] * seconds
    for run in runs:
        per_second = fps if run.track == 0 else 48_000 / 1024
        assert run.end - run.first <= 1.05 * per_second + 1
    for picture, sound in zip(runs[::2], runs[1::2], strict=True):
        assert abs(picture.end / fps - (sound.end * 1024 - 1024) / 48_000) < 0.05


def test_the_header_depends_on_its_input_alone() -> None:
    heads = {build_movie((video(30, 90), audio(144_000)), "mp4").head for _ in range(2)}
    assert len(heads) == 1


@pytest.mark.parametrize("packets", [0, 46, 48])
def test_audio_packets_must_end_where_the_edit_ends(packets: int) -> None:
    track = AudioTrack(b"\x11\x90", 48_000, 1024, np.full(packets, 9, np.int32), 1024, 46 * 1024 - 5)
    with pytest.raises(ValueError, match=r"edit|without"):
        build_movie((track,), "m4a")
