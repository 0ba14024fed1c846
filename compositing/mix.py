"""Sound: who is heard when, summed, and kept below full scale.

Takes float32 samples (n, 2) at 48 kHz, on absolute sample indexes of recording time; gives the same. Every
sample of a result depends on a bounded neighbourhood and on nothing else, so sound that is computed in
chunks is, bit for bit, the sound computed in one piece. Knows no codec and no track.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from compositing.times import SAMPLE_RATE, Span, merge

Samples = NDArray[np.float32]

CEILING = float(np.float32(10 ** (-1 / 20)))
"""The limiter's ceiling, -1 dBFS as an amplitude: room for what the codec adds."""

_LOOK_SAMPLES = 240
"""Half the limiter's window, 5 ms: how long before and after a peak the gain is already, and still, low."""
LIMITER_CONTEXT = 2 * _LOOK_SAMPLES
"""Samples on both sides that `limit` needs to know."""
_GAIN_ONE = 1 << 22
"""Gains are counted in integers of this unit, so that their sums are exact in any order."""
_SAMPLES_PER_MS = SAMPLE_RATE // 1000


def gain_ramp(
    spans: Sequence[Span], gain_db: float, first_sample: int, count: int, ramp_ms: int = 10
) -> Samples:
    """The gain of samples [first_sample, first_sample + count) of a source heard during `spans`, (count,).

    Zero outside the spans; each end of a span is a raised cosine of `ramp_ms` that lies inside it. Spans that
    touch are one.
    """
    gain = np.zeros(count, np.float32)
    ramp = _ramp(ramp_ms * _SAMPLES_PER_MS)
    for span in merge(spans):
        begin, end = span.start_ms * _SAMPLES_PER_MS, span.end_ms * _SAMPLES_PER_MS
        inside = slice(max(0, begin - first_sample), max(0, min(count, end - first_sample)))
        gain[inside] = 1.0
        _fade(gain, ramp, begin - first_sample, inside)
        _fade(gain, ramp[::-1], end - len(ramp) - first_sample, inside)
    gain *= np.float32(10 ** (gain_db / 20))
    return gain


def _fade(gain: Samples, ramp: Samples, at: int, inside: slice) -> None:
    """Multiplies `gain` by `ramp`, which begins at index `at`, where both reach and inside the span."""
    start, stop = max(at, inside.start), min(at + len(ramp), inside.stop)
    if start < stop:
        gain[start:stop] *= ramp[start - at : stop - at]


@lru_cache(maxsize=8)
def _ramp(length: int) -> Samples:
    """A raised cosine from 0 to 1."""
    return (0.5 - 0.5 * np.cos(math.pi * (np.arange(length) + 0.5) / max(1, length))).astype(np.float32)


def mix(sources: Sequence[tuple[Samples, Samples]]) -> Samples:
    """The sum of sources, each (samples (n, 2), gain (n,)), in order: (n, 2). No sources give (0, 2)."""
    if not sources:
        return np.zeros((0, 2), np.float32)
    total = np.zeros_like(sources[0][0])
    for samples, gain in sources:
        total += samples * gain[:, None]
    return total


def limit(samples: Samples, context: int = LIMITER_CONTEXT) -> Samples:
    """`samples` without the `context` samples at both ends, turned down where they exceed the ceiling.

    Input (n + 2 context, 2), result (n, 2). The gain looks 5 ms ahead and behind and changes smoothly; it is
    exactly 1 where nothing near is too loud. At the ends of a recording the context is silence. Raises
    ValueError if `context` is less than LIMITER_CONTEXT.
    """
    if context < LIMITER_CONTEXT or len(samples) < 2 * context:
        raise ValueError(f"{context} of {len(samples)} samples are context; {LIMITER_CONTEXT} are needed")
    inner = samples[context : len(samples) - context]
    known = samples[context - LIMITER_CONTEXT : len(samples) - context + LIMITER_CONTEXT]
    if not len(inner) or (known.max() <= CEILING and known.min() >= -CEILING):
        return inner.copy()
    gain = _smoothed(_sliding_minimum(_needed(np.abs(known).max(axis=1))))
    limited = (inner * gain[:, None]).astype(np.float32)
    return np.clip(limited, -CEILING, CEILING, out=limited)


def _needed(peaks: Samples) -> NDArray[np.int64]:
    """The largest gain, in units of 1 / _GAIN_ONE, that keeps each sample below the ceiling."""
    gain = CEILING / np.maximum(peaks.astype(np.float64), CEILING)
    return np.floor(gain * _GAIN_ONE).astype(np.int64)


def _sliding_minimum(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least of each 2 * _LOOK_SAMPLES + 1 values; as many fewer come out. By doubling windows."""
    window, width = 2 * _LOOK_SAMPLES + 1, 1
    while 2 * width <= window:
        values = np.minimum(values[:-width], values[width:])
        width *= 2
    rest = window - width
    return np.minimum(values[: len(values) - rest], values[rest:]) if rest else values


def _smoothed(values: NDArray[np.int64]) -> NDArray[np.float64]:
    """A triangular mean over 2 * _LOOK_SAMPLES + 1 values: a box of half that width, twice."""
    width = _LOOK_SAMPLES + 1
    sums = _box_sum(_box_sum(values, width), width)
    return sums / (float(_GAIN_ONE) * width * width)


def _box_sum(values: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    boxes: NDArray[np.int64] = sums[width:] - sums[:-width]
    return boxes
