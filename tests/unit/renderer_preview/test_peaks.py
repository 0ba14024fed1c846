"""A waveform has the lowest and the highest sample of each twentieth of a second."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.peaks import PEAKS_PER_SECOND, SAMPLES_PER_PEAK, peaks


def test_a_bin_has_its_lowest_and_highest_sample_of_both_channels() -> None:
    samples = np.zeros((2 * SAMPLES_PER_PEAK, 2), np.float32)
    samples[100, 0], samples[SAMPLES_PER_PEAK - 1, 1] = 0.5, -0.25
    samples[SAMPLES_PER_PEAK, 1] = 1.0
    assert peaks(samples).tolist() == [[-32, 64], [0, 127]]


def test_what_is_too_loud_is_drawn_at_full_scale() -> None:
    loud = np.array([[3.0, -7.0]], np.float32)
    assert peaks(loud).tolist() == [[-127, 127]]


@given(st.integers(0, 5 * SAMPLES_PER_PEAK))
def test_a_last_bin_that_is_not_full_counts(length: int) -> None:
    found = peaks(np.full((length, 2), 0.5, np.float32))
    assert found.dtype == np.int8
    assert found.shape == (-(-length // SAMPLES_PER_PEAK), 2)
    assert (found[:, 1] == 64).all()


def test_a_sine_fills_its_amplitude() -> None:
    t = np.arange(48_000) / 48_000
    found = peaks(np.column_stack([0.8 * np.sin(2 * np.pi * 440 * t)] * 2).astype(np.float32))
    assert len(found) == PEAKS_PER_SECOND
    assert found[:, 0] == pytest.approx(-102, abs=1)
    assert found[:, 1] == pytest.approx(102, abs=1)
