"""Facts of meetings and a raster book without fonts, for tests of the plan."""

from __future__ import annotations

import hashlib

from compositing.facts import MeetingFacts, PeerFacts, ShapeSpan
from compositing.geometry import Size
from compositing.scene import ImageRef
from compositing.times import Span

Pairs = list[tuple[int, int]]


class FakeRasters:
    """A raster book whose keys are what was asked for; labels need a tile 60 pixels wide and 20 high."""

    def label(self, text: str, tile: Size, canvas: Size) -> ImageRef | None:
        if tile.w < 60 or tile.h < 20:
            return None
        return ImageRef(f"label:{text}", min(8 * len(text) // 2 * 2, tile.w // 2 // 2 * 2), 10)

    def avatar(self, peer_id: str, name: str, size: Size) -> ImageRef:
        return ImageRef(f"avatar:{peer_id}:{name}:{size.w}x{size.h}", size.w, size.h)

    def avatar_colour(self, peer_id: str) -> str:
        return "#" + hashlib.sha256(peer_id.encode()).hexdigest()[:6]

    def text(self, text: str, size: Size) -> ImageRef:
        return ImageRef(f"text:{text}", size.w, size.h)

    def asset(self, name: str, size: Size) -> ImageRef:
        return ImageRef(f"asset:{name}", size.w, size.h // 4 * 2)


def peer(
    peer_id: str,
    presence: Pairs,
    *,
    camera: Pairs | None = None,
    screen: Pairs | None = None,
    speech: Pairs | None = None,
    screen_size: tuple[int, int] = (1280, 720),
) -> PeerFacts:
    """A peer with sound, named after the id; the camera shows whenever they are present unless told."""
    return PeerFacts(
        peer_id,
        peer_id.capitalize(),
        _spans(presence),
        tuple(ShapeSpan(a, b, 640, 360) for a, b in (presence if camera is None else camera)),
        tuple(ShapeSpan(a, b, *screen_size) for a, b in screen or []),
        _spans(speech or []),
        True,
    )


def meeting(duration_ms: int, *peers: PeerFacts) -> MeetingFacts:
    return MeetingFacts(duration_ms, peers)


def _spans(pairs: Pairs) -> tuple[Span, ...]:
    return tuple(Span(a, b) for a, b in pairs)
