"""Transparency in YUV 4:2:0: rasters made ready for blending, and blending by integers.

Coverage is 0..256, so 256 is exactly opaque: out = (new * coverage + old * (256 - coverage) + 128) >> 8, in
uint16. Chroma has the mean coverage of its four pixels. Takes rasters and views of planes; changes the views.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compositing.colour import YUV, rgb_to_yuv
from compositing.geometry import Rect, Size
from compositing.picture import Picture, Plane, Raster
from compositing.scale import scale, views

Coverage = NDArray[np.uint16]
"""(H, W) uint16, 0 (nothing) to 256 (opaque)."""

OPAQUE = 256
_HALF = 128
_BAND_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A raster as planes for blending.

    `premultiplied` are Y, U, V times their coverage plus the rounding half; `left` is what stays of the
    picture below, 256 - coverage, for luma and for chroma. All uint16.
    """

    premultiplied: tuple[Coverage, Coverage, Coverage]
    left: tuple[Coverage, Coverage]
    is_opaque: bool

    @property
    def nbytes(self) -> int:
        return sum(plane.nbytes for plane in (*self.premultiplied, *self.left))

    @property
    def size(self) -> Size:
        h, w = self.left[0].shape
        return Size(w, h)


def sprite(raster: Raster) -> Sprite:
    """`raster` ready for blending; an odd last row or column is left out."""
    rgba = raster.rgba[: raster.rgba.shape[0] & ~1, : raster.rgba.shape[1] & ~1]
    # In bands: the arithmetic in 32 bits would take 40 times the memory of a full-screen raster for a moment.
    bands = [_sprite_band(rgba[top : top + _BAND_ROWS]) for top in range(0, len(rgba), _BAND_ROWS)]
    y, u, v = (np.concatenate([b.premultiplied[plane] for b in bands]) for plane in range(3))
    luma, chroma = (np.concatenate([b.left[plane] for b in bands]) for plane in range(2))
    return Sprite((y, u, v), (luma, chroma), all(b.is_opaque for b in bands))


def _sprite_band(rgba: NDArray[np.uint8]) -> Sprite:
    alpha = rgba[:, :, 3].astype(np.uint32)
    cover = (alpha * OPAQUE + 127) // 255
    y, u, v = (plane * cover for plane in np.moveaxis(rgb_to_yuv(rgba[:, :, :3]), 2, 0))
    planes = y + _HALF, quarter(u) + _HALF, quarter(v) + _HALF
    a, b, c = (plane.astype(np.uint16) for plane in planes)
    left = (OPAQUE - cover).astype(np.uint16), (OPAQUE - quarter(cover)).astype(np.uint16)
    return Sprite((a, b, c), left, bool((alpha == 255).all()))


def quarter(plane: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The rounded means of 2 x 2 samples."""
    sums = plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]
    return (sums + 2) // 4


def blend_sprite(target: Picture, place: Rect, drawn: Sprite) -> None:
    """Blends `drawn` over `place` of `target`, scaled if the sizes differ."""
    fitted = drawn if drawn.size == Size(place.w, place.h) else _scaled(drawn, place)
    left_y, left_c = fitted.left
    for view, premultiplied, left in zip(
        views(target, place), fitted.premultiplied, (left_y, left_c, left_c), strict=True
    ):
        blend(view, premultiplied, left)


def blend(view: Plane, premultiplied: Coverage, left: Coverage) -> None:
    """view = (view * left + premultiplied) >> 8."""
    sums = np.multiply(view, left, dtype=np.uint16)
    sums += premultiplied
    sums >>= 8
    np.copyto(view, sums, casting="unsafe")


def mix(view: Plane, below: Plane, cover: Coverage | np.uint16) -> None:
    """What `view` shows, at coverage `cover`, over `below`."""
    blend(view, below * (OPAQUE - cover) + np.uint16(_HALF), np.asarray(cover))


def blend_colour(view: Plane, sample: int, cover: Coverage) -> None:
    """One sample value over `view`."""
    blend(view, cover * np.uint16(sample) + np.uint16(_HALF), np.uint16(OPAQUE) - cover)


def fill(target: Picture, place: Rect, colour: YUV) -> None:
    """Sets `place` of `target` to one colour."""
    for view, sample in zip(views(target, place), colour, strict=True):
        view[...] = sample


def _scaled(drawn: Sprite, place: Rect) -> Sprite:
    luma, chroma = (place.h, place.w), (place.h // 2, place.w // 2)
    y, u, v = drawn.premultiplied
    planes = _resized(y, luma), _resized(u, chroma), _resized(v, chroma)
    left = _resized(drawn.left[0], luma), _resized(drawn.left[1], chroma)
    return Sprite(planes, left, drawn.is_opaque)


def _resized(plane: Coverage, shape: tuple[int, int]) -> Coverage:
    target = np.empty(shape, np.uint16)
    scale(plane, target)
    return target
