"""Colours of the page as samples of the picture: sRGB to Y'CbCr, ITU-R BT.601, limited range.

Takes `#rrggbb` or arrays of RGB, gives 8-bit samples: Y in 16..235, Cb and Cr in 16..240. Integers decide
every value, so it is the same on every machine.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

YUV = tuple[int, int, int]

_WEIGHTS = np.array([[16829, 33039, 6416], [-9714, -19071, 28784], [28784, -24103, -4681]], np.int32)
"""BT.601-7 2.5.1 and 2.5.3 for 8 bits (219 and 224 steps of 255), times 65536."""
_OFFSETS = np.array([16, 128, 128], np.int32) * 65536 + 32768

_LIGHT = 128
"""A background whose Y is above this counts as light."""


def rgb_to_yuv(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., 3) uint8 RGB to (..., 3) uint8 Y, Cb, Cr."""
    yuv: NDArray[np.int32] = rgb.astype(np.int32) @ _WEIGHTS.T + _OFFSETS
    return (yuv >> 16).astype(np.uint8)


@lru_cache(maxsize=256)
def yuv(colour: str) -> YUV:
    """`#rrggbb` as Y, Cb, Cr. Raises ValueError for anything else."""
    y, u, v = rgb_to_yuv(np.array(_rgb(colour), np.uint8)).tolist()
    return y, u, v


@lru_cache(maxsize=64)
def bars(background: str) -> YUV:
    """The bars beside a picture that does not fill its tile: a little darker than the background."""
    return yuv(_mixed(background, 0, 0.12 if _is_light(background) else 0.40))


@lru_cache(maxsize=64)
def placeholder(background: str) -> YUV:
    """A tile whose picture has not come yet: set off from the background just enough to be seen."""
    return yuv(_mixed(background, 0, 0.20) if _is_light(background) else _mixed(background, 255, 0.07))


def _is_light(colour: str) -> bool:
    return yuv(colour)[0] > _LIGHT


def _mixed(colour: str, other: int, share: float) -> str:
    return "#" + "".join(f"{round(c + (other - c) * share):02x}" for c in _rgb(colour))


def _rgb(colour: str) -> tuple[int, int, int]:
    if len(colour) != 7 or colour[0] != "#":
        raise ValueError(f"{colour!r} is no colour of the form #rrggbb")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
