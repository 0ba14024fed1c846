"""Planes scaled into other planes, and pictures turned upright.

Takes planes (H, W) uint8 or uint16, writes into views of others. Halves exactly while it can (the mean of
four samples: no aliasing, and fast), then softens by what is left to shrink and interpolates linearly. Only
filters that OpenCV computes in fixed point are used: cubic, and linear on 16 bits, differ between
processors (SSE, AVX2, IPP). Knows no tile.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from compositing.geometry import Rect, Size
from compositing.picture import Picture, Plane

Samples = NDArray[Any]

_NO_FILTER_BELOW = 1.05
"""Sizes nearer than this are scaled without softening."""

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def upright(picture: Picture) -> Picture:
    """`picture` turned so that its rotation is 0; itself if it is upright."""
    if not picture.rotation:
        return picture
    y, u, v = (np.asarray(cv2.rotate(plane, _TURNS[picture.rotation]), np.uint8) for plane in picture.planes)
    return Picture(y, u, v)


def size_of(picture: Picture) -> Size:
    return Size(picture.w, picture.h)


def views(picture: Picture, rect: Rect) -> tuple[Plane, Plane, Plane]:
    """The samples of `rect` in the three planes; `x` and `y` are even, right and bottom even or the edge."""
    chroma = slice(rect.y >> 1, rect.bottom + 1 >> 1), slice(rect.x >> 1, rect.right + 1 >> 1)
    return picture.y[rect.y : rect.bottom, rect.x : rect.right], picture.u[chroma], picture.v[chroma]


def scale_picture(source: Picture, part: Rect, target: Picture, place: Rect) -> None:
    """Scales `part` of `source` (upright) into `place` of `target`."""
    for plane, view in zip(views(source, part), views(target, place), strict=True):
        scale(plane, view)


def scale(source: Samples, target: Samples) -> None:
    """Scales the plane `source` to fill `target`, in place."""
    h, w = target.shape
    while source.shape[0] >= 2 * h and source.shape[1] >= 2 * w:
        half_h, half_w = source.shape[0] // 2, source.shape[1] // 2
        source = source[: 2 * half_h, : 2 * half_w]
        if (half_h, half_w) == (h, w):
            cv2.resize(source, (w, h), dst=target, interpolation=cv2.INTER_AREA)
            return
        source = cv2.resize(source, (half_w, half_h), interpolation=cv2.INTER_AREA)
    if source.shape == target.shape:
        np.copyto(target, source)
        return
    if source.dtype == np.uint8:
        cv2.resize(_softened(source, w, h), (w, h), dst=target, interpolation=cv2.INTER_LINEAR)
    else:
        cv2.resize(source, (w, h), dst=target, interpolation=cv2.INTER_LINEAR_EXACT)


def _softened(source: Plane, w: int, h: int) -> Plane:
    """`source` without the detail that a plane of (w, h) cannot hold, which would show as jagged edges.

    Linear interpolation weighs two samples (variance 1/6 of a sample); a triangle as wide as the ratio r of the
    sizes has r²/6. Three taps [a, 1 - 2a, a] add 2a: a = (r² - 1) / 12 makes up the difference. It looks as
    INTER_AREA does, at a sixth of its cost.
    """
    (rows, sigma_y), (columns, sigma_x) = _taps(source.shape[0] / h), _taps(source.shape[1] / w)
    if rows == columns == 1:
        return source
    return np.asarray(cv2.GaussianBlur(source, (columns, rows), sigmaX=sigma_x, sigmaY=sigma_y), np.uint8)


def _taps(ratio: float) -> tuple[int, float]:
    """How many taps soften a side that shrinks by `ratio` (2 at most), and the sigma that gives their weights."""
    if ratio <= _NO_FILTER_BELOW:
        return 1, 1.0
    a = (min(ratio, 2.0) ** 2 - 1) / 12
    return 3, math.sqrt(0.5 / math.log((1 - 2 * a) / a))
