from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compositing.mix import CEILING, LIMITER_CONTEXT, Samples, gain_ramp, limit, mix
from compositing.times import Span

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / "gain.json").read_text("utf-8"))
RAMP = 480
"""Samples of the default ramp, 10 ms."""


def padded(samples: Samples) -> Samples:
    return np.pad(samples, ((LIMITER_CONTEXT, LIMITER_CONTEXT), (0, 0)))


def noise(seed: int, count: int, loudness: float) -> Samples:
    """Noise whose loudness swells and falls, (count, 2)."""
    rng = np.random.default_rng(seed)
    swell = np.abs(np.sin(np.arange(count) / 2000 + rng.random()))[:, None]
    return (rng.normal(0, loudness, (count, 2)) * swell).astype(np.float32)


def test_gain_is_full_inside_and_zero_outside_a_span() -> None:
    gain = gain_ramp([Span(100, 200)], -6.0, 0, 48 * 300)
    assert gain.dtype == np.float32
    assert not gain[: 100 * 48].any()
    assert not gain[200 * 48 :].any()
    np.testing.assert_allclose(gain[100 * 48 + RAMP : 200 * 48 - RAMP], 10 ** (-6 / 20), rtol=1e-6)


def test_ramps_rise_and_fall_smoothly_and_mirror_each_other() -> None:
    gain = gain_ramp([Span(0, 100)], 0.0, 0, 4800)
    rise = gain[:RAMP]
    assert (np.diff(rise) > 0).all()
    assert np.diff(gain).max() < 0.004
    assert rise[RAMP // 2 - 1] + rise[RAMP // 2] == pytest.approx(1.0)
    np.testing.assert_array_equal(gain, gain[::-1])


def test_the_shared_vectors_of_gains() -> None:
    spans = [Span(*span) for span in GOLDEN["spans_ms"]]
    gain = gain_ramp(spans, GOLDEN["gain_db"], 0, 48 * 9001)
    for case in GOLDEN["gains"]:
        assert gain[round(48 * case["t_ms"])] == pytest.approx(case["gain"], abs=1e-6)


def test_touching_spans_have_no_dip_between_them() -> None:
    np.testing.assert_array_equal(
        gain_ramp([Span(50, 100), Span(0, 50)], 0.0, 0, 4800), gain_ramp([Span(0, 100)], 0.0, 0, 4800)
    )


def test_a_span_shorter_than_its_ramps_is_still_heard_and_still_smooth() -> None:
    gain = gain_ramp([Span(10, 16)], 0.0, 0, 48 * 30)
    assert 0 < gain.max() < 1
    assert not gain[: 10 * 48].any()
    assert not gain[16 * 48 :].any()


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 90)), max_size=5),
    st.integers(0, 20_000),
    st.lists(st.integers(1, 4000), min_size=1, max_size=6),
)
def test_gain_depends_on_the_absolute_sample_alone(
    spans: list[tuple[int, int]], first: int, cuts: list[int]
) -> None:
    heard = [Span(start, start + length) for start, length in spans]
    whole = gain_ramp(heard, -3.0, first, sum(cuts))
    starts = [first + sum(cuts[:i]) for i in range(len(cuts))]
    parts = [gain_ramp(heard, -3.0, start, count) for start, count in zip(starts, cuts, strict=True)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_mix_adds_each_source_at_its_gain() -> None:
    ones = np.ones((4, 2), np.float32)
    half, ramp = np.full(4, 0.5, np.float32), np.array([0, 1, 2, 3], np.float32)
    mixed = mix([(ones, half), (2 * ones, ramp)])
    assert mixed.dtype == np.float32
    np.testing.assert_array_equal(mixed[:, 0], [0.5, 2.5, 4.5, 6.5])
    assert mix([]).shape == (0, 2)


def test_quiet_sound_passes_unchanged() -> None:
    quiet = np.clip(noise(1, 9600, 0.2), -CEILING, CEILING)
    np.testing.assert_array_equal(limit(padded(quiet)), quiet)


def test_a_peak_is_turned_down_ahead_of_time_and_released() -> None:
    samples = np.full((9600, 2), 0.5, np.float32)
    samples[4800] = 2.0
    limited = limit(padded(samples))
    assert abs(limited[4800, 0]) <= CEILING
    np.testing.assert_array_equal(limited[: 4800 - LIMITER_CONTEXT], samples[: 4800 - LIMITER_CONTEXT])
    np.testing.assert_array_equal(limited[4801 + LIMITER_CONTEXT :], samples[4801 + LIMITER_CONTEXT :])
    steps = np.abs(np.diff(np.delete(limited[:, 0], 4800)))
    assert steps.max() < 0.004


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 8), st.lists(st.integers(1, 3000), min_size=1, max_size=6))
def test_limiting_in_pieces_is_limiting_the_whole(seed: int, loudness: float, cuts: list[int]) -> None:
    known = padded(noise(seed, sum(cuts), loudness))
    whole = limit(known)
    assert np.abs(whole).max() <= CEILING
    starts = np.cumsum([0, *cuts[:-1]])
    pieces = [
        limit(known[start : start + count + 2 * LIMITER_CONTEXT])
        for start, count in zip(starts, cuts, strict=True)
    ]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_more_context_changes_nothing() -> None:
    known = padded(noise(3, 6000, 2.0))
    more = np.pad(known, ((500, 500), (0, 0)))
    np.testing.assert_array_equal(limit(more, LIMITER_CONTEXT + 500), limit(known))


@pytest.mark.parametrize(("length", "context"), [(2000, LIMITER_CONTEXT - 1), (900, LIMITER_CONTEXT)])
def test_too_little_context_is_refused(length: int, context: int) -> None:
    with pytest.raises(ValueError, match="context"):
        limit(np.zeros((length, 2), np.float32), context)


def test_nothing_in_gives_nothing_out() -> None:
    assert limit(np.ones((2 * LIMITER_CONTEXT, 2), np.float32)).shape == (0, 2)
