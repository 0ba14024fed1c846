"""`speaker`: one large tile, the others in a strip.

The strip lies below, unless the picture on the stage would be clearly larger with the strip at the side: a
4:3 screen on a 16:9 canvas, anything on a very wide one.
"""

from __future__ import annotations

from collections.abc import Sequence

from compositing.layouts.base import LayoutFrame, Slot, Source, layout
from compositing.layouts.strip import Edge, room_beside, stage_and_strip, strip

CLEARLY_LARGER = 1.05


@layout("speaker")
def speaker(frame: LayoutFrame, sources: Sequence[Source], stage: Source | None) -> list[Slot]:
    """`stage` large, or the first source if there is no stage."""
    if not sources:
        return []
    large = stage or sources[0]
    below = _picture_area(frame, len(sources) - 1, large, "bottom")
    beside = _picture_area(frame, len(sources) - 1, large, "side")
    return stage_and_strip(frame, sources, large, "side" if beside > below * CLEARLY_LARGER else "bottom")


def _picture_area(frame: LayoutFrame, others: int, stage: Source, edge: Edge) -> float:
    """The area in pixels of the whole stage picture, uncut, beside a strip of `others` at `edge`."""
    grid = strip(frame, others, edge)
    if grid is None:
        return 0.0
    room = room_beside(frame, grid, edge)
    w = min(room.w, room.h * (stage.aspect or 16 / 9))
    return w * w / (stage.aspect or 16 / 9)
