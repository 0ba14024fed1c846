"""The one signature of a layout, its registry, and the arithmetic that layouts share.

A layout takes the frame, the sources in the order in which they are to be shown, and which of them is the
stage (the large one; None if there is none), and gives absolute rectangles: even integers, inside the canvas.
It shows as many sources as fit, taken in the order given, the stage always among them; which of them are worth
keeping is not its business. Pure arithmetic on integers: no time, no style but the gap, no pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from compositing.geometry import Rect, Size, even
from compositing.scene import SourceKind

TILE_ASPECT = (16, 9)
"""Width to height of every tile that is not the stage."""

SMALLEST_TILE = 14
"""A strip's tile is at least one part in this many of the canvas's short side high; more are dropped. On a
16:9 canvas that leaves room for 25 people."""


@dataclass(frozen=True, slots=True)
class LayoutFrame:
    """The canvas, and the gap between tiles and around them, in pixels (even)."""

    canvas: Size
    gap: int

    @staticmethod
    def scaled(canvas: Size, gap_1080: int) -> LayoutFrame:
        """The frame whose gap is `gap_1080` pixels of a 1080-line canvas; at most 1/8 of the short side."""
        short = min(canvas.w, canvas.h)
        return LayoutFrame(canvas, min(even(gap_1080 * short / 1080), 2 * (short // 16)))

    @property
    def inner(self) -> Rect:
        """The canvas without its outer margin, which is one gap wide."""
        gap = self.gap
        return Rect(gap, gap, self.canvas.w - 2 * gap, self.canvas.h - 2 * gap)

    @property
    def whole(self) -> Rect:
        return Rect(0, 0, self.canvas.w, self.canvas.h)

    @property
    def smallest_tile_h(self) -> int:
        return floor_even(min(self.canvas.w, self.canvas.h) // SMALLEST_TILE)


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can have a tile: a peer's camera (or avatar), or a live screen share."""

    tile_id: str
    peer_id: str
    kind: SourceKind
    aspect: float | None = None
    """Width over height of a screen when its sharing began; None for a camera, which is taken as 16:9."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the layout puts a source: absolute pixels, even. Later slots lie above earlier ones."""

    tile_id: str
    rect: Rect


Layout = Callable[[LayoutFrame, Sequence[Source], Source | None], list[Slot]]
L = TypeVar("L", bound=Layout)

LAYOUTS: dict[str, Layout] = {}


def layout(name: str) -> Callable[[L], L]:
    """Registers a layout under `name`."""

    def register(function: L) -> L:
        if name in LAYOUTS:
            raise ValueError(f"two layouts are called {name!r}")
        LAYOUTS[name] = function
        return function

    return register


def floor_even(value: int) -> int:
    """`value` rounded down to an even integer, at least 2: the smallest tile of a 4:2:0 picture."""
    return max(2, value // 2 * 2)


def centred(size: Size, box: Rect) -> Rect:
    """`size` in the middle of `box`; half a spare pair of pixels goes to the right and the bottom."""
    return Rect(box.x + (box.w - size.w) // 4 * 2, box.y + (box.h - size.h) // 4 * 2, size.w, size.h)


def shaped(box: Rect, narrowest: float, widest: float) -> Size:
    """The largest even size inside `box` whose width over height is within [narrowest, widest]."""
    w, h = box.w, box.h
    if w > h * widest:
        w = int(h * widest)
    elif w < h * narrowest:
        h = int(w / narrowest)
    return Size(floor_even(w), floor_even(h))


@dataclass(frozen=True, slots=True)
class Grid:
    """Tiles of one size in rows; the last row may be shorter."""

    cols: int
    count: int
    tile: Size
    gap: int

    @property
    def rows(self) -> int:
        return -(-self.count // self.cols)

    @property
    def block(self) -> Size:
        """The size of the whole block of tiles."""
        return Size(_run(self.cols, self.tile.w, self.gap), _run(self.rows, self.tile.h, self.gap))

    def rects(self, box: Rect) -> list[Rect]:
        """The tiles' rectangles, the block and its last row centred in `box`."""
        top = centred(self.block, box).y
        return [
            rect
            for row in range(self.rows)
            for rect in self._row(box, top + row * (self.tile.h + self.gap), row)
        ]

    def _row(self, box: Rect, y: int, row: int) -> list[Rect]:
        count = min(self.cols, self.count - row * self.cols)
        left = box.x + (box.w - _run(count, self.tile.w, self.gap)) // 4 * 2
        step = self.tile.w + self.gap
        return [Rect(left + col * step, y, self.tile.w, self.tile.h) for col in range(count)]


@lru_cache(maxsize=4096)
def pack(
    box: Size, count: int, gap: int, *, largest_w: int | None = None, smallest_h: int = 2
) -> Grid | None:
    """The grid of 16:9 tiles, as large as `box` and `largest_w` allow, of as many of `count` as fit.

    Tiles are at least `smallest_h` high; fewer than `count` are shown rather than smaller ones. None if not
    even one fits.
    """
    for n in range(count, 0, -1):
        grids = [g for cols in range(1, n + 1) if (g := grid_of(box, cols, n, gap, largest_w)) is not None]
        best = max(grids, key=_merit, default=None)
        if best is not None and best.tile.h >= smallest_h:
            return best
    return None


def _merit(grid: Grid) -> tuple[int, int, int]:
    """Large tiles first, then few rows, then few empty places."""
    return grid.tile.w * grid.tile.h, -grid.rows, -grid.cols


def grid_of(box: Size, cols: int, count: int, gap: int, largest_w: int | None = None) -> Grid | None:
    """The grid of `count` 16:9 tiles in `cols` columns, as large as `box` allows; None if there is no room."""
    rows = -(-count // cols)
    w, h = (box.w - (cols - 1) * gap) // cols, (box.h - (rows - 1) * gap) // rows
    w = min(w, largest_w or w)
    if w < 2 or h < 2:
        return None
    across, down = TILE_ASPECT
    tile = Size(floor_even(min(w, h * across // down)), floor_even(min(h, w * down // across)))
    return Grid(cols, count, tile, gap)


def _run(count: int, length: int, gap: int) -> int:
    return count * length + (count - 1) * gap
