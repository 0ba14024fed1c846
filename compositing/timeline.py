"""The plan of a composition: state, presence, speech and source shapes in; scenes, speech and audio out.

A pure function, with no media decoded. Step functions of recording time - who could be seen and whose camera
shows (`casting`), what the composition asks for (`cues`), who has the floor (`speakers`) - are walked
together, and each moment is arranged (`directing`); equal neighbours are one scene. Nothing depends on what
comes later: an edit at t leaves the plan before t as it was. A transition sets out from where the scene
before stood when it ended, moving or not. The plan of a part (`clip_plan`) draws exactly what the whole plan
draws there and holds nothing else, so that its canonical bytes can name what was rendered.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from compositing.casting import casts, lights
from compositing.cues import Hidden, TextCue, cues, hidden_spans, muted_spans
from compositing.directing import Director, Shown
from compositing.errors import InvalidRange
from compositing.facts import MeetingFacts
from compositing.geometry import Size
from compositing.layouts import LayoutFrame
from compositing.nudges import Nudges, nudged, nudges_of
from compositing.rasters import RasterBook
from compositing.scene import PeerAudio, PeerSpans, Plan, Scene, Tile, Transition
from compositing.speakers import Floor, floors
from compositing.state import CompositionState, StyleState
from compositing.tiles import Names, TileMaker
from compositing.times import Span, clip_sorted, merge, subtract
from compositing.transition import origin_of, tiles_at

_MOST_ANSWERS = 10_000
"""Arrangements that a planner keeps; beyond, it begins anew."""

_Look = tuple[Size, StyleState, Names]
"""What decides how an arrangement is furnished."""

_LOOK_BACK = 4
"""How many transitions before a part one looks first for an arrangement that came to rest."""


@dataclass(frozen=True, slots=True)
class Shot:
    """An arrangement without its stills: what a scene is before it is furnished."""

    start_ms: int
    end_ms: int
    layout: str
    shown: tuple[Shown, ...]
    texts: tuple[TextCue, ...]


def resolve(
    state: CompositionState, facts: MeetingFacts, rasters: RasterBook, window: Span | None = None
) -> Plan:
    """The plan of the exported range, or of the part of it inside `window`.

    An end beyond the recording is the recording's end. Raises InvalidRange if nothing is left, and whatever
    `rasters` raises for an asset that is not there.
    """
    return Planner(facts, rasters).plan(state, window)


class Planner:
    """Plans of one meeting, one after another, as while somebody drags a tile.

    What a state has in common with the one before is not worked out again: the steps of the meeting while
    nobody is nudged otherwise, arrangements and tiles while style and canvas are the same. A plan does not
    depend on those made before.
    """

    def __init__(self, facts: MeetingFacts, rasters: RasterBook) -> None:
        self._facts = facts
        self._rasters = rasters
        self._meeting: tuple[Nudges, _Meeting] | None = None
        self._studio: tuple[_Look, Director, TileMaker] | None = None

    def plan(self, state: CompositionState, window: Span | None = None) -> Plan:
        """As `resolve`."""
        meeting = self._nudged(state)
        director, maker = self._arranging(state)
        whole = export_span(state, meeting.facts)
        part = _part(whole, whole if window is None else window)
        shots = _needed(_Shooting(state, meeting, director), whole, part, state.style.transition_ms)
        plan = Plan(
            canvas=state.export.canvas,
            fps=state.export.fps,
            start_ms=shots[0].start_ms,
            end_ms=shots[-1].end_ms,
            scenes=tuple(_scenes(shots, maker, state)),
            speech=meeting.speech,
            audio=_audio(state, meeting.facts),
            nudge_ms=nudges_of(state),
        )
        return clip_plan(plan, part)

    def _nudged(self, state: CompositionState) -> _Meeting:
        nudges = nudges_of(state)
        if self._meeting is None or self._meeting[0] != nudges:
            self._meeting = nudges, _Meeting(nudged(self._facts, nudges))
        return self._meeting[1]

    def _arranging(self, state: CompositionState) -> tuple[Director, TileMaker]:
        canvas = state.export.canvas
        look = canvas, state.style, Names.agreed(state, self._facts)
        if self._studio is None or self._studio[0] != look or self._studio[1].answers > _MOST_ANSWERS:
            director = Director(LayoutFrame.scaled(canvas, state.style.gap), state.style)
            self._studio = look, director, TileMaker(state, look[2], self._rasters)
        return self._studio[1:]


def export_span(state: CompositionState, facts: MeetingFacts) -> Span:
    """The part of the recording that the state exports. Raises InvalidRange if it is empty."""
    end = facts.duration_ms if state.export.end_ms is None else state.export.end_ms
    return _part(Span(0, facts.duration_ms), Span(state.export.start_ms or 0, end))


def scene_at(plan: Plan, t_ms: float) -> tuple[Scene, Scene | None]:
    """The scene at `t_ms` and the one before it in the plan; outside of the plan, its first or last scene."""
    i = max(0, bisect_right(plan.scenes, t_ms, key=lambda scene: scene.start_ms) - 1)
    return plan.scenes[i], plan.scenes[i - 1] if i else None


def clip_plan(plan: Plan, span: Span) -> Plan:
    """The plan of the part inside `span`: draws the same there, and knows nothing of the rest.

    Where a transition runs when the part begins, its first scene carries what the transition set out from.
    Raises InvalidRange if the plan does not meet `span`.
    """
    part = _part(plan.span, span)
    scenes = _clip_scenes(plan.scenes, part)
    drawn = [tile for scene in scenes for tile in _drawn(scene)]
    audio = tuple(a for x in plan.audio if (a := replace(x, spans=clip_sorted(x.spans, part))).spans)
    lit = {tile.peer_id for tile in drawn if tile.highlight}
    used = {tile.peer_id for tile in drawn} | {a.peer_id for a in audio}
    return replace(
        plan,
        start_ms=part.start_ms,
        end_ms=part.end_ms,
        scenes=scenes,
        speech=tuple(
            s
            for x in plan.speech
            if x.peer_id in lit and (s := replace(x, spans=clip_sorted(x.spans, part))).spans
        ),
        audio=audio,
        nudge_ms=tuple(item for item in plan.nudge_ms if item[0] in used),
    )


def _part(whole: Span, asked: Span) -> Span:
    part = asked.clip(whole)
    if not part:
        raise InvalidRange(asked.start_ms, asked.end_ms, whole.start_ms, whole.end_ms)
    return part


class _Step(Protocol):
    @property
    def start_ms(self) -> int: ...


S = TypeVar("S", bound=_Step)


class _StepFunction(Generic[S]):
    """What holds when: each step until the next; the first begins at 0."""

    def __init__(self, steps: Sequence[S]) -> None:
        self._steps = steps
        self._starts = [step.start_ms for step in steps]

    def at(self, t_ms: int) -> S:
        return self._steps[bisect_right(self._starts, t_ms) - 1]

    def changes(self, span: Span) -> list[int]:
        return self._starts[bisect_left(self._starts, span.start_ms) : bisect_left(self._starts, span.end_ms)]


class _Meeting:
    """The steps of a meeting that no composition changes."""

    def __init__(self, facts: MeetingFacts) -> None:
        self.facts = facts
        self.casts = _StepFunction(casts(facts))
        self.lights = _StepFunction(lights(facts))
        self.speech = tuple(PeerSpans(p.peer_id, merge(p.speech)) for p in facts.peers)
        self._floors: tuple[Hidden, _StepFunction[Floor]] | None = None

    def floors(self, hidden: Hidden) -> _StepFunction[Floor]:
        """Who has the floor; whom one cannot see does not take the stage."""
        if self._floors is None or self._floors[0] != hidden:
            heard = [(p.peer_id, subtract(p.spans, hidden.get(p.peer_id, ()))) for p in self.speech]
            self._floors = hidden, _StepFunction((Floor(0, ()), *floors(heard)))
        return self._floors[1]


class _Shooting:
    """The shots of one composition, taken span by span."""

    def __init__(self, state: CompositionState, meeting: _Meeting, director: Director) -> None:
        self._director = director
        self._casts = meeting.casts
        self._lights = meeting.lights
        self._cues = _StepFunction(cues(state))
        self._floors = meeting.floors(hidden_spans(state, meeting.facts.duration_ms))

    def shots(self, span: Span) -> list[Shot]:
        """All shots of `span`, without gap or overlap, no two neighbours alike."""
        found: list[tuple[int, tuple[str, tuple[Shown, ...], tuple[TextCue, ...]]]] = []
        for t in self._changes(span):
            cue = self._cues.at(t)
            shown = self._director.shown(
                self._casts.at(t), self._lights.at(t), cue, self._floors.at(t).recent
            )
            content = cue.setting.layout, shown, cue.texts
            if not found or content != found[-1][1]:
                found.append((t, content))
        ends = [*(t for t, _ in found[1:]), span.end_ms]
        return [Shot(t, end, *content) for (t, content), end in zip(found, ends, strict=True)]

    def _changes(self, span: Span) -> list[int]:
        """Every instant of `span` at which something may change."""
        functions = self._casts, self._lights, self._cues, self._floors
        return sorted({span.start_ms}.union(*(function.changes(span) for function in functions)))


def _needed(shooting: _Shooting, whole: Span, part: Span, transition_ms: int) -> list[Shot]:
    """The shots of `part`, and those before it back to one that was at rest when it ended."""
    look_back = transition_ms * _LOOK_BACK
    while True:
        reach = Span(max(whole.start_ms, part.start_ms - look_back), part.end_ms)
        shots = shooting.shots(reach)
        before = [i for i, shot in enumerate(shots) if shot.end_ms <= part.start_ms]
        at_rest = [i for i in before if shots[i].end_ms - shots[i].start_ms >= transition_ms]
        if not look_back or reach.start_ms == whole.start_ms:
            return shots
        if at_rest:
            return shots[at_rest[-1] :]
        look_back *= 4


def _scenes(shots: Sequence[Shot], maker: TileMaker, state: CompositionState) -> Iterator[Scene]:
    before: Scene | None = None
    older: Scene | None = None
    for shot in shots:
        tiles = maker.tiles(shot.shown, shot.texts)
        transition = _transition(tiles, before, older, state.style.transition_ms)
        scene = Scene(
            shot.start_ms, shot.end_ms, shot.layout, state.style.background, tiles, transition
        )
        yield scene
        before, older = scene, before


def _transition(
    tiles: tuple[Tile, ...], before: Scene | None, older: Scene | None, duration_ms: int
) -> Transition | None:
    """How the scene of `tiles` begins after `before`, which may still be on its way from `older`."""
    if before is None or not duration_ms:
        return None
    if before.transition is not None and before.end_ms - before.start_ms < duration_ms:
        return Transition(duration_ms, origin=tiles_at(before, older, before.end_ms))
    return Transition(duration_ms) if tiles != before.tiles else None


def _audio(state: CompositionState, facts: MeetingFacts) -> tuple[PeerAudio, ...]:
    muted = muted_spans(state, facts.duration_ms)
    gains = {track.peer_id: track.volume_db for track in state.tracks}
    return tuple(
        PeerAudio(p.peer_id, gains.get(p.peer_id, 0.0), subtract(p.presence, muted.get(p.peer_id, ())))
        for p in facts.peers
        if p.has_audio
    )


def _clip_scenes(scenes: Sequence[Scene], part: Span) -> tuple[Scene, ...]:
    first = bisect_right(scenes, part.start_ms, key=lambda scene: scene.start_ms) - 1
    last = bisect_left(scenes, part.end_ms, key=lambda scene: scene.start_ms)
    kept = list(scenes[first:last])
    kept[0] = _begun(kept[0], scenes[first - 1] if first else None, part.start_ms)
    kept[-1] = replace(kept[-1], end_ms=min(kept[-1].end_ms, part.end_ms))
    return tuple(kept)


def _begun(scene: Scene, previous: Scene | None, t_ms: int) -> Scene:
    """`scene` from `t_ms` on, by itself: with what its transition set out from, if it still runs."""
    origin, transition = origin_of(scene, previous), scene.transition
    if transition is not None:
        elapsed = transition.elapsed_ms + t_ms - scene.start_ms
        moving = origin is not None and elapsed < transition.duration_ms
        transition = replace(transition, elapsed_ms=elapsed, origin=origin) if moving else None
    return replace(scene, start_ms=t_ms, transition=transition)


def _drawn(scene: Scene) -> tuple[Tile, ...]:
    origin = scene.transition.origin if scene.transition else None
    return (*scene.tiles, *(origin or ()))
