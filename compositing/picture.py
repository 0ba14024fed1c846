"""A picture as three planes of YUV 4:2:0, and a still raster with transparency.

Values only: what decoders fill, the canvas scales and encoders read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Rotation = Literal[0, 90, 180, 270]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture, BT.601 limited range, 4:2:0.

    `y` is (H, W) uint8; `u` and `v` are (ceil(H/2), ceil(W/2)) uint8. The planes may be views with gaps
    between rows. Two pictures are the same picture only if they are the same object.
    """

    y: Plane
    u: Plane
    v: Plane
    rotation: Rotation = 0
    """Degrees, clockwise, by which the picture must be turned to stand upright (3GPP TS 26.114, CVO)."""

    def __post_init__(self) -> None:
        h, w = self.y.shape
        chroma = ((h + 1) // 2, (w + 1) // 2)
        if self.u.shape != chroma or self.v.shape != chroma:
            raise ValueError(f"{self.y.shape = } wants chroma {chroma}, got {self.u.shape = }, {self.v.shape = }")

    @property
    def w(self) -> int:
        """Width in pixels, before rotation."""
        return int(self.y.shape[1])

    @property
    def h(self) -> int:
        """Height in pixels, before rotation."""
        return int(self.y.shape[0])

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        return self.y, self.u, self.v

    @staticmethod
    def blank(w: int, h: int, yuv: tuple[int, int, int] = (16, 128, 128)) -> Picture:
        """A new picture of one colour."""
        c = ((h + 1) // 2, (w + 1) // 2)
        return Picture(
            np.full((h, w), yuv[0], np.uint8), np.full(c, yuv[1], np.uint8), np.full(c, yuv[2], np.uint8)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A still image with transparency: (H, W, 4) uint8, RGBA, not premultiplied, sRGB."""

    rgba: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.rgba.ndim != 3 or self.rgba.shape[2] != 4:
            raise ValueError(f"{self.rgba.shape = }, expected (H, W, 4)")
