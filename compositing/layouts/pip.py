"""`pip`: picture in picture, the stage on the whole canvas and one small tile at the lower right."""

from __future__ import annotations

from collections.abc import Sequence

from compositing.geometry import Rect
from compositing.layouts.base import LayoutFrame, Slot, Source, floor_even, layout


@layout("pip")
def pip(frame: LayoutFrame, sources: Sequence[Source], stage: Source | None) -> list[Slot]:
    """`stage` (or the first source) behind, the first of the others in the corner."""
    if not sources:
        return []
    large = stage or sources[0]
    small = [source for source in sources if source != large][:1]
    return [Slot(large.tile_id, frame.whole), *(Slot(s.tile_id, corner(frame)) for s in small)]


def corner(frame: LayoutFrame) -> Rect:
    """The small tile: two fifths of the canvas's short side wide, 16:9, a little off the edges."""
    canvas = frame.canvas
    short = min(canvas.w, canvas.h)
    inset = max(frame.gap, short // 72 * 2)
    w = floor_even(short * 2 // 5)
    h = floor_even(w * 9 // 16)
    return Rect(canvas.w - inset - w, canvas.h - inset - h, w, h)
