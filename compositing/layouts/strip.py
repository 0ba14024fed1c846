"""One large stage and the others in a strip at an edge: what `speaker` and `sidebar` share.

The strip is one line of tiles, a fifth of the canvas deep; they shrink while there are many, and what they
leave goes to the stage. More than fit so are packed into several lines. A portrait canvas has height to
spare: there the strip is a block of large tiles. Stage and strip are centred together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from compositing.geometry import Rect, Size
from compositing.layouts.base import Grid, LayoutFrame, Slot, Source, centred, floor_even, grid_of, pack, shaped

Edge = Literal["bottom", "side"]

CAMERA_ASPECTS = (5 / 4, 16 / 9)
"""The shapes of stage in which `auto` still covers with a 16:9 camera, and never cuts off a head."""

SCREEN_ASPECTS = (4 / 3, 12 / 5)
"""Shared windows change their shape as they are resized: their stage is as large as there is room."""


def stage_and_strip(frame: LayoutFrame, sources: Sequence[Source], stage: Source, edge: Edge) -> list[Slot]:
    """`stage` large, the other sources in a strip at `edge`, as many as fit."""
    others = [source for source in sources if source != stage]
    grid = strip(frame, len(others), edge)
    if grid is None:
        return [Slot(stage.tile_id, centred(stage_size(stage, frame.inner), frame.inner))]
    large, box = _group(frame, stage_size(stage, room_beside(frame, grid, edge)), grid, edge)
    small = [Slot(o.tile_id, rect) for o, rect in zip(others, grid.rects(box), strict=False)]
    return [Slot(stage.tile_id, large), *small]


def strip(frame: LayoutFrame, count: int, edge: Edge) -> Grid | None:
    """The strip's tiles; None if there are none."""
    inner, gap, least = frame.inner, frame.gap, frame.smallest_tile_h
    if edge == "bottom":
        depth, spare = frame.canvas.h // 5, inner.h - gap - inner.w * 4 // 5
        box, cols = Size(inner.w, max(depth, spare)), count
        largest = floor_even((inner.w - gap) // 2)
    else:
        portrait = frame.canvas.h > frame.canvas.w
        box, cols = Size(frame.canvas.w // (4 if portrait else 5), inner.h), 1
        depth = spare = largest = box.w
    line = grid_of(box, cols, count, gap, largest) if count and spare <= depth else None
    if line is not None and line.tile.h >= least:
        return line
    return pack(box, count, gap, largest_w=largest, smallest_h=least)


def room_beside(frame: LayoutFrame, grid: Grid, edge: Edge) -> Rect:
    """What the strip leaves for the stage."""
    inner, gap, block = frame.inner, frame.gap, grid.block
    if edge == "bottom":
        return Rect(inner.x, inner.y, inner.w, floor_even(inner.h - gap - block.h))
    return Rect(inner.x, inner.y, floor_even(inner.w - gap - block.w), inner.h)


def stage_size(stage: Source, room: Rect) -> Size:
    """The stage's size: as large as `room` allows within the shapes that suit its source."""
    if stage.kind == "camera":
        return shaped(room, *CAMERA_ASPECTS)
    narrowest, widest = SCREEN_ASPECTS
    aspect = stage.aspect or widest
    return shaped(room, min(narrowest, aspect), max(widest, aspect))


def _group(frame: LayoutFrame, large: Size, grid: Grid, edge: Edge) -> tuple[Rect, Rect]:
    """Stage and strip placed beside each other, both together in the middle of the canvas."""
    inner, gap, block = frame.inner, frame.gap, grid.block
    if edge == "bottom":
        both = centred(Size(inner.w, large.h + gap + block.h), inner)
        above = Rect(inner.x, both.y, inner.w, large.h)
        return centred(large, above), Rect(inner.x, above.bottom + gap, inner.w, block.h)
    both = centred(Size(large.w + gap + block.w, inner.h), inner)
    left = Rect(both.x, inner.y, large.w, inner.h)
    return centred(large, left), Rect(left.right + gap, inner.y, block.w, inner.h)
