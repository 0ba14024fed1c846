"""What is on the canvas while one scene turns into the next: a pure function of the instant.

Tiles that stay move and change their opacity; tiles that are new fade in; tiles that go fade out where they
were. On their way small tiles lie above large ones, so that none vanishes at once below one that grows, or
comes out at once from below one that shrank. Edges of rectangles are interpolated one by one and rounded by
the one rule of `geometry`, so tiles that touch before and after touch in between. The page has the same few
lines (tests/golden/easing.json).
"""

from __future__ import annotations

from dataclasses import replace

from compositing.geometry import Rect, even_rect
from compositing.scene import Easing, Label, Scene, Tile


def ease(easing: Easing, progress: float) -> float:
    """`progress` in [0, 1] bent by `easing`; 0 and 1 stay where they are."""
    if easing == "smoothstep":
        return progress * progress * (3.0 - 2.0 * progress)
    return progress


def progress(scene: Scene, t_ms: float) -> float:
    """How far the transition into `scene` has come at `t_ms`, in [0, 1]; 1 where there is none."""
    transition = scene.transition
    if transition is None:
        return 1.0
    elapsed = t_ms - scene.start_ms + transition.elapsed_ms
    return ease(transition.easing, min(1.0, max(0.0, elapsed / transition.duration_ms)))


def tiles_at(scene: Scene, previous: Scene | None, t_ms: float) -> tuple[Tile, ...]:
    """The tiles to draw at `t_ms`, in drawing order; `scene.tiles` itself where nothing moves."""
    origin = origin_of(scene, previous)
    done = progress(scene, t_ms)
    return scene.tiles if origin is None or done >= 1.0 else between(origin, scene.tiles, done)


def origin_of(scene: Scene, previous: Scene | None) -> tuple[Tile, ...] | None:
    """What the transition into `scene` sets out from; None where there is nothing to set out from."""
    if scene.transition is None:
        return None
    if scene.transition.origin is not None:
        return scene.transition.origin
    return previous.tiles if previous is not None else None


def between(before: tuple[Tile, ...], after: tuple[Tile, ...], done: float) -> tuple[Tile, ...]:
    """The tiles when the share `done` of the way from `before` to `after` is made."""
    old = {tile.tile_id: tile for tile in before}
    staying = {tile.tile_id for tile in after}
    leaving = [(_area(t), _faded(t, 1.0 - done)) for t in before if t.tile_id not in staying]
    arriving = [
        (min(_area(t), _area(old.get(t.tile_id, t))), _moved(old.get(t.tile_id), t, done)) for t in after
    ]
    drawn = sorted(leaving + arriving, key=lambda item: (item[1].z, -item[0]))
    return tuple(tile for _, tile in drawn)


def between_rects(before: Rect, after: Rect, done: float) -> Rect:
    """The rectangle the share `done` of the way from `before` to `after`, on even pixels."""
    left, top = _mix(before.x, after.x, done), _mix(before.y, after.y, done)
    right, bottom = _mix(before.right, after.right, done), _mix(before.bottom, after.bottom, done)
    return even_rect(left, top, right - left, bottom - top)


def _moved(old: Tile | None, new: Tile, done: float) -> Tile:
    if old is None:
        return _faded(new, done)
    if old.rect == new.rect and old.opacity == new.opacity:
        return new
    rect, opacity = between_rects(old.rect, new.rect, done), _mix(old.opacity, new.opacity, done)
    return replace(new, rect=rect, opacity=opacity, label=_carried(new.label, new.rect, rect))


def _carried(label: Label | None, home: Rect, rect: Rect) -> Label | None:
    """The label at the same distance from the lower left corner of the tile on its way; None if too large."""
    if label is None:
        return None
    x = rect.x + label.rect.x - home.x
    y = rect.bottom - (home.bottom - label.rect.y)
    if y < rect.y or x + label.rect.w > rect.right:
        return None
    return replace(label, rect=Rect(x, y, label.rect.w, label.rect.h))


def _area(tile: Tile) -> int:
    return tile.rect.w * tile.rect.h


def _faded(tile: Tile, share: float) -> Tile:
    return replace(tile, opacity=tile.opacity * share)


def _mix(before: float, after: float, done: float) -> float:
    return before + (after - before) * done
