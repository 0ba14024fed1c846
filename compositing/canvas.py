"""Tiles drawn into a frame: pictures scaled plane by plane, rasters blended in their own rectangles.

Takes the tiles of one instant (absolute rectangles; transitions already interpolated) and the picture that
each shows; writes the planes of one frame. The frame is kept between calls and only what changed is drawn
again, but the bytes never depend on what was drawn before: drawing from scratch gives the same frame.
Everything is computed in integers, equal on every processor. Knows no time, no layout, no codec.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compositing.blend import OPAQUE, Sprite, blend_sprite, fill, mix, sprite
from compositing.colour import bars, placeholder, yuv
from compositing.corners import (
    corner_rects,
    draw_frame,
    lift_corners,
    patch_side,
    round_corners,
    usable_radius,
)
from compositing.geometry import Rect, Size, even, fit_picture
from compositing.picture import Picture, Raster
from compositing.scale import scale_picture, size_of, upright, views
from compositing.scene import Tile

SPEAKER_COLOUR = "#3d9bff"
_SPEAKER_FRAME = 4
"""Pixels of a canvas whose short side is `_REFERENCE_SIDE`."""
_REFERENCE_SIDE = 1080


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A tile as it stands in the frame. `picture` is None for what is no video or has no picture yet."""

    tile: Tile
    picture: Picture | None
    speaks: bool


_SPRITE_BYTES = 32 << 20
"""Stills that are kept ready: enough for what is on one canvas, however many a long meeting has."""


class Canvas:
    """Draws frames of `size`. `rasters` gives the raster of a key."""

    def __init__(self, size: Size, rasters: Callable[[str], Raster]) -> None:
        self._whole = Rect(0, 0, size.w, size.h)
        self._frame_width = max(2, even(_SPEAKER_FRAME * min(size.w, size.h) / _REFERENCE_SIDE))
        self._rasters = rasters
        self._sprites: dict[str, Sprite] = {}
        self._turned: dict[str, tuple[Picture, Picture]] = {}
        self._frame: Picture | None = None
        self._background = ""
        self._layers: list[_Layer] = []

    def draw(
        self,
        frame: Picture,
        tiles: Sequence[Tile],
        background: str,
        pictures: Mapping[str, Picture | None],
        speaking: Container[str],
    ) -> None:
        """Makes `frame` show `tiles` on `background`.

        `frame` has writable planes of the canvas's size; nobody else may write to it between calls.
        `pictures` maps tile ids of video tiles to what they show; without one a dark placeholder stands
        there. `speaking` holds the ids of the peers that speak now. Raises ValueError for a frame of
        another size.
        """
        if (frame.w, frame.h) != (self._whole.w, self._whole.h):
            raise ValueError(f"{frame.w} x {frame.h} frame for a canvas of {self._whole.w} x {self._whole.h}")
        layers = [_layer(tile, pictures, speaking) for tile in sorted(tiles, key=lambda tile: tile.z)]
        kept = frame is self._frame and background == self._background and _same_tiles(layers, self._layers)
        before, self._frame = self._layers, None
        self._background, self._layers = background, layers
        if kept:
            self._draw_changes(frame, before)
        else:
            fill(frame, self._whole, yuv(background))
            for layer in layers:
                self._draw(frame, layer)
        self._frame = frame

    def _draw_changes(self, frame: Picture, before: list[_Layer]) -> None:
        pairs = enumerate(zip(self._layers, before, strict=True))
        changed = [i for i, (now, old) in pairs if now.picture is not old.picture or now.speaks != old.speaks]
        dirty = [self._layers[i] for i in self._with_neighbours(self._layers, changed)]
        for layer in dirty:
            self._clear(frame, layer.tile)
        for layer in dirty:
            self._draw(frame, layer)

    def _with_neighbours(self, layers: list[_Layer], changed: list[int]) -> list[int]:
        """`changed`, the layers above that it covers, and those below that shine through."""
        found, queue = set(changed), list(changed)
        while queue:
            i = queue.pop()
            first = 0 if self._see_through(layers[i].tile) else i + 1
            for j in range(first, len(layers)):
                if j not in found and _meet(_extent(layers[i].tile), _extent(layers[j].tile)):
                    found.add(j)
                    queue.append(j)
        return sorted(found)

    def _see_through(self, tile: Tile) -> bool:
        """Whether what lies below `tile` is seen anywhere in its extent."""
        return tile.corner_radius > 0 or self._is_translucent(tile)

    def _is_translucent(self, tile: Tile) -> bool:
        """Whether more than the corners of `tile` let through what is below."""
        if tile.opacity < 1 or _extent(tile) != tile.rect:
            return True
        return tile.kind != "video" and (
            tile.kind != "avatar" or tile.image is None or not self._sprite(tile.image).is_opaque
        )

    def _clear(self, frame: Picture, tile: Tile) -> None:
        """Background where `tile` is see-through."""
        if self._is_translucent(tile):
            cleared: tuple[Rect, ...] = (_extent(tile),)
        elif radius := usable_radius(tile.rect, tile.corner_radius):
            cleared = corner_rects(tile.rect, patch_side(radius))
        else:
            return
        for rect in cleared:
            fill(frame, _clip(rect, self._whole), yuv(self._background))

    def _draw(self, frame: Picture, layer: _Layer) -> None:
        extent = _extent(layer.tile)
        seen = _clip(extent, self._whole)
        if not (seen.w and seen.h):
            return
        if seen == extent:
            self._paint(frame, layer)
            return
        aside = Picture.blank(extent.w, extent.h)
        here = replace(seen, x=seen.x - extent.x, y=seen.y - extent.y)
        _copy(frame, seen, aside, here)
        self._paint(aside, replace(layer, tile=_moved(layer.tile, -extent.x, -extent.y)))
        _copy(aside, here, frame, seen)

    def _paint(self, target: Picture, layer: _Layer) -> None:
        """Draws a layer that lies wholly inside `target`."""
        tile = layer.tile
        cover = round(min(1.0, max(0.0, tile.opacity)) * OPAQUE)
        below = [view.copy() for view in views(target, _extent(tile))] if cover < OPAQUE else []
        self._paint_rounded(target, layer)
        if layer.speaks:
            radius = usable_radius(tile.rect, tile.corner_radius)
            draw_frame(target, tile.rect, radius, self._frame_width, yuv(SPEAKER_COLOUR))
        if tile.label is not None:
            blend_sprite(target, tile.label.rect, self._sprite(tile.label.image))
        for view, under in zip(views(target, _extent(tile)), below, strict=bool(below)):
            mix(view, under, np.uint16(cover))

    def _paint_rounded(self, target: Picture, layer: _Layer) -> None:
        rect = layer.tile.rect
        radius = usable_radius(rect, layer.tile.corner_radius)
        if not radius:
            self._paint_content(target, layer)
            return
        below = lift_corners(target, rect, radius)
        self._paint_content(target, layer)
        round_corners(target, rect, radius, below)

    def _paint_content(self, target: Picture, layer: _Layer) -> None:
        tile = layer.tile
        if tile.kind == "video":
            self._paint_picture(target, tile, layer.picture)
        elif tile.image is not None:
            drawn = self._sprite(tile.image)
            place = tile.rect if tile.kind == "avatar" else fit_picture(drawn.size, tile.rect, "contain")[1]
            blend_sprite(target, place, drawn)

    def _paint_picture(self, target: Picture, tile: Tile, picture: Picture | None) -> None:
        if picture is None:
            fill(target, tile.rect, placeholder(self._background))
            return
        shown = self._upright(tile.tile_id, picture)
        part, place = fit_picture(size_of(shown), tile.rect, tile.fit, tile.crop)
        for bar in _beside(tile.rect, place):
            fill(target, bar, bars(self._background))
        scale_picture(shown, part, target, place)

    def _upright(self, tile_id: str, picture: Picture) -> Picture:
        """`picture` turned upright; the last one of each tile is remembered."""
        if not picture.rotation:
            return picture
        held = self._turned.get(tile_id)
        if held is None or held[0] is not picture:
            held = self._turned[tile_id] = (picture, upright(picture))
        return held[1]

    def _sprite(self, key: str) -> Sprite:
        """The raster of `key`, ready for blending; those used longest ago are forgotten beyond a bound."""
        drawn = self._sprites.pop(key, None) or sprite(self._rasters(key))
        self._sprites[key] = drawn
        while len(self._sprites) > 1 and sum(s.nbytes for s in self._sprites.values()) > _SPRITE_BYTES:
            del self._sprites[next(iter(self._sprites))]
        return drawn


