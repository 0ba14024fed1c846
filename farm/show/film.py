"""A plan as an animation without media: tiles stand, move and fade as in the export, and who speaks has a frame.

Takes a plan, its cast and how long the film is to last; gives SVG with SMIL animations, which needs no
script and no library. A transition is drawn at a few places on its way, a scene at its two ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compositing.geometry import Rect
from compositing.scene import Plan, Tile
from compositing.timeline import scene_at
from compositing.transition import tiles_at
from farm.show.axis import Cast, cut, short
from farm.show.storyboard import Small, fill_of
from farm.show.svg import INK, bar, drawing, element, text

_STEPS = 8
"""Places on the way of a transition."""
_SIDES = {"x": "x", "y": "y", "width": "w", "height": "h", "opacity": "opacity"}
"""What is animated, and what it is called in `_Key`."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A tile at one moment: how far the film is, and where the tile is; opacity 0 where it is not there."""

    at: float
    x: float
    y: float
    w: float
    h: float
    opacity: float
    disc: float
    """1 where it is an avatar."""


def film(plan: Plan, cast: Cast, seconds: float, width: float = 560.0) -> str:
    """The plan as an animation without media (SMIL), `seconds` long, over and over; tiles stand, move and fade as in
    the export, and who speaks has a frame."""
    small = Small.of(plan.canvas, width)
    drawn = [(at, _tiles_by_id(plan, t, after)) for at, t, after in _moments(plan)]
    first: dict[str, Tile] = {}
    for _, tiles in drawn:
        for tile_id, tile in tiles.items():
            first.setdefault(tile_id, tile)
    order = sorted(first.values(), key=lambda t: (t.z, -t.rect.w * t.rect.h))
    moving = [_moving(tile, _keys(tile.tile_id, drawn, small.scale), plan, cast, seconds) for tile in order]
    clock = _film_clock(plan, small, seconds)
    background = bar(0, 0, small.w, small.h, rx=6, fill=plan.scenes[0].background)
    return drawing(small.w, small.h + 24, [background, *moving, *clock], "The plan, animated")


def _moments(plan: Plan) -> Iterator[tuple[float, float, bool]]:
    """(share of the film, recording time, whether just behind it): the ends of scenes, and steps while tiles move."""
    length = plan.end_ms - plan.start_ms
    for scene in plan.scenes:
        moving = scene.transition.duration_ms - scene.transition.elapsed_ms if scene.transition else 0
        stops = [scene.start_ms + moving * k / _STEPS for k in range(_STEPS + 1)] if moving else [scene.start_ms]
        for t in (*(t for t in stops if t < scene.end_ms), scene.end_ms):
            yield (t - plan.start_ms) / length, t, t < scene.end_ms


def _tiles_by_id(plan: Plan, t_ms: float, after: bool) -> dict[str, Tile]:
    scene, previous = scene_at(plan, t_ms if after else t_ms - 0.5)
    return {tile.tile_id: tile for tile in tiles_at(scene, previous, t_ms)}


def _keys(tile_id: str, drawn: Sequence[tuple[float, dict[str, Tile]]], scale: float) -> list[_Key]:
    """Where the tile is at each moment; where it is not there, it waits unseen at the place it had or will have."""
    place = next(tiles[tile_id].rect for _, tiles in drawn if tile_id in tiles)
    keys: list[_Key] = []
    for at, tiles in drawn:
        tile = tiles.get(tile_id)
        place = tile.rect if tile else place
        opacity, disc = (tile.opacity, float(tile.kind == "avatar")) if tile else (0.0, 0.0)
        keys.append(_Key(at, *_scaled(place, scale), opacity, disc))
    return keys


def _scaled(rect: Rect, scale: float) -> tuple[float, float, float, float]:
    return round(rect.x * scale, 1), round(rect.y * scale, 1), round(rect.w * scale, 1), round(rect.h * scale, 1)


def _moving(tile: Tile, keys: Sequence[_Key], plan: Plan, cast: Cast, seconds: float) -> str:
    first = keys[0]
    places = [_animate(name, [(k.at, getattr(k, side)) for k in keys], seconds) for name, side in _SIDES.items()]
    said = tile.text or cast.name(tile.peer_id) or tile.kind
    short_side = max(min(k.w, k.h) for k in keys)
    look = {"fill": "#ffffff", "fill_opacity": 0.15} if tile.kind in ("text", "image") else fill_of(tile, cast)
    disc = element("circle", _animate("opacity", [(k.at, k.disc) for k in keys], seconds), cx="50%", cy="50%",
                   r="14%", fill=cast.colour(tile.peer_id), opacity=first.disc)  # fmt: skip
    inside = [
        element("rect", width="100%", height="100%", **look),
        disc if tile.source == "camera" else "",
        _speaks(tile, plan, seconds),
        text(6, 0, cut(said, 28), size=min(13.0, max(6.0, short_side / 7)), dy="1.3em", fill="#ffffff"),
        *places,
    ]
    return element("svg", *inside, x=first.x, y=first.y, width=first.w, height=first.h, opacity=first.opacity,
                   overflow="hidden")  # fmt: skip


def _speaks(tile: Tile, plan: Plan, seconds: float) -> str:
    spans = next((p.spans for p in plan.speech if p.peer_id == tile.peer_id), ())
    if not tile.highlight or not spans:
        return ""
    length = plan.end_ms - plan.start_ms
    edges = [((t - plan.start_ms) / length, on) for s in spans for t, on in ((s.start_ms, 1.0), (s.end_ms, 0.0))]
    steps = [(0.0, 0.0), *((min(max(at, 0.0), 1.0), on) for at, on in edges)]
    frame = _animate("stroke-opacity", steps, seconds, calcMode="discrete")
    return element("rect", frame, width="100%", height="100%", fill="none", stroke="#60a5fa", stroke_width=5,
                   stroke_opacity=0)  # fmt: skip


def _animate(name: str, values: Sequence[tuple[float, float]], seconds: float, **more: object) -> str:
    """What `name` is over the film; nothing where it never changes."""
    if len({value for _, value in values}) < 2:
        return ""
    inner = zip(values, values[1:], values[2:], strict=False)
    kept = [values[0], *(b for a, b, c in inner if not a[1] == b[1] == c[1]), values[-1]]
    return element(
        "animate", attributeName=name, dur=f"{seconds:g}s", repeatCount="indefinite",
        keyTimes=";".join(f"{at:.5g}" for at, _ in kept), values=";".join(f"{value:g}" for _, value in kept), **more,
    )  # fmt: skip


def _film_clock(plan: Plan, small: Small, seconds: float) -> Iterator[str]:
    y = small.h + 6
    yield bar(0, y, small.w, 4, rx=2, fill=INK, fill_opacity=0.15)
    grows = element("animate", attributeName="width", values=f"0;{small.w:g}", dur=f"{seconds:g}s",
                    repeatCount="indefinite")  # fmt: skip
    yield element("rect", grows, x=0, y=y, width=0, height=4, rx=2, fill="#3b82f6")
    speed = (plan.end_ms - plan.start_ms) / 1000 / seconds
    said = f"{short(plan.start_ms / 1000)} – {short(plan.end_ms / 1000)}, {speed:.2g} times as fast"
    yield text(small.w, y + 16, said, size=10, anchor="end", fill_opacity=0.6)
