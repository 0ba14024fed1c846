"""The clock fit against clocks that are known: drift, bends, bursts, jumps and stalls, one hour long."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from renderer.rtp.clock import ClockFit, fit_clock

RATE = 48_000
Floats = NDArray[np.float64]


def speech(minutes: float, seed: int) -> Floats:
    """Sender times in ms of an Opus stream with DTX: spells of a packet each 20 ms, and of one each 400 ms."""
    rng = np.random.default_rng(seed)
    steps = np.concatenate([np.full(n, 20.0 if k % 2 else 400.0) for k, n in enumerate(rng.integers(20, 400, 4_000))])
    times = np.cumsum(steps) * 1.000_013 + 0.37
    return times[times < minutes * 60_000]


def jitter(count: int, seed: int) -> Floats:
    """Delays in ms: exponential, and in one packet of twenty a burst of up to 200 ms."""
    rng = np.random.default_rng(seed)
    return rng.exponential(6.0, count) + np.where(rng.random(count) < 0.05, rng.uniform(0, 200, count), 0.0)


def arrivals(times: Floats, seed: int) -> Floats:
    """What the server writes: whole ms, in order."""
    return np.maximum.accumulate(np.floor(times + jitter(len(times), seed) + 30.0))


def ticks_of(times: Floats, ppm: float | Floats = 0.0) -> NDArray[np.int64]:
    """The sender's counter where its clock runs `ppm` fast; an array of ppm bends it."""
    rate = RATE / 1000 * (1 + np.broadcast_to(ppm, times.shape) * 1e-6)
    steps = np.diff(times, prepend=0.0) * rate
    return np.rint(np.cumsum(steps)).astype(np.int64) + (1 << 32)


def error_ms(fit: ClockFit, ticks: NDArray[np.int64], times: Floats) -> Floats:
    """How far the fit is from the truth, less the constant delay that nobody can know."""
    return fit.to_us(ticks) / 1000 - times - 30.0


@pytest.mark.parametrize("ppm", [-500, -80, 0, 300, 500])
def test_drift_is_followed_for_an_hour_to_2_ms(ppm: int) -> None:
    times = speech(60, seed=ppm + 1000)
    ticks = ticks_of(times, ppm)
    fit = fit_clock(ticks, arrivals(times, seed=1), RATE)
    assert np.abs(error_ms(fit, ticks, times)).max() < 2.0
    assert fit.drift_ppm == pytest.approx(-ppm, abs=2)
    assert len(fit.fit_starts) == 1


def test_a_clock_that_bends_with_the_temperature_is_followed_to_2_ms() -> None:
    times = speech(60, seed=7)
    ticks = ticks_of(times, 80 * np.sin(times / 1_200_000 * 2 * np.pi))
    fit = fit_clock(ticks, arrivals(times, seed=2), RATE)
    assert np.abs(error_ms(fit, ticks, times)).max() < 2.0


@pytest.mark.parametrize(("minutes", "worst_ms"), [(1, 3.0), (2, 2.5), (5, 2.0)])
def test_short_tracks_are_as_good(minutes: int, worst_ms: float) -> None:
    times = speech(minutes, seed=minutes)
    ticks = ticks_of(times, 300)
    assert np.abs(error_ms(fit_clock(ticks, arrivals(times, seed=3), RATE), ticks, times)).max() < worst_ms


def test_below_half_a_minute_the_clock_is_taken_at_its_word() -> None:
    times = speech(0.45, seed=11)
    ticks = ticks_of(times, 300)
    fit = fit_clock(ticks, arrivals(times, seed=4), RATE)
    assert fit.drift_ppm == pytest.approx(0, abs=0.01)
    assert np.abs(error_ms(fit, ticks, times)).max() < 9.0


def test_first_and_last_seconds_that_all_came_late_do_not_bend_the_ends() -> None:
    times = speech(60, seed=13)
    ticks = ticks_of(times, 200)
    late = np.where((times < 5_000) | (times > times[-1] - 5_000), 100.0, 0.0)
    fit = fit_clock(ticks, np.maximum.accumulate(arrivals(times, seed=5) + late), RATE)
    assert np.abs(error_ms(fit, ticks, times)).max() < 2.0


