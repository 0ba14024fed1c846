"""The corrections of a human, `nudge_ms`: what a peer's media tells of them, moved with their media.

Pictures and sound of a nudged peer are played later or earlier, so when their camera shows, when they share a
screen and when they speak moves by the same: no old picture stands after a pause, no avatar before one.
Presence stays: the room knew when somebody came and left, whatever their clock said. Where a camera showed from
the first moment of a stay or to its last it still does after a nudge as small as those for lip-sync: the first
picture comes early there or the last one stays, and no avatar flashes up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compositing.facts import MeetingFacts, PeerFacts, ShapeSpan
from compositing.state import CompositionState
from compositing.times import Span, clip_all

NO_FLASH_MS = 300
"""Nudges up to this much leave a camera on at the edges of a stay at which it was on."""


Nudges = tuple[tuple[str, int], ...]
"""(peer_id, milliseconds) of each peer who is nudged."""


def nudges_of(state: CompositionState) -> Nudges:
    """Whom `state` nudges, and by how much."""
    return tuple((track.peer_id, track.nudge_ms) for track in state.tracks if track.nudge_ms)


def nudged(facts: MeetingFacts, nudges: Nudges) -> MeetingFacts:
    """`facts` with the spans of each nudged peer's media moved, clipped to the recording."""
    by = dict(nudges)
    whole = Span(0, facts.duration_ms)
    peers = (_moved(p, by[p.peer_id], whole) if p.peer_id in by else p for p in facts.peers)
    return replace(facts, peers=tuple(peers))


def _moved(peer: PeerFacts, ms: int, whole: Span) -> PeerFacts:
    speech = (Span(span.start_ms + ms, span.end_ms + ms) for span in peer.speech)
    return replace(
        peer,
        camera=_without_flash(peer, tuple(_shapes(peer.camera, ms, whole)), ms),
        screenshare=tuple(_shapes(peer.screenshare, ms, whole)),
        speech=clip_all(speech, whole),
    )


def _shapes(shapes: Sequence[ShapeSpan], ms: int, whole: Span) -> Iterator[ShapeSpan]:
    for shape in shapes:
        if span := Span(shape.start_ms + ms, shape.end_ms + ms).clip(whole):
            yield replace(shape, start_ms=span.start_ms, end_ms=span.end_ms)


def _without_flash(peer: PeerFacts, moved: tuple[ShapeSpan, ...], ms: int) -> tuple[ShapeSpan, ...]:
    """`moved` by `ms`, with the edges that stood at those of a stay put back."""
    if abs(ms) > NO_FLASH_MS:
        return moved
    joins, leaves = {s.start_ms for s in peer.presence}, {s.end_ms for s in peer.presence}
    return tuple(
        replace(
            shape,
            start_ms=shape.start_ms - ms if ms > 0 and shape.start_ms - ms in joins else shape.start_ms,
            end_ms=shape.end_ms - ms if ms < 0 and shape.end_ms - ms in leaves else shape.end_ms,
        )
        for shape in moved
    )
