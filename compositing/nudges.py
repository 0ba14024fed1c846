"""The corrections of a human, `nudge_ms`: what a peer's media tells of them, moved with their media.

Pictures and sound of a nudged peer are played later or earlier, so when their camera shows, when they share a
screen and when they speak moves by the same: no old picture stands after a pause, no avatar before one.
Presence stays: the room knew when somebody came and left, whatever their clock said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compositing.facts import MeetingFacts, PeerFacts, ShapeSpan
from compositing.state import CompositionState
from compositing.times import Span, clip_all


def nudged(facts: MeetingFacts, state: CompositionState) -> MeetingFacts:
    """`facts` with the spans of each nudged peer's media moved, clipped to the recording."""
    by = {track.peer_id: track.nudge_ms for track in state.tracks if track.nudge_ms}
    whole = Span(0, facts.duration_ms)
    peers = (_moved(p, by[p.peer_id], whole) if p.peer_id in by else p for p in facts.peers)
    return replace(facts, peers=tuple(peers))


def _moved(peer: PeerFacts, ms: int, whole: Span) -> PeerFacts:
    speech = (Span(span.start_ms + ms, span.end_ms + ms) for span in peer.speech)
    return replace(
        peer,
        camera=tuple(_shapes(peer.camera, ms, whole)),
        screenshare=tuple(_shapes(peer.screenshare, ms, whole)),
        speech=clip_all(speech, whole),
    )


def _shapes(shapes: Sequence[ShapeSpan], ms: int, whole: Span) -> Iterator[ShapeSpan]:
    for shape in shapes:
        if span := Span(shape.start_ms + ms, shape.end_ms + ms).clip(whole):
            yield replace(shape, start_ms=span.start_ms, end_ms=span.end_ms)
