"""Who is the active speaker: spans of speech in, changes of the stage out.

A speaker keeps the stage for at least HOLD_MS, so that it does not flicker, and for as long as they go on
speaking, unless someone who began later has spoken for HOLD_MS: an open microphone cannot hold the stage for
ever, and a short "yes" does not take it. In silence the last speaker stays. Only what was heard before an
instant decides about it, and the fold begins with the recording, so every window gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compositing.times import Span

HOLD_MS = 1500


@dataclass(frozen=True, slots=True)
class Floor:
    """From `start_ms` on: the peers who have had the stage, the present holder first."""

    start_ms: int
    recent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Holder:
    peer: int
    since_ms: int


def floors(speech: Sequence[tuple[str, Sequence[Span]]]) -> tuple[Floor, ...]:
    """Every change of the active speaker, from (peer_id, sorted disjoint spans) in order of joining."""
    changes: list[Floor] = []
    recent: tuple[str, ...] = ()
    for holder in _holders([spans for _, spans in speech]):
        peer_id = speech[holder.peer][0]
        recent = (peer_id, *(other for other in recent if other != peer_id))
        changes.append(Floor(holder.since_ms, recent))
    return tuple(changes)


def _holders(speech: Sequence[Sequence[Span]]) -> list[_Holder]:
    holders: list[_Holder] = []
    speaking: dict[int, int] = {}
    now = 0
    for t, begins, peer in _changes(speech):
        while t > now and (turn := _next(speaking, holders[-1] if holders else None, now)):
            if turn.since_ms >= t:
                break
            holders.append(turn)
            now = turn.since_ms
        now = t
        if begins:
            speaking[peer] = t
        else:
            del speaking[peer]
    return holders


def _changes(speech: Sequence[Sequence[Span]]) -> list[tuple[int, bool, int]]:
    """(time, whether speech begins, peer) in order; at one instant the ends come first."""
    return sorted(
        change
        for peer, spans in enumerate(speech)
        for span in spans
        for change in ((span.start_ms, True, peer), (span.end_ms, False, peer))
    )


def _next(speaking: dict[int, int], holder: _Holder | None, now: int) -> _Holder | None:
    """Who takes the stage next, and when, at `now` or later, if nothing changes; None if no one does."""
    others = sorted((start, peer) for peer, start in speaking.items() if not holder or peer != holder.peer)
    if holder and holder.peer in speaking:
        others = [(start, peer) for start, peer in others if start > holder.since_ms]
    if not others:
        return None
    start, peer = others[0]
    if holder is None:
        return _Holder(peer, now)
    waits_from = start if holder.peer in speaking else holder.since_ms
    return _Holder(peer, max(now, waits_from + HOLD_MS))
