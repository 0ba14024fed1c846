"""Reads samples at positions between samples: how a drifting sender clock is followed without a click.

A 16-tap Kaiser-windowed sinc. Each output sample depends on its own position alone, so any two pieces of a
signal that are read separately join exactly.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

TAPS = 16
_PHASES = 1024
_KAISER_BETA = 8.0
_WHOLE_SAMPLE = 0.001
"""Positions this close to whole samples, all through, are read without filtering: what a phase is off anyway."""
_BLOCK = 16_384


def read_at(samples: NDArray[np.float32], positions: NDArray[np.float64]) -> NDArray[np.float32]:
    """`samples` (n, 2) at fractional `positions` (m,): (m, 2) float32. Outside of `samples` there is silence."""
    if not len(positions):
        return np.zeros((0, 2), np.float32)
    shift = round(float(positions[0]))
    straight = shift + np.arange(len(positions))
    if float(np.abs(positions - straight).max()) < _WHOLE_SAMPLE:
        return _copy(samples, shift, len(positions))
    mono = bool(np.array_equal(samples[:, 0], samples[:, 1]))
    channels = [_filter(samples[:, c], positions) for c in range(1 if mono else 2)]
    return np.stack([channels[0], channels[-1]], axis=1)


def _copy(samples: NDArray[np.float32], first: int, count: int) -> NDArray[np.float32]:
    out = np.zeros((count, 2), np.float32)
    lo, hi = max(0, -first), min(count, len(samples) - first)
    if hi > lo:
        out[lo:hi] = samples[first + lo : first + hi]
    return out


def _filter(channel: NDArray[np.float32], positions: NDArray[np.float64]) -> NDArray[np.float32]:
    padded = np.pad(channel, TAPS)
    out = np.empty(len(positions), np.float32)
    for first in range(0, len(positions), _BLOCK):  # blocks that stay in the processor's cache
        at = np.clip(positions[first : first + _BLOCK], -TAPS / 2, len(channel) + TAPS / 2 - 1)
        whole, phase = np.divmod(np.floor(at * _PHASES).astype(np.int64), _PHASES)
        windows = np.lib.stride_tricks.sliding_window_view(padded, TAPS)
        taken = windows[whole + TAPS - TAPS // 2 + 1]
        out[first : first + _BLOCK] = np.einsum("ij,ij->i", taken, _kernels()[phase])
    return out


@cache
def _kernels() -> NDArray[np.float32]:
    """(phases, taps): tap k weighs the sample k - TAPS/2 + 1 after the position's whole part."""
    taps = np.arange(TAPS) - TAPS // 2 + 1
    phases = (np.arange(_PHASES) + 0.5)[:, None] / _PHASES
    distance = taps[None, :] - phases
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (distance / (TAPS / 2)) ** 2, 0, 1)))
    weights = np.sinc(distance) * window
    kernels: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return kernels
