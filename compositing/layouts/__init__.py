"""The arrangements: one file each, registered by name. A new one is a file and a line here."""

from compositing.layouts import free, grid, pip, sidebar, speaker, split, spotlight
from compositing.layouts.base import LAYOUTS, Layout, LayoutFrame, Slot, Source

__all__ = [
    "LAYOUTS",
    "Layout",
    "LayoutFrame",
    "Slot",
    "Source",
    "free",
    "grid",
    "pip",
    "sidebar",
    "speaker",
    "split",
    "spotlight",
]
