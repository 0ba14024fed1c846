"""How loud a programme is, by ITU-R BS.1770-4, measured in pieces.

Takes float32 samples (n, 2) at 48 kHz, gives the energies of blocks of 100 ms, which several workers can
measure apart and which put together give the loudness. Knows no codec and no track.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from compositing.times import SAMPLE_RATE

Energies = NDArray[np.float64]

BLOCK_SAMPLES = SAMPLE_RATE // 10
"""100 ms: gating blocks of 400 ms overlap by three quarters, so a quarter of one is the unit."""
LOUDNESS_CONTEXT = 9600
"""Samples before the first block that the filter needs; 200 ms, after which its memory is below -150 dB."""
MAX_GAIN_DB = 20.0
"""`gain_to` goes no further, up or down: what is quieter is noise."""

_QUARTERS = 4
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_OFFSET = -0.691
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
"""BS.1770-4 tables 1 and 2: (b0, b1, b2), (a1, a2) of the two stages of K-weighting at 48 kHz."""


def block_energies(samples: NDArray[np.float32], context: int = LOUDNESS_CONTEXT) -> Energies:
    """The K-weighted energy of each whole 100 ms of `samples` after its first `context`, both channels added.

    Input (context + n, 2), result (n // 4800,) float64. At the start of a recording the context is silence.
    Raises ValueError if `context` is less than LOUDNESS_CONTEXT.
    """
    if context < LOUDNESS_CONTEXT or len(samples) < context:
        raise ValueError(f"{context} of {len(samples)} samples are context; {LOUDNESS_CONTEXT} are needed")
    count = (len(samples) - context) // BLOCK_SAMPLES
    known = samples[context - LOUDNESS_CONTEXT : context + count * BLOCK_SAMPLES]
    weighted = (_k_weighted(known[:, channel]) for channel in range(known.shape[1]))
    squares = sum((np.square(w[LOUDNESS_CONTEXT:]) for w in weighted), np.zeros(count * BLOCK_SAMPLES))
    energies: Energies = squares.reshape(count, BLOCK_SAMPLES).mean(axis=1)
    return energies


def integrate(energies: Energies) -> float:
    """The integrated loudness of consecutive block energies, in LUFS; -inf for silence or under 400 ms."""
    if len(energies) < _QUARTERS:
        return -math.inf
    blocks = np.lib.stride_tricks.sliding_window_view(energies, _QUARTERS).mean(axis=1)
    loud = blocks[blocks > _energy(_ABSOLUTE_GATE)]
    if not len(loud):
        return -math.inf
    gate = _energy(_lufs(float(loud.mean())) + _RELATIVE_GATE)
    return _lufs(float(loud[loud > gate].mean()))


def gain_to(target_lufs: float, measured_lufs: float) -> float:
    """The gain in dB that brings a programme to the target, at most `MAX_GAIN_DB`; 0 for silence."""
    if measured_lufs == -math.inf:
        return 0.0
    return max(-MAX_GAIN_DB, min(MAX_GAIN_DB, target_lufs - measured_lufs))


def _lufs(energy: float) -> float:
    return _OFFSET + 10 * math.log10(energy)


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


def _k_weighted(channel: NDArray[np.float32]) -> NDArray[np.float64]:
    """The channel through both filters: its convolution with their impulse response, by FFT."""
    size = 1 << (len(channel) + LOUDNESS_CONTEXT).bit_length()
    spectrum = np.fft.rfft(channel.astype(np.float64), size)
    spectrum *= np.fft.rfft(_impulse_response(), size)
    return np.fft.irfft(spectrum, size)[: len(channel)]


@lru_cache(maxsize=1)
def _impulse_response() -> NDArray[np.float64]:
    impulse = [1.0] + [0.0] * (LOUDNESS_CONTEXT - 1)
    shelved = _biquad(impulse, *_SHELF)
    return np.fromiter(_biquad(shelved, *_HIGH_PASS), np.float64, LOUDNESS_CONTEXT)


def _biquad(
    samples: Iterator[float] | list[float], b: tuple[float, float, float], a: tuple[float, float]
) -> Iterator[float]:
    """A second-order filter, transposed direct form II."""
    first = second = 0.0
    for x in samples:
        y = b[0] * x + first
        first = b[1] * x - a[0] * y + second
        second = b[2] * x - a[1] * y
        yield y
