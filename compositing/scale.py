"""Planes scaled into other planes, and pictures turned upright.

Takes planes (H, W) uint8 or uint16, writes into views of others. Halves exactly while it can (the mean of
four samples: no aliasing, and fast), then interpolates linearly. Only filters that OpenCV computes in fixed
point are used: cubic, and linear on 16 bits, differ between processors (SSE, AVX2, IPP). Knows no tile.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from compositing.geometry import Rect, Size
from compositing.picture import Picture, Plane

Samples = NDArray[Any]

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
    linear = cv2.INTER_LINEAR if source.dtype == np.uint8 else cv2.INTER_LINEAR_EXACT
    cv2.resize(source, (w, h), dst=target, interpolation=linear)
