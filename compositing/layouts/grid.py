"""`grid`: tiles of one size, 16:9, as large as the canvas allows; the last row centred."""

from __future__ import annotations

from collections.abc import Sequence

from compositing.geometry import Size
from compositing.layouts.base import LayoutFrame, Slot, Source, layout, pack


@layout("grid")
def grid(frame: LayoutFrame, sources: Sequence[Source], stage: Source | None) -> list[Slot]:
    """All sources alike; the stage is a tile as any other."""
    inner = frame.inner
    packed = pack(Size(inner.w, inner.h), len(sources), frame.gap)
    if packed is None:
        return []
    return [Slot(s.tile_id, rect) for s, rect in zip(sources, packed.rects(inner), strict=False)]
