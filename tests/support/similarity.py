"""How alike two pictures are to the eye: SSIM (Z. Wang et al., 2004), with its own constants and Gaussian window."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""(H, W) uint8."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_WINDOW, _SIGMA = (11, 11), 1.5


def ssim(a: Grey, b: Grey) -> float:
    """The mean structural similarity of two pictures of one size: 1 where they are equal."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = _mean(x), _mean(y)
    vx, vy, cov = _mean(x * x) - mx * mx, _mean(y * y) - my * my, _mean(x * y) - mx * my
    index = ((2 * mx * my + _C1) * (2 * cov + _C2)) / ((mx * mx + my * my + _C1) * (vx + vy + _C2))
    return float(index.mean())


def _mean(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(plane, _WINDOW, _SIGMA), np.float64)
