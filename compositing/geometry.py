"""Rectangles in whole pixels, and how a picture is fitted into one.

Takes sizes, gives integers. The one rounding rule of the house: a coordinate is rounded half up to the
nearest even number, and a width is the difference of two rounded coordinates. So neighbours that share an
edge before rounding share it afterwards, and every plane of a 4:2:0 picture is cut on a whole sample.
Knows no pixels, no time, no layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fit = Literal["cover", "contain", "fill", "auto"]

AUTO_COVER_MIN_VISIBLE = 0.70
"""`auto` covers while at least this share of the source stays visible, else it contains."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Rect:
    """A half-open rectangle of pixels: columns [x, x + w), rows [y, y + h)."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        return self.x + self.w

    @property
    def bottom(self) -> int:
        return self.y + self.h


@dataclass(frozen=True, slots=True)
class NormRect:
    """A rectangle in fractions of its frame; (0, 0, 1, 1) is the whole of it."""

    x: float
    y: float
    w: float
    h: float


WHOLE = NormRect(0.0, 0.0, 1.0, 1.0)


def even(value: float) -> int:
    """`value` rounded half up to the nearest even integer."""
    return 2 * int((value + 1.0) // 2.0)


def even_rect(x: float, y: float, w: float, h: float) -> Rect:
    """The rectangle whose four edges are the given edges, each rounded by `even`; at least 2 x 2."""
    left, top = even(x), even(y)
    return Rect(left, top, max(2, even(x + w) - left), max(2, even(y + h) - top))


def to_pixels(norm: NormRect, size: Size) -> Rect:
    """`norm` as fractions of a canvas of `size` (even), on even pixels; inside the canvas if `norm` is."""
    rect = even_rect(norm.x * size.w, norm.y * size.h, norm.w * size.w, norm.h * size.h)
    return Rect(min(rect.x, size.w - rect.w), min(rect.y, size.h - rect.h), rect.w, rect.h)


def fit_picture(source: Size, target: Rect, fit: Fit, crop: NormRect | None = None) -> tuple[Rect, Rect]:
    """Which part of a `source` picture lands where inside `target`.

    Returns `(part, place)`: `part` in pixels of the source, `place` in pixels of the canvas; both on even
    coordinates, and of even size unless a part reaches the edge of an odd source. `crop` is applied first.
    `cover` cuts the part (centred), `contain` shrinks the place (centred), `fill` stretches, `auto` chooses
    by `AUTO_COVER_MIN_VISIBLE`.
    """
    part = _crop(source, crop or WHOLE)
    if fit == "auto":
        fit = "cover" if visible_share(part, target) >= AUTO_COVER_MIN_VISIBLE else "contain"
    if fit == "cover":
        return _cover(part, target), target
    if fit == "contain":
        return part, _contain(part, target)
    return part, target


def visible_share(part: Rect, target: Rect) -> float:
    """The share of `part` that `cover` would leave visible in `target`, in (0, 1]."""
    ratio = (part.w * target.h) / (part.h * target.w)
    return min(ratio, 1.0 / ratio)


def _crop(source: Size, crop: NormRect) -> Rect:
    if crop == WHOLE:
        return Rect(0, 0, source.w, source.h)
    x, w = _crop_side(source.w, crop.x, crop.w)
    y, h = _crop_side(source.h, crop.y, crop.h)
    return Rect(x, y, w, h)


def _crop_side(length: int, start: float, share: float) -> tuple[int, int]:
    """(first pixel, number of pixels) of a cropped side: the first is even, and at least two are left."""
    first = min(even(start * length), max(0, (length - 2) // 2 * 2))
    last = min(max(even((start + share) * length), first + 2), length)
    return first, last - first


def _cover(part: Rect, target: Rect) -> Rect:
    if part.w * target.h > part.h * target.w:
        w = min(part.w, max(2, even(part.h * target.w / target.h)))
        return Rect(part.x + even((part.w - w) / 2), part.y, w, part.h)
    h = min(part.h, max(2, even(part.w * target.h / target.w)))
    return Rect(part.x, part.y + even((part.h - h) / 2), part.w, h)


def _contain(part: Rect, target: Rect) -> Rect:
    if part.w * target.h > part.h * target.w:
        h = min(target.h, max(2, even(part.h * target.w / part.w)))
        return Rect(target.x, target.y + even((target.h - h) / 2), target.w, h)
    w = min(target.w, max(2, even(part.w * target.h / part.h)))
    return Rect(target.x + even((target.w - w) / 2), target.y, w, target.h)
