"""What the composition asks for, event by event: a step function of recording time.

Knows nothing of the meeting: a pinned peer may be absent, a hidden one may never have come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from compositing.casting import camera_id, screen_id
from compositing.scene import SourceKind
from compositing.state import (
    CompositionState,
    Event,
    LayoutEvent,
    PeerEvent,
    PinEvent,
    PlaceEvent,
    TextEvent,
    UnpinEvent,
    UnplaceEvent,
)
from compositing.times import Span


@dataclass(frozen=True, slots=True)
class TextCue:
    """A text on the canvas. Its tile is named by its time, so that other edits do not rename it."""

    tile_id: str
    event: TextEvent


@dataclass(frozen=True, slots=True)
class _TextEnd:
    text: TextCue


_Step = Event | TextCue | _TextEnd


@dataclass(frozen=True)
class Setting:
    """How the composition arranges those who are there."""

    layout: str
    hidden: frozenset[str]
    pin: str | None = None
    """The pinned tile."""
    placed: tuple[tuple[str, PlaceEvent], ...] = ()
    """(tile, where) of what stands free, in the order of placing."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Settings are asked for at every change of a meeting, and events are slow to hash."""
        return hash((self.layout, self.hidden, self.pin, self.placed))


@dataclass(frozen=True, slots=True)
class Cue:
    """What holds from `start_ms` on."""

    start_ms: int
    setting: Setting
    texts: tuple[TextCue, ...] = ()


def cues(state: CompositionState) -> tuple[Cue, ...]:
    """Every change of what the composition asks for, the first at 0; events at one time act in list order."""
    cue = Cue(0, Setting(state.layout, frozenset(t.peer_id for t in state.tracks if t.hidden)))
    by_time = {0: cue}
    for t, step in _steps(state):
        cue = replace(_after(cue, step), start_ms=t)
        by_time[t] = cue
    return tuple(by_time.values())


Hidden = dict[str, tuple[Span, ...]]
"""When peers are hidden, by peer id."""


def hidden_spans(state: CompositionState, end_ms: int) -> Hidden:
    """When each peer is hidden, within [0, end_ms)."""
    return _toggled(state, {t.peer_id for t in state.tracks if t.hidden}, ("hide", "show"), end_ms)


def muted_spans(state: CompositionState, end_ms: int) -> dict[str, tuple[Span, ...]]:
    """When each peer is muted, within [0, end_ms)."""
    return _toggled(state, {t.peer_id for t in state.tracks if t.muted}, ("mute", "unmute"), end_ms)


def in_order(events: Iterable[Event]) -> list[Event]:
    """By time; ties in list order."""
    return sorted(events, key=lambda event: event.t)


def _toggled(
    state: CompositionState, initially: set[str], words: tuple[str, str], end_ms: int
) -> dict[str, tuple[Span, ...]]:
    since = dict.fromkeys(initially, 0)
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    for event in in_order(state.timeline):
        if not isinstance(event, PeerEvent) or event.type not in words:
            continue
        if event.type == words[0]:
            since.setdefault(event.peer_id, event.t)
        elif event.peer_id in since:
            spans[event.peer_id].append(Span(since.pop(event.peer_id), event.t))
    for peer_id, start in since.items():
        spans[peer_id].append(Span(start, end_ms))
    return {peer_id: tuple(s for s in found if s) for peer_id, found in spans.items()}


def _steps(state: CompositionState) -> list[tuple[int, _Step]]:
    """All that happens, in order of time: events, with each text as a cue and as the end of it."""
    steps: list[tuple[int, _Step]] = []
    at: defaultdict[int, int] = defaultdict(int)
    for event in in_order(state.timeline):
        if isinstance(event, TextEvent):
            nth, at[event.t] = at[event.t], at[event.t] + 1
            text = TextCue(f"text/{event.t}" + (f"-{nth}" if nth else ""), event)
            steps += [(event.t, text), (event.t + event.duration_ms, _TextEnd(text))]
        else:
            steps.append((event.t, event))
    return sorted(steps, key=lambda step: step[0])


def _after(cue: Cue, event: _Step) -> Cue:
    match event:
        case TextCue():
            return replace(cue, texts=(*cue.texts, event))
        case _TextEnd():
            return replace(cue, texts=tuple(text for text in cue.texts if text != event.text))
    return replace(cue, setting=_set(cue.setting, event))


def _set(setting: Setting, event: Event) -> Setting:
    match event:
        case LayoutEvent():
            return replace(setting, layout=event.layout)
        case PinEvent():
            return replace(setting, pin=_tile_id(event.peer_id, event.source or "camera"))
        case UnpinEvent():
            return replace(setting, pin=None)
        case PlaceEvent() | UnplaceEvent():
            return replace(setting, placed=_replaced(setting.placed, event))
        case PeerEvent(type="hide"):
            return replace(setting, hidden=setting.hidden | {event.peer_id})
        case PeerEvent(type="show"):
            return replace(setting, hidden=setting.hidden - {event.peer_id})
    return setting


def _replaced(
    placed: tuple[tuple[str, PlaceEvent], ...], event: PlaceEvent | UnplaceEvent
) -> tuple[tuple[str, PlaceEvent], ...]:
    tile_id = _tile_id(event.peer_id, event.source)
    others = tuple(item for item in placed if item[0] != tile_id)
    return (*others, (tile_id, event)) if isinstance(event, PlaceEvent) else others


def _tile_id(peer_id: str, source: SourceKind) -> str:
    return camera_id(peer_id) if source == "camera" else screen_id(peer_id)
