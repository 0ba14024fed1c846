"""Reading between samples: how exact it is, and that pieces join exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.resample import TAPS, read_at


def tone(hz: float, positions: np.ndarray) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * positions / 48_000)


def stereo(samples: np.ndarray) -> np.ndarray:
    return np.stack([samples, -0.5 * samples], axis=1).astype(np.float32)


def error_db(got: np.ndarray, wanted: np.ndarray) -> float:
    power = float(np.mean((got.astype(np.float64) - wanted) ** 2))
    return 10 * np.log10(max(power, 1e-30) / float(np.mean(wanted**2)))


@pytest.mark.parametrize("ppm", [-500, -20, 0, 20, 500])
@pytest.mark.parametrize(("hz", "at_most_db"), [(100, -70), (1000, -70), (4000, -62), (8000, -56), (12_000, -50)])
def test_a_drifting_tone_is_read_as_the_tone(hz: float, at_most_db: float, ppm: float) -> None:
    positions = 100.37 + np.arange(20_000) * (1 + ppm * 1e-6)
    got = read_at(stereo(tone(hz, np.arange(20_300))), positions)
    assert got.shape == (20_000, 2)
    assert error_db(got, stereo(tone(hz, positions))) < at_most_db


def test_whole_positions_give_the_very_samples() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1000, 2)).astype(np.float32)
    assert np.array_equal(read_at(noise, np.arange(100.0, 900.0)), noise[100:900])
    assert np.array_equal(read_at(noise, np.arange(-5.0, 10.0))[:5], np.zeros((5, 2)))
    assert np.array_equal(read_at(noise, np.arange(995.0, 1005.0))[5:], np.zeros((5, 2)))


def test_outside_of_the_samples_there_is_silence() -> None:
    ones = np.ones((100, 2), np.float32)
    far = np.array([-1e6, -TAPS - 0.5, 100 + TAPS + 0.5, 1e6])
    assert np.abs(read_at(ones, far)).max() < 1e-6
    assert read_at(ones, np.zeros(0)).shape == (0, 2)
    assert read_at(np.zeros((0, 2), np.float32), np.array([0.5, 1.7])).tolist() == [[0, 0], [0, 0]]


@settings(deadline=None)
@given(st.integers(1, 2999), st.floats(-3, 3), st.floats(-0.0006, 0.0006))
def test_pieces_read_apart_join_to_what_is_read_in_one(cut: int, start: float, drift: float) -> None:
    noise = np.random.default_rng(5).normal(0, 0.1, (3000, 2)).astype(np.float32)
    positions = start + np.arange(3000) * (1 + drift)
    joined = np.concatenate([read_at(noise, positions[:cut]), read_at(noise, positions[cut:])])
    assert np.abs(joined - read_at(noise, positions)).max() < 2e-3
