"""What stands on a tile: picture or avatar, name, corners; and texts and the image over all.

Takes rectangles and the style, gives the tiles of a scene. Asks the raster book for keys and sizes of stills,
never for pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compositing.cues import TextCue
from compositing.directing import Shown
from compositing.facts import MeetingFacts
from compositing.geometry import Fit, NormRect, Rect, Size, even, fit_picture, to_pixels
from compositing.layouts.base import centred
from compositing.rasters import RasterBook
from compositing.scene import Label, Tile
from compositing.state import MAX_Z, CompositionState

TEXT_Z = MAX_Z + 1
IMAGE_Z = MAX_Z + 2

TEXT_COLOUR = "#ffffff"

SCREEN_SUFFIX = " · screen"

_SHAPE_H = 8192
"""Height of the picture that stands for a screen of which only the proportions are known."""
_BAR_MARGIN = 2
"""Pixels that a bar leaves around a label at the least."""


@dataclass(frozen=True, slots=True)
class Names:
    """What peers are called on labels: the composition's word first, then the meeting's, then the id."""

    of: dict[str, str]

    @staticmethod
    def agreed(state: CompositionState, facts: MeetingFacts) -> Names:
        given = {track.peer_id: track.label for track in state.tracks if track.label}
        return Names({p.peer_id: given.get(p.peer_id) or p.name or p.peer_id for p in facts.peers})


class TileMaker:
    """Makes the tiles of one composition; equal ones are made once."""

    def __init__(self, state: CompositionState, names: Names, rasters: RasterBook) -> None:
        self._style = state.style
        self._canvas = state.export.canvas
        self._names = names
        self._rasters = rasters
        self._made: dict[Shown, Tile] = {}
        self._sets: dict[int, tuple[tuple[Shown, ...], tuple[Tile, ...]]] = {}
        self._texts: dict[tuple[str, str, NormRect], Tile] = {}
        short = min(self._canvas.w, self._canvas.h)
        self._radius = round(state.style.corner_radius * short / 1080)
        self._image = self._overlay()

    def tiles(self, shown: tuple[Shown, ...], texts: Sequence[TextCue]) -> tuple[Tile, ...]:
        """All tiles of a moment, in drawing order."""
        sources = self._sources(shown)
        return (*sources, *(self._text(t) for t in texts), *self._image) if texts or self._image else sources

    def _sources(self, shown: tuple[Shown, ...]) -> tuple[Tile, ...]:
        """The same tiles for the same object: telling arrangements apart by what they hold takes longer."""
        known = self._sets.get(id(shown))
        if known is None or known[0] is not shown:
            known = self._sets[id(shown)] = shown, tuple(map(self._tile, shown))
        return known[1]

    def _tile(self, shown: Shown) -> Tile:
        tile = self._made.get(shown)
        if tile is None:
            tile = self._made[shown] = self._screen(shown) if self._is_screen(shown) else self._camera(shown)
        return tile

    @staticmethod
    def _is_screen(shown: Shown) -> bool:
        return shown.source.kind == "screenshare"

    def _screen(self, shown: Shown) -> Tile:
        source, fit = shown.source, shown.fit or self._style.screenshare_fit
        return Tile(
            source.tile_id,
            "video",
            shown.rect,
            source.peer_id,
            source.kind,
            shown.crop,
            fit,
            shown.z,
            corner_radius=self._corner(shown.rect),
            label=self._screen_label(shown, fit),
        )

    def _screen_label(self, shown: Shown, fit: Fit) -> Label | None:
        """Whose screen it is; beside the picture where a bar has room, if need be for the name alone."""
        name, tile = self._names.of[shown.source.peer_id], shown.rect
        full = self._label(name + SCREEN_SUFFIX, tile)
        if full is None or shown.source.aspect is None:
            return full
        shape = Size(round(shown.source.aspect * _SHAPE_H), _SHAPE_H)
        _, picture = fit_picture(shape, tile, fit, shown.crop)
        for label in (full, self._label(name, tile)):
            beside = beside_picture(label.rect, tile, picture) if label else None
            if label and beside:
                return replace(label, rect=beside)
        return full

    def _camera(self, shown: Shown) -> Tile:
        source, rect = shown.source, shown.rect
        name = self._names.of[source.peer_id]
        avatar = None if shown.live else self._rasters.avatar(source.peer_id, name, Size(rect.w, rect.h))
        return Tile(
            source.tile_id,
            "video" if shown.live else "avatar",
            rect,
            source.peer_id,
            source.kind,
            shown.crop if shown.live else None,
            shown.fit or self._style.fit,
            shown.z,
            corner_radius=self._corner(rect),
            highlight=self._style.highlight_speaker,
            label=self._label(name, rect),
            image=avatar.key if avatar else None,
            colour=self._rasters.avatar_colour(source.peer_id) if avatar else None,
        )

    def _corner(self, rect: Rect) -> int:
        """The radius of a tile's corners; a tile on the whole canvas has none."""
        if (rect.w, rect.h) == (self._canvas.w, self._canvas.h):
            return 0
        return min(self._radius, rect.w // 2, rect.h // 2)

    def _label(self, text: str, tile: Rect) -> Label | None:
        if not self._style.labels:
            return None
        image = self._rasters.label(text, Size(tile.w, tile.h), self._canvas)
        if image is None:
            return None
        rect = label_rect(Size(image.w, image.h), tile, self._corner(tile))
        return Label(text, rect, image.key) if rect else None

    def _text(self, cue: TextCue) -> Tile:
        asked = cue.tile_id, cue.event.text, cue.event.rect.norm
        tile = self._texts.get(asked)
        if tile is None:
            tile = self._texts[asked] = self._set_text(*asked)
        return tile

    def _set_text(self, tile_id: str, text: str, norm: NormRect) -> Tile:
        rect = to_pixels(norm, self._canvas)
        image = self._rasters.text(text, Size(rect.w, rect.h)).key
        return Tile(
            tile_id, "text", rect, fit="contain", z=TEXT_Z, image=image, text=text, colour=TEXT_COLOUR
        )

    def _overlay(self) -> tuple[Tile, ...]:
        image = self._style.image
        if image is None:
            return ()
        box = to_pixels(image.rect.norm, self._canvas)
        still = self._rasters.asset(image.asset, Size(box.w, box.h))
        rect = centred(Size(min(still.w, box.w), min(still.h, box.h)), box)
        return (
            Tile("image/0", "image", rect, fit="contain", z=IMAGE_Z, opacity=image.opacity, image=still.key),
        )


def label_rect(label: Size, tile: Rect, radius: int) -> Rect | None:
    """The place of a label at the lower left inside `tile`, clear of its round corner; None if too large."""
    inset = max(2, even(label.h / 3), even(radius * 0.3))
    if label.w + 2 * inset > tile.w or label.h + 2 * inset > tile.h:
        return None
    return Rect(tile.x + inset, (tile.bottom - inset - label.h) // 2 * 2, label.w, label.h)


def beside_picture(label: Rect, tile: Rect, picture: Rect) -> Rect | None:
    """`label` where it hides nothing of `picture`: as it lies, or in the bar at its left or below it.

    None where no bar of `tile` has room for it.
    """
    left, below = picture.x - tile.x, tile.bottom - picture.bottom
    if label.right <= picture.x or label.y >= picture.bottom:
        return label
    if left >= label.w + 2 * _BAR_MARGIN:
        return replace(label, x=tile.x + (left - label.w) // 4 * 2)
    if below >= label.h + 2 * _BAR_MARGIN:
        return replace(label, y=picture.bottom + (below - label.h) // 4 * 2)
    return None
