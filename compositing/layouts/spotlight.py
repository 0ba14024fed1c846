"""`spotlight`: one tile alone, on the whole canvas."""

from __future__ import annotations

from collections.abc import Sequence

from compositing.layouts.base import LayoutFrame, Slot, Source, layout


@layout("spotlight")
def spotlight(frame: LayoutFrame, sources: Sequence[Source], stage: Source | None) -> list[Slot]:
    """Only `stage`, or the first source if there is no stage."""
    return [Slot((stage or sources[0]).tile_id, frame.whole)] if sources else []
