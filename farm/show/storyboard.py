"""A plan as a storyboard: a small drawing of each scene, and a strip that says how long each lasts and who speaks.

Takes a plan and its cast; gives SVG. Tiles are drawn where the export has them; no picture is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compositing.geometry import Size
from compositing.scene import Plan, Scene, Tile
from compositing.times import Span
from farm.show.axis import WIDTH, Axis, Cast, cut, short
from farm.show.svg import INK, TROUBLE, bar, drawing, element, text, words

MOST_SCENES = 12
"""Of so many scenes there is a drawing; of a long meeting, the first ones."""
_PICTURE_W, _GAP = 218.0, 16.0


def storyboard(plan: Plan, cast: Cast) -> str:
    """A small drawing of each scene (the first `MOST_SCENES`), and a strip that says how long each of all lasts."""
    small = Small.of(plan.canvas, _PICTURE_W)
    pictures, y = _pictures(plan.scenes[:MOST_SCENES], small, cast)
    height = y + _strip_height(plan)
    return drawing(WIDTH, height, [*pictures, *_scene_strip(plan, cast, y)], f"{len(plan.scenes)} scenes")


def place_in(plan: Plan, cast: Cast, place: Span, said: Sequence[str]) -> str:
    """What the canvas shows in `place`, and where that lies in the whole; below the lines that were `said`."""
    top = 20.0 * len(said) + 8
    lines = [text(0, 16 + 20 * n, cut(line, 130), size=14 if n == 0 else 12) for n, line in enumerate(said)]
    small = Small.of(plan.canvas, _PICTURE_W)
    shown = [scene for scene in plan.scenes if Span(scene.start_ms, scene.end_ms).clip(place)][:MOST_SCENES]
    pictures, below = _pictures(shown, small, cast)
    axis, height = Axis((plan.end_ms - plan.start_ms) / 1000), _strip_height(plan)
    begin_s, end_s = ((ms - plan.start_ms) / 1000 for ms in (place.start_ms, place.end_ms))
    mark = axis.bar(begin_s, end_s, below, height - 30, "here", fill=TROUBLE, fill_opacity=0.3, stroke=TROUBLE)
    body = element("g", *pictures, *_scene_strip(plan, cast, below), mark, transform=f"translate(0 {top:g})")
    return drawing(WIDTH, top + below + height, [*lines, body], " ".join(said))


def _strip_height(plan: Plan) -> float:
    return 62.0 + 12 * len(plan.speech)


def _pictures(scenes: Sequence[Scene], small: Small, cast: Cast) -> tuple[list[str], float]:
    """Drawings of `scenes` in rows, and how far down they reach."""
    columns = int((WIDTH + _GAP) // (_PICTURE_W + _GAP))
    parts: list[str] = []
    for n, scene in enumerate(scenes):
        x, y = n % columns * (_PICTURE_W + _GAP), n // columns * (small.h + 34.0)
        parts.append(element("g", *_picture(scene, small, cast), transform=f"translate({x:g} {y:g})"))
    return parts, -(-len(scenes) // columns) * (small.h + 34.0)


@dataclass(frozen=True, slots=True)
class Small:
    """A canvas drawn `w` wide."""

    w: float
    h: float
    scale: float

    @staticmethod
    def of(canvas: Size, w: float) -> Small:
        scale = min(w / canvas.w, w / canvas.h)
        return Small(canvas.w * scale, canvas.h * scale, scale)


def _picture(scene: Scene, small: Small, cast: Cast) -> Iterator[str]:
    yield bar(0, 0, small.w, small.h, rx=4, fill=scene.background)
    for tile in scene.tiles:
        yield _tile(tile, small.scale, cast)
    when = f"{short(scene.start_ms / 1000)} – {short(scene.end_ms / 1000)}"
    yield text(0, small.h + 14, when, size=11, font_weight=600)
    yield text(small.w, small.h + 14, scene.layout, size=11, anchor="end", fill_opacity=0.6)


def _tile(tile: Tile, scale: float, cast: Cast) -> str:
    x, y, w, h = (v * scale for v in (tile.rect.x, tile.rect.y, tile.rect.w, tile.rect.h))
    return element(
        "svg", *_face(tile, min(w, h), cast), x=x, y=y, width=w, height=h, opacity=tile.opacity, overflow="hidden"
    )


def _face(tile: Tile, short_side: float, cast: Cast) -> Iterator[str]:
    """What a tile shows, over all of the nested picture it is drawn in; sizes by `short_side` pixels."""
    said = tile.text or cast.name(tile.peer_id) or tile.kind
    if tile.kind in ("text", "image"):
        yield element("rect", width="100%", height="100%", fill="#ffffff", fill_opacity=0.15)
    else:
        yield element("rect", width="100%", height="100%", **fill_of(tile, cast))
    if tile.kind == "avatar":
        yield element("circle", cx="50%", cy="50%", r=short_side * 0.25, fill=cast.colour(tile.peer_id))
    yield element("title", words(f"{said}: {tile.kind}, {tile.rect.w}×{tile.rect.h} at {tile.rect.x}, {tile.rect.y}"))
    size = min(11.0, max(5.0, short_side / 6))
    yield text(4, 0, cut(said, 28), size=size, dy="1.2em", fill="#ffffff")


def fill_of(tile: Tile, cast: Cast) -> dict[str, object]:
    if tile.source == "screenshare":
        return {"fill": "#e2e8f0", "fill_opacity": 0.45, "stroke": cast.colour(tile.peer_id), "stroke_width": 3}
    return {"fill": cast.colour(tile.peer_id), "fill_opacity": 0.25 if tile.kind == "avatar" else 0.75}


def _scene_strip(plan: Plan, cast: Cast, y: float) -> Iterator[str]:
    """One bar for each scene on the time of the export, and below it who speaks."""
    axis = Axis((plan.end_ms - plan.start_ms) / 1000)
    zero = plan.start_ms
    layouts = list(dict.fromkeys(scene.layout for scene in plan.scenes))
    yield text(0, y + 14, "scenes", size=11, fill_opacity=0.7)
    for scene in plan.scenes:
        shade = 0.18 + 0.14 * (layouts.index(scene.layout) % 4)
        begin_s, end_s = (scene.start_ms - zero) / 1000, (scene.end_ms - zero) / 1000 - axis.end_s * 0.001
        said = f"{scene.layout} from {short(scene.start_ms / 1000)}"
        yield axis.bar(begin_s, end_s, y + 4, 14, said, fill=INK, fill_opacity=shade)
    for n, heard in enumerate(plan.speech):
        lane = y + 24 + 12 * n
        yield text(0, lane + 8, cut(cast.name(heard.peer_id), 22), size=10, fill_opacity=0.7)
        moved = [Span(s.start_ms - zero, s.end_ms - zero) for s in heard.spans]
        yield from axis.spans(moved, lane, 8, "speaks", rx=2, fill=cast.colour(heard.peer_id))
    bottom = y + 26 + 12 * len(plan.speech)
    yield from axis.ticks(bottom, y + 4)
