"""Rounded corners and the frame around a speaker, anti-aliased, touching only the pixels that change.

A corner is a small square patch with a coverage per pixel, from 8 x 8 subsamples, made once per radius; the
four corners are its mirror images. Takes views of planes and sizes; knows no tile.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from compositing.blend import OPAQUE, Coverage, blend_colour, fill, mix, quarter
from compositing.colour import YUV
from compositing.geometry import Rect
from compositing.picture import Picture, Plane
from compositing.scale import views

_SUBSAMPLES = 8

Patches = list[tuple[Plane, Plane, Plane]]


def usable_radius(rect: Rect, radius: int) -> int:
    """`radius` as far as the sides of `rect` allow it."""
    return max(0, min(radius, min(rect.w, rect.h) // 4 * 2))


def corner_rects(rect: Rect, side: int) -> tuple[Rect, Rect, Rect, Rect]:
    """The squares in the corners of `rect`: top left, top right, bottom left, bottom right."""
    right, bottom = rect.right - side, rect.bottom - side
    return (
        Rect(rect.x, rect.y, side, side),
        Rect(right, rect.y, side, side),
        Rect(rect.x, bottom, side, side),
        Rect(right, bottom, side, side),
    )


def patch_side(radius: int) -> int:
    """The side of the patch of a corner: even, so that chroma is cut on whole samples."""
    return radius + radius % 2


def lift_corners(target: Picture, rect: Rect, radius: int) -> Patches:
    """Copies of what the corners of `rect` show now."""
    patches = []
    for corner in corner_rects(rect, patch_side(radius)):
        y, u, v = (view.copy() for view in views(target, corner))
        patches.append((y, u, v))
    return patches


def round_corners(target: Picture, rect: Rect, radius: int, below: Patches) -> None:
    """Cuts the corners of `rect` round: outside the radius stands what was lifted before."""
    covers = _mirrored(patch_side(radius), radius, 0)
    for corner, patch, cover in zip(corner_rects(rect, patch_side(radius)), below, covers, strict=True):
        for view, under, mask in zip(views(target, corner), patch, cover, strict=True):
            mix(view, under, mask)


def draw_frame(target: Picture, rect: Rect, radius: int, thickness: int, colour: YUV) -> None:
    """A frame of even `thickness` inside the edges of `rect`, round where its corners are."""
    side = min(patch_side(max(radius, thickness)), min(rect.w, rect.h) // 4 * 2)
    for strip in _strips(rect, side, min(thickness, side)):
        fill(target, strip, colour)
    covers = _mirrored_frame(side, radius, thickness)
    for corner, cover in zip(corner_rects(rect, side), covers, strict=True):
        for view, sample, mask in zip(views(target, corner), colour, cover, strict=True):
            blend_colour(view, sample, mask)


def _strips(rect: Rect, side: int, thickness: int) -> tuple[Rect, Rect, Rect, Rect]:
    across, along = rect.w - 2 * side, rect.h - 2 * side
    return (
        Rect(rect.x + side, rect.y, across, thickness),
        Rect(rect.x + side, rect.bottom - thickness, across, thickness),
        Rect(rect.x, rect.y + side, thickness, along),
        Rect(rect.right - thickness, rect.y + side, thickness, along),
    )


Covers = tuple[tuple[Coverage, Coverage, Coverage], ...]


@lru_cache(maxsize=128)
def _mirrored(side: int, radius: int, inset: int) -> Covers:
    return _four(_coverage(side, radius, inset))


@lru_cache(maxsize=128)
def _mirrored_frame(side: int, radius: int, thickness: int) -> Covers:
    inner = _coverage(side, max(0, radius - thickness), thickness)
    return _four(_coverage(side, radius, 0) - inner)


def _four(cover: Coverage) -> Covers:
    chroma = quarter(cover.astype(np.uint32)).astype(np.uint16)
    mirrors = (slice(None), slice(None)), (slice(None), slice(None, None, -1))
    flips = (*mirrors, *((slice(None, None, -1), columns) for _, columns in mirrors))
    return tuple(
        (np.ascontiguousarray(cover[f]), half := np.ascontiguousarray(chroma[f]), half) for f in flips
    )


def _coverage(side: int, radius: int, inset: int) -> Coverage:
    """How much of each pixel of the top left patch lies inside a rounded shape, `inset` from its edges."""
    at = (np.arange(side * _SUBSAMPLES) + 0.5) / _SUBSAMPLES - inset
    away = np.maximum(0.0, radius - at)
    inside = (away[:, None] ** 2 + away[None, :] ** 2 <= radius**2) & (at[:, None] >= 0) & (at[None, :] >= 0)
    counts = inside.reshape(side, _SUBSAMPLES, side, _SUBSAMPLES).sum(axis=(1, 3))
    cover: Coverage = (counts * OPAQUE // _SUBSAMPLES**2).astype(np.uint16)
    return cover
