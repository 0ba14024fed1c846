"""`free`: nothing of itself; the canvas holds only what was placed by hand."""

from __future__ import annotations

from collections.abc import Sequence

from compositing.layouts.base import LayoutFrame, Slot, Source, layout


@layout("free")
def free(frame: LayoutFrame, sources: Sequence[Source], stage: Source | None) -> list[Slot]:
    """No slots."""
    return []
