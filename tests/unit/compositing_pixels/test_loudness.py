from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compositing.loudness import (
    BLOCK_SAMPLES,
    LOUDNESS_CONTEXT,
    MAX_GAIN_DB,
    block_energies,
    gain_to,
    integrate,
)

LUFS_TOLERANCE = 0.1
"""EBU Tech 3341 allows a meter this much."""


def sine(seconds: float, dbfs: float, hz: float = 997.0) -> NDArray[np.float32]:
    t = np.arange(round(seconds * 48_000)) / 48_000
    one = 10 ** (dbfs / 20) * np.sin(2 * math.pi * hz * t)
    return np.stack([one, one], axis=1).astype(np.float32)


def measured(samples: NDArray[np.float32]) -> float:
    return integrate(block_energies(np.pad(samples, ((LOUDNESS_CONTEXT, 0), (0, 0)))))


@pytest.mark.parametrize("dbfs", [-23.0, -33.0, -40.0, -6.0])
def test_a_sine_reads_its_level(dbfs: float) -> None:
    assert measured(sine(5, dbfs)) == pytest.approx(dbfs, abs=LUFS_TOLERANCE)


def test_one_channel_alone_is_three_decibels_quieter() -> None:
    left = sine(3, -20)
    left[:, 1] = 0
    assert measured(left) == pytest.approx(-23.0, abs=LUFS_TOLERANCE)


@pytest.mark.parametrize(("hz", "weight_db"), [(60, -4.0), (100, -1.8), (10_000, 3.3)])
def test_low_tones_count_less_and_high_ones_more(hz: float, weight_db: float) -> None:
    assert measured(sine(3, -20, hz)) == pytest.approx(-20 + weight_db, abs=0.5)


def test_gating_leaves_out_what_is_much_quieter() -> None:
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36."""
    programme = np.concatenate([sine(10, -36), sine(60, -23), sine(10, -36)])
    assert measured(programme) == pytest.approx(-23.0, abs=LUFS_TOLERANCE)


def test_absolute_gate_leaves_out_near_silence() -> None:
    """EBU Tech 3341, case 4, shortened: -72 around -36, -23, -36."""
    parts = [sine(5, -72), sine(5, -36), sine(30, -23), sine(5, -36), sine(5, -72)]
    assert measured(np.concatenate(parts)) == pytest.approx(-23.0, abs=LUFS_TOLERANCE)


def test_silence_and_snippets_have_no_loudness() -> None:
    assert measured(np.zeros((48_000, 2), np.float32)) == -math.inf
    assert measured(sine(0.39, -10)) == -math.inf


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(0, 1000))
def test_energies_measured_in_pieces_are_those_of_the_whole(blocks: list[int], seed: int) -> None:
    count = sum(blocks) * BLOCK_SAMPLES
    noise = np.random.default_rng(seed).normal(0, 0.1, (LOUDNESS_CONTEXT + count, 2)).astype(np.float32)
    starts = np.cumsum([0, *blocks[:-1]]) * BLOCK_SAMPLES
    pieces = [
        block_energies(noise[start : start + LOUDNESS_CONTEXT + n * BLOCK_SAMPLES])
        for start, n in zip(starts, blocks, strict=True)
    ]
    np.testing.assert_allclose(np.concatenate(pieces), block_energies(noise), rtol=1e-9)


def test_an_incomplete_last_block_is_left_out() -> None:
    assert len(block_energies(np.zeros((LOUDNESS_CONTEXT + BLOCK_SAMPLES * 2 - 1, 2), np.float32))) == 1


def test_too_little_context_is_refused() -> None:
    with pytest.raises(ValueError, match="context"):
        block_energies(np.zeros((48_000, 2), np.float32), LOUDNESS_CONTEXT - 1)


@pytest.mark.parametrize(
    ("target", "level", "gain"),
    [(-16, -23, 7), (-23, -16, -7), (-16, -60, MAX_GAIN_DB), (-70, -5, -MAX_GAIN_DB), (-16, -math.inf, 0)],
)
def test_gain_to_a_target_is_bounded(target: float, level: float, gain: float) -> None:
    assert gain_to(target, level) == gain
