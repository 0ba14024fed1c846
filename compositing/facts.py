"""What the plan must know of a meeting: who was there, what could be seen, who spoke. No media.

Filled by renderer.meeting from the manifest and the indexes; all times in milliseconds of recording time.
"""

from __future__ import annotations

from dataclasses import dataclass

from compositing.times import Span


@dataclass(frozen=True, slots=True)
class ShapeSpan:
    """A span over which a source shows live pictures of one size (upright, after rotation)."""

    start_ms: int
    end_ms: int
    w: int
    h: int

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """One participant; a peer who rejoins is one peer with two presence spans."""

    peer_id: str
    name: str
    presence: tuple[Span, ...]
    camera: tuple[ShapeSpan, ...] = ()
    """Spans with live pictures: paused and absent stretches are left out; there an avatar stands."""
    screenshare: tuple[ShapeSpan, ...] = ()
    speech: tuple[Span, ...] = ()
    has_audio: bool = False


@dataclass(frozen=True, slots=True)
class MeetingFacts:
    """The meeting over [0, duration_ms). `peers` are in order of their first joining."""

    duration_ms: int
    peers: tuple[PeerFacts, ...]