def test_a_server_clock_that_is_back_for_a_moment_does_not_pull_the_edge_down() -> None:
    times = speech(10, seed=17)
    ticks, arrival = ticks_of(times, 100), arrivals(times, seed=6)
    arrival[500] -= 400
    arrival[900:904] -= 150
    arrival[1200] += 90_000
    assert np.abs(error_ms(fit_clock(ticks, arrival, RATE), ticks, times)).max() < 2.0


@pytest.mark.parametrize("jump_ticks", [48_000 * 7, 48_000 * 3600, -48_000 * 40 + (1 << 32)])
def test_a_timestamp_that_jumps_begins_a_new_fit(jump_ticks: int) -> None:
    times = speech(10, seed=19)
    ticks = ticks_of(times, 100) + np.where(times > 300_000, jump_ticks, 0)
    fit = fit_clock(ticks, arrivals(times, seed=7), RATE)
    assert len(fit.fit_starts) == 2
    assert np.abs(error_ms(fit, ticks, times)).max() < 2.5


@pytest.mark.parametrize("pause_ms", [600.0, 5_000.0, 600_000.0])
def test_a_timestamp_that_stands_still_over_a_pause_begins_a_new_fit(pause_ms: float) -> None:
    times = speech(10, seed=23)
    ticks = ticks_of(times, 100)
    stalled = times + np.where(times > 200_000, pause_ms, 0.0)
    fit = fit_clock(ticks, arrivals(stalled, seed=8), RATE)
    assert len(fit.fit_starts) == 2
    assert np.abs(error_ms(fit, ticks, stalled)).max() < 2.5


def test_a_pause_over_which_the_timestamp_goes_on_keeps_its_fit() -> None:
    times = speech(10, seed=29)
    times = times + np.where(times > 200_000, 240_000.0, 0.0)
    ticks = ticks_of(times, 100)
    fit = fit_clock(ticks, arrivals(times, seed=9), RATE)
    assert len(fit.fit_starts) == 1
    assert np.abs(error_ms(fit, ticks, times)).max() < 2.5


def test_spikes_and_a_burst_after_silence_are_no_new_fit() -> None:
    times = speech(5, seed=31)
    ticks, arrival = ticks_of(times), arrivals(times, seed=10)
    for at in (60_000, 120_000, 180_000):
        held = (times > at) & (times < at + 3_000)
        arrival[held] = np.maximum(arrival[held], at + 3_000)
    fit = fit_clock(ticks, np.maximum.accumulate(arrival), RATE)
    assert len(fit.fit_starts) == 1
    assert np.abs(error_ms(fit, ticks, times)).max() < 2.5


def test_one_wild_timestamp_stands_where_it_arrived_and_disturbs_nobody() -> None:
    times = speech(5, seed=37)
    ticks, arrival = ticks_of(times), arrivals(times, seed=11)
    wild = ticks.copy()
    wild[1_000] += 1 << 36
    fit = fit_clock(wild, arrival, RATE)
    others = np.arange(len(times)) != 1_000
    assert np.abs(error_ms(fit, wild, times)[others]).max() < 2.5
    assert abs(fit.to_us(wild[1_000:1_001])[0] / 1000 - arrival[1_000]) < 1


def test_time_runs_forward_within_a_fit() -> None:
    times = speech(10, seed=41)
    ticks = ticks_of(times, -500)
    fit = fit_clock(ticks, arrivals(times, seed=12), RATE)
    dense = np.arange(ticks[0], ticks[-1], 997)
    assert (np.diff(fit.to_us(dense)) > 0).all()


def test_few_packets_still_have_a_time() -> None:
    nothing = fit_clock(np.zeros(0, np.int64), np.zeros(0), RATE)
    assert nothing.to_us(np.array([5], np.int64)).tolist() == [0]
    assert nothing.drift_ppm == 0
    one = fit_clock(np.array([48_000], np.int64), np.array([250.0]), RATE)
    assert one.to_us(np.array([48_000, 96_000], np.int64)).tolist() == [250_000, 1_250_000]


def test_two_packets_of_one_picture_take_the_earlier_arrival() -> None:
    fit = fit_clock(np.array([900, 900], np.int64), np.array([15.0, 40.0]), 90_000)
    assert fit.to_us(np.array([900], np.int64)).tolist() == [15_000]
