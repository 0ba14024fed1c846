"""The waveform of a sound: the lowest and the highest sample of each twentieth of a second, small enough to draw.

Takes samples (n, 2) float32 in [-1, 1]; gives (m, 2) int8, the lowest and highest of both channels in each bin of
1/20 s, where 127 is full scale. Pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compositing.times import SAMPLE_RATE

PEAKS_PER_SECOND = 20
SAMPLES_PER_PEAK = SAMPLE_RATE // PEAKS_PER_SECOND


def peaks(samples: NDArray[np.float32]) -> NDArray[np.int8]:
    """The peaks of `samples`; a last bin that is not full counts as one."""
    padded = np.pad(samples, ((0, -len(samples) % SAMPLES_PER_PEAK), (0, 0)))
    bins = padded.reshape(-1, SAMPLES_PER_PEAK * 2)
    both = np.column_stack([bins.min(axis=1), bins.max(axis=1)])
    found: NDArray[np.int8] = np.clip(np.rint(both * 127), -127, 127).astype(np.int8)
    return found
