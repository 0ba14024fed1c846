"""`split`: two halves, side by side on a landscape canvas, one above the other on a portrait one."""

from __future__ import annotations

from collections.abc import Sequence

from compositing.geometry import Rect
from compositing.layouts.base import LayoutFrame, Slot, Source, floor_even, layout


@layout("split")
def split(frame: LayoutFrame, sources: Sequence[Source], stage: Source | None) -> list[Slot]:
    """The stage and the first other source, in the order given: who speaks does not make them swap sides."""
    other = next((source for source in sources if source != stage), None)
    pair = [source for source in sources if source in (stage, other)] if stage else list(sources[:2])
    if len(pair) < 2:
        return [Slot(source.tile_id, frame.inner) for source in pair]
    return [Slot(source.tile_id, rect) for source, rect in zip(pair, halves(frame), strict=True)]


def halves(frame: LayoutFrame) -> tuple[Rect, Rect]:
    """The two halves of the canvas, of equal size."""
    inner, gap = frame.inner, frame.gap
    if frame.canvas.w >= frame.canvas.h:
        w = floor_even((inner.w - gap) // 2)
        return Rect(inner.x, inner.y, w, inner.h), Rect(inner.right - w, inner.y, w, inner.h)
    h = floor_even((inner.h - gap) // 2)
    return Rect(inner.x, inner.y, inner.w, h), Rect(inner.x, inner.bottom - h, inner.w, h)
