"""`sidebar`: a large tile and a column of the others at its right."""

from __future__ import annotations

from collections.abc import Sequence

from compositing.layouts.base import LayoutFrame, Slot, Source, layout
from compositing.layouts.strip import stage_and_strip


@layout("sidebar")
def sidebar(frame: LayoutFrame, sources: Sequence[Source], stage: Source | None) -> list[Slot]:
    """`stage` large, or the first source if there is no stage."""
    return stage_and_strip(frame, sources, stage or sources[0], "side") if sources else []