def _layer(tile: Tile, pictures: Mapping[str, Picture | None], speaking: Container[str]) -> _Layer:
    picture = pictures.get(tile.tile_id) if tile.kind == "video" else None
    return _Layer(tile, picture, tile.highlight and tile.peer_id is not None and tile.peer_id in speaking)


def _same_tiles(now: list[_Layer], before: list[_Layer]) -> bool:
    return [layer.tile for layer in now] == [layer.tile for layer in before]


def _extent(tile: Tile) -> Rect:
    """The smallest rectangle around a tile and its label."""
    if tile.label is None:
        return tile.rect
    a, b = tile.rect, tile.label.rect
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Rect(x, y, max(a.right, b.right) - x, max(a.bottom, b.bottom) - y)


def _meet(a: Rect, b: Rect) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def _clip(rect: Rect, bounds: Rect) -> Rect:
    """The part of `rect` inside `bounds`; a side of 0 where they do not meet."""
    x, y = max(rect.x, bounds.x), max(rect.y, bounds.y)
    return Rect(x, y, max(0, min(rect.right, bounds.right) - x), max(0, min(rect.bottom, bounds.bottom) - y))


def _beside(rect: Rect, place: Rect) -> list[Rect]:
    """The parts of `rect` above, below, left and right of `place`."""
    around = [
        Rect(rect.x, rect.y, rect.w, place.y - rect.y),
        Rect(rect.x, place.bottom, rect.w, rect.bottom - place.bottom),
        Rect(rect.x, place.y, place.x - rect.x, place.h),
        Rect(place.right, place.y, rect.right - place.right, place.h),
    ]
    return [bar for bar in around if bar.w and bar.h]


def _moved(tile: Tile, dx: int, dy: int) -> Tile:
    rect = replace(tile.rect, x=tile.rect.x + dx, y=tile.rect.y + dy)
    if tile.label is None:
        return replace(tile, rect=rect)
    named = replace(tile.label.rect, x=tile.label.rect.x + dx, y=tile.label.rect.y + dy)
    return replace(tile, rect=rect, label=replace(tile.label, rect=named))


def _copy(source: Picture, part: Rect, target: Picture, place: Rect) -> None:
    for view, under in zip(views(source, part), views(target, place), strict=True):
        np.copyto(under, view)
