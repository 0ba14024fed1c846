"""Who could be seen, from the facts of the meeting alone: two step functions of recording time.

Knows nothing of the composition: hiding, pinning and arranging come later.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from compositing.facts import MeetingFacts, PeerFacts, ShapeSpan
from compositing.layouts import Source
from compositing.times import Span, merge

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Company:
    """The peers in the room, and the screens, both in order of first joining."""

    peers: tuple[str, ...] = ()
    screens: tuple[Source, ...] = ()
    newest: tuple[Source, ...] = ()
    """The same screens, the one whose sharing began last before the others."""


@dataclass(frozen=True, slots=True)
class Cast:
    """From `start_ms` on: who is there. Equal companies are one object."""

    start_ms: int
    company: Company = Company()


@dataclass(frozen=True, slots=True)
class _Screen:
    """A screen being shared since `start_ms`."""

    start_ms: int
    source: Source


@dataclass(frozen=True, slots=True)
class Lit:
    """From `start_ms` on: the peers whose cameras show pictures."""

    start_ms: int
    peers: frozenset[str] = frozenset()


def camera_id(peer_id: str) -> str:
    """The tile of a peer's camera, or of the avatar that stands for it."""
    return f"{peer_id}/camera"


def screen_id(peer_id: str) -> str:
    """The tile of a peer's shared screen."""
    return f"{peer_id}/screenshare"


def casts(facts: MeetingFacts) -> tuple[Cast, ...]:
    """Every change of who is there and who shares, over [0, duration_ms)."""
    whole = Span(0, facts.duration_ms)
    seats = [(span, (i, None)) for i, p in enumerate(facts.peers) for span in _inside(p.presence, whole)]
    screens = [(span, (i, screen)) for i, p in enumerate(facts.peers) for span, screen in _screens(p, whole)]
    steps = [Cast(0)]
    known: dict[Company, Company] = {}
    for t, held in _steps([*seats, *screens]):
        here = sorted(i for i, screen in held if screen is None)
        shared = {i: screen for i, screen in held if screen is not None}
        company = _company([facts.peers[i].peer_id for i in here], [shared[i] for i in here if i in shared])
        steps.append(Cast(t, known.setdefault(company, company)))
    return tuple(steps)


def _company(peers: Sequence[str], screens: Sequence[_Screen]) -> Company:
    newest = sorted(screens, key=lambda screen: -screen.start_ms)
    return Company(tuple(peers), tuple(s.source for s in screens), tuple(s.source for s in newest))


def lights(facts: MeetingFacts) -> tuple[Lit, ...]:
    """Every change of whose camera shows pictures, over [0, duration_ms)."""
    whole = Span(0, facts.duration_ms)
    spans = [(span, p.peer_id) for p in facts.peers for span in _inside((c.span for c in p.camera), whole)]
    return (Lit(0), *(Lit(t, frozenset(held)) for t, held in _steps(spans)))


def _inside(spans: Iterable[Span], whole: Span) -> tuple[Span, ...]:
    return merge(span.clip(whole) for span in spans)


def _screens(peer: PeerFacts, whole: Span) -> Iterator[tuple[Span, _Screen]]:
    shapes = iter(sorted(peer.screenshare, key=lambda shape: shape.start_ms))
    for run in _inside((shape.span for shape in peer.screenshare), whole):
        first = next(shape for shape in shapes if shape.span.clip(run))   # runs and shapes go on in one order
        source = Source(screen_id(peer.peer_id), peer.peer_id, "screenshare", _aspect(first))
        yield run, _Screen(run.start_ms, source)


def _aspect(shape: ShapeSpan) -> float | None:
    return shape.w / shape.h if shape.w > 0 and shape.h > 0 else None


def _steps(spans: Iterable[tuple[Span, Item]]) -> Iterator[tuple[int, set[Item]]]:
    """(t, what holds from t on) at every t at which a span begins or ends; the set is reused.

    The spans of one item do not touch.
    """
    changes = [change for s, item in spans for change in ((s.start_ms, True, item), (s.end_ms, False, item))]
    held: set[Item] = set()
    for t, group in groupby(sorted(changes, key=itemgetter(0)), key=itemgetter(0)):
        for _, begins, item in group:
            (held.add if begins else held.discard)(item)
        yield t, held
