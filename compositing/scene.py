"""The plan: what is where on the canvas at any time, as plain frozen values.

Layout makes these, the canvas and the browser draw them. Absolute integer rectangles only; nothing here
computes a layout, reads a pixel or knows a file. `compositing.plan_json` has the wire form, `docs/concepts/layout.md`
the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compositing.geometry import Fit, NormRect, Rect, Size
from compositing.times import Span

TileKind = Literal["video", "avatar", "text", "image"]
SourceKind = Literal["camera", "screenshare"]
Easing = Literal["linear", "smoothstep"]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A raster made by the one renderer of labels: its content key and its size in pixels."""

    key: str
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Label:
    """A name on a tile. `rect` is on the canvas, absolute."""

    text: str
    rect: Rect
    image: str
    """Key of the raster (its content digest)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One thing on the canvas. Drawn in order of `z`, then of the scene's list."""

    tile_id: str
    """Stable over scenes: `{peer_id}/camera`, `{peer_id}/screenshare`, `text/{n}`, `image/{n}`."""
    kind: TileKind
    rect: Rect
    peer_id: str | None = None
    source: SourceKind | None = None
    crop: NormRect | None = None
    fit: Fit = "auto"
    z: int = 0
    opacity: float = 1.0
    corner_radius: int = 0
    """Pixels of this canvas."""
    highlight: bool = False
    """Whether a frame is drawn around this tile while its peer speaks."""
    label: Label | None = None
    image: str | None = None
    """Key of the raster that fills an avatar, text or image tile."""
    text: str | None = None
    colour: str | None = None
    """`#rrggbb`: background of an avatar, colour of a text."""


@dataclass(frozen=True, slots=True)
class Transition:
    """An animated change from the scene before, over the first `duration_ms` of this one."""

    duration_ms: int
    easing: Easing = "smoothstep"
    elapsed_ms: int = 0
    """How long it has run when the scene begins: a plan may be cut while something moves."""
    origin: tuple[Tile, ...] | None = None
    """What it sets out from; None: the tiles of the scene before. Given where that scene is not in the plan,
    or was itself still moving when it ended."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One arrangement, valid over [start_ms, end_ms) of recording time."""

    start_ms: int
    end_ms: int
    layout: str
    background: str
    tiles: tuple[Tile, ...]
    transition: Transition | None = None
    """None is a cut."""

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True)
class PeerSpans:
    """When something holds for a peer."""

    peer_id: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class PeerAudio:
    """When a peer is heard, and how loud."""

    peer_id: str
    gain_db: float
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The resolved composition over [start_ms, end_ms): scenes without gap or overlap, speech, audio."""

    canvas: Size
    fps: int
    start_ms: int
    end_ms: int
    scenes: tuple[Scene, ...]
    speech: tuple[PeerSpans, ...] = ()
    audio: tuple[PeerAudio, ...] = ()
    nudge_ms: tuple[tuple[str, int], ...] = ()
    """(peer_id, milliseconds) by which a peer's media is shifted later; who is not nudged is absent."""

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)
