"""Parts of a plan: what a chunk is hashed by, and what an edit leaves alone. Random meetings and compositions."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compositing.errors import InvalidPlan, InvalidRange
from compositing.facts import MeetingFacts, PeerFacts
from compositing.layouts import LAYOUTS
from compositing.plan_json import canonical_plan, plan_bytes, plan_from_json, plan_to_json
from compositing.scene import Plan, Scene, Tile
from compositing.state import CompositionState, parse_state
from compositing.timeline import Planner, clip_plan, resolve, scene_at
from compositing.times import Span, merge
from compositing.transition import tiles_at
from tests.support.plan_facts import FakeRasters, meeting, peer

LENGTH = 20_000
PEERS = ("ada", "ben", "cleo", "dan")
TIMES = st.integers(0, LENGTH)


def pairs(most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    spans = st.lists(st.builds(lambda a, n: Span(a, min(LENGTH, a + n)), TIMES, st.integers(1, 9000)), max_size=most)
    return spans.map(lambda found: [(s.start_ms, s.end_ms) for s in merge(found)])


def peers(name: str) -> st.SearchStrategy[PeerFacts]:
    return st.builds(
        lambda presence, camera, screen, speech: peer(name, presence, camera=camera, screen=screen, speech=speech),
        pairs(2), pairs(3), pairs(1), pairs(4),
    )  # fmt: skip


MEETINGS = st.tuples(*(peers(name) for name in PEERS)).map(lambda found: meeting(LENGTH, *found))

WHO = st.sampled_from(PEERS)
BOXES = st.sampled_from([{"x": 0.5, "y": 0.5, "w": 0.4, "h": 0.4}, {"x": 0.0, "y": 0.1, "w": 1.0, "h": 0.3}])
EVENTS = st.one_of(
    st.fixed_dictionaries({"type": st.just("layout"), "layout": st.sampled_from(sorted(LAYOUTS))}),
    st.fixed_dictionaries(
        {"type": st.just("pin"), "peer_id": WHO, "source": st.sampled_from(["camera", "screenshare"])}
    ),
    st.fixed_dictionaries({"type": st.just("unpin")}),
    st.fixed_dictionaries({"type": st.just("place"), "peer_id": WHO, "rect": BOXES, "z": st.integers(0, 9)}),
    st.fixed_dictionaries({"type": st.sampled_from(["unplace", "hide", "show", "mute", "unmute"]), "peer_id": WHO}),
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": st.sampled_from("xyz"), "rect": BOXES, "duration_ms": st.integers(1, 5000)}
    ),
)
TIMED = st.builds(lambda t, event: {"t": t, **event}, TIMES, EVENTS)
STATES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "layout": st.sampled_from(sorted(LAYOUTS)),
        "timeline": st.lists(TIMED, max_size=8),
        "tracks": st.sets(WHO).map(lambda names: [{"peer_id": n, "nudge_ms": 20} for n in sorted(names)]),
        "style": st.fixed_dictionaries(
            {
                "transition_ms": st.sampled_from([0, 300, 5000]),
                "screenshare": st.sampled_from(["stage", "tile", "off"]),
                "max_tiles": st.sampled_from([2, 25]),
            }
        ),
    }
)
PARTS = st.tuples(TIMES, TIMES).filter(lambda ends: ends[0] != ends[1]).map(lambda ends: Span(*sorted(ends)))

MORE = settings(max_examples=60, deadline=None)


def plan_of(state: dict[str, Any], facts: MeetingFacts, window: Span | None = None) -> Plan:
    return resolve(parse_state(state), facts, FakeRasters(), window)


def drawn(plan: Plan, t_ms: int) -> tuple[Tile, ...]:
    return tiles_at(*scene_at(plan, t_ms), t_ms)


def instants(plan: Plan, part: Span) -> list[int]:
    """Instants of `part` at which something could go wrong: its ends, and around the changes in it."""
    near = {s.start_ms + d for s in plan.scenes for d in (-1, 0, 1, 100, 250)} | {part.start_ms, part.end_ms - 1}
    return sorted(t for t in near if t in part)


@MORE
@given(STATES, MEETINGS)
def test_scenes_cover_the_plan_and_neighbours_differ(state: dict[str, Any], facts: MeetingFacts) -> None:
    plan = plan_of(state, facts)
    edges = [(scene.start_ms, scene.end_ms) for scene in plan.scenes]
    assert edges[0][0] == 0
    assert edges[-1][1] == LENGTH
    assert all(a < b for a, b in edges)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))
    for a, b in zip(plan.scenes, plan.scenes[1:], strict=False):
        assert (a.layout, a.tiles) != (b.layout, b.tiles)
        assert state["style"]["transition_ms"] or b.transition is None
    assert plan.scenes[0].transition is None


@MORE
@given(STATES, MEETINGS)
def test_every_tile_is_on_the_canvas_and_its_label_on_the_tile(state: dict[str, Any], facts: MeetingFacts) -> None:
    plan = plan_of(state, facts)
    for scene in plan.scenes:
        assert [tile.z for tile in scene.tiles] == sorted(tile.z for tile in scene.tiles)
        for tile in scene.tiles:
            _check_tile(tile, plan)


def _check_tile(tile: Tile, plan: Plan) -> None:
    rect = tile.rect
    assert all(value % 2 == 0 for value in (rect.x, rect.y, rect.w, rect.h))
    assert 0 <= rect.x < rect.right <= plan.canvas.w
    assert 0 <= rect.y < rect.bottom <= plan.canvas.h
    if tile.label:
        label = tile.label.rect
        assert rect.x <= label.x
        assert label.right <= rect.right
        assert rect.y <= label.y
        assert label.bottom <= rect.bottom


@MORE
@given(STATES, MEETINGS, PARTS)
def test_a_part_draws_what_the_whole_draws_and_is_what_its_window_resolves_to(
    state: dict[str, Any], facts: MeetingFacts, part: Span
) -> None:
    whole = plan_of(state, facts)
    clipped = clip_plan(whole, part)
    assert clipped.span == part
    for t in instants(whole, part):
        assert drawn(clipped, t) == drawn(whole, t)
    assert canonical_plan(plan_of(state, facts, part)) == canonical_plan(clipped)


@MORE
@given(STATES, MEETINGS, PARTS, PARTS)
def test_clipping_twice_is_clipping_once(state: dict[str, Any], facts: MeetingFacts, outer: Span, inner: Span) -> None:
    whole, both = plan_of(state, facts), inner.clip(outer)
    assert clip_plan(whole, whole.span) == whole
    if both:
        assert clip_plan(clip_plan(whole, outer), inner) == clip_plan(whole, both)


@MORE
@given(STATES, MEETINGS, TIMED)
def test_an_event_changes_nothing_before_its_time(
    state: dict[str, Any], facts: MeetingFacts, event: dict[str, Any]
) -> None:
    edited = {**state, "timeline": [*state["timeline"], event]}
    if event["t"] > 0:
        before = Span(0, event["t"])
        assert canonical_plan(plan_of(edited, facts, before)) == canonical_plan(plan_of(state, facts, before))


@MORE
@given(STATES, MEETINGS, PARTS, st.sampled_from(sorted(LAYOUTS)))
def test_a_plan_survives_json(state: dict[str, Any], facts: MeetingFacts, part: Span, layout: str) -> None:
    plan = plan_of({**state, "layout": layout}, facts, part)
    document = plan_to_json(plan)
    assert plan_from_json(document) == plan_from_json(canonical_plan(plan)) == plan


CHUNKS = [Span(t, t + 4000) for t in range(0, 16_000, 4000)]
TALK = meeting(
    16_000,
    peer("ada", [(0, 16_000)], speech=[(0, 2000), (9000, 16_000)]),
    peer("ben", [(0, 16_000)], speech=[(2000, 9000)]),
)


def changed_chunks(before: CompositionState, after: CompositionState) -> list[int]:
    old, new = (resolve(state, TALK, FakeRasters()) for state in (before, after))
    return [
        i
        for i, part in enumerate(CHUNKS)
        if canonical_plan(clip_plan(old, part)) != canonical_plan(clip_plan(new, part))
    ]


@pytest.mark.parametrize(
    ("sentence", "events", "chunks"),
    [
        ("a pin until the next unpin", [(5000, "pin"), (7000, "unpin")], [1]),
        ("a pin to the end", [(9000, "pin")], [2, 3]),
        ("what is taken back at once", [(5000, "hide"), (5000, "show")], []),
        ("a text lasts as long as it lasts", [(3500, "text")], [0, 1]),
    ],
)
def test_an_edit_changes_the_chunks_it_reaches(sentence: str, events: list[tuple[int, str]], chunks: list[int]) -> None:
    fields: dict[str, dict[str, Any]] = {
        "pin": {"peer_id": "ada"},
        "unpin": {},
        "hide": {"peer_id": "ada"},
        "show": {"peer_id": "ada"},
        "text": {"text": "x", "rect": {"x": 0, "y": 0, "w": 0.5, "h": 0.5}, "duration_ms": 1000},
    }
    state = parse_state({"timeline": []})
    timeline = [{"t": t, "type": kind, **fields[kind]} for t, kind in events]
    assert changed_chunks(state, parse_state({"timeline": timeline})) == chunks, sentence


def test_a_nudge_reaches_only_the_chunks_in_which_its_peer_is_seen_or_heard() -> None:
    late = meeting(16_000, TALK.peers[0], peer("ben", [(12_000, 16_000)]))
    for part in CHUNKS:
        plan = resolve(parse_state({"tracks": [{"peer_id": "ben", "nudge_ms": 40}]}), late, FakeRasters(), part)
        assert plan.nudge_ms == ((("ben", 40),) if part.start_ms == 12_000 else ())


def test_a_scene_that_is_cut_short_while_it_moves_is_where_the_next_one_sets_out_from() -> None:
    state = {
        "style": {"transition_ms": 1000},
        "timeline": [
            {"t": 4000, "type": "layout", "layout": "spotlight"},
            {"t": 4400, "type": "layout", "layout": "grid"},
        ],
    }
    plan = resolve(parse_state(state), TALK, FakeRasters())
    before, after = drawn(plan, 4399), drawn(plan, 4400)
    old = {tile.tile_id: tile for tile in before}
    for tile in after:
        assert abs(tile.rect.w - old[tile.tile_id].rect.w) <= 20
        assert abs(tile.opacity - old[tile.tile_id].opacity) < 0.02
    assert drawn(plan, 5400) == plan.scenes[-1].tiles


def test_an_export_does_not_begin_in_the_middle_of_a_movement_but_a_chunk_may() -> None:
    state = {"style": {"transition_ms": 1000}, "timeline": [{"t": 4000, "type": "layout", "layout": "pip"}]}
    moving = resolve(parse_state(state), TALK, FakeRasters(), Span(4500, 6000)).scenes[0]
    assert moving.transition is not None
    assert (moving.transition.elapsed_ms, moving.transition.origin is not None) == (500, True)
    settled = resolve(parse_state({**state, "export": {"start_ms": 4500}}), TALK, FakeRasters()).scenes[0]
    assert settled.transition is None


def test_clipping_to_what_the_plan_does_not_meet_is_refused() -> None:
    with pytest.raises(InvalidRange):
        clip_plan(resolve(parse_state({}), TALK, FakeRasters()), Span(16_000, 20_000))


def test_the_wire_form_is_the_documented_one() -> None:
    state = {
        "style": {"transition_ms": 300, "corner_radius": 12},
        "timeline": [{"t": 4000, "type": "layout", "layout": "speaker"}],
    }
    document = plan_to_json(resolve(parse_state(state), TALK, FakeRasters()))
    assert document["version"] == 1
    assert document["canvas"] == {"w": 1920, "h": 1080}
    assert document["scenes"][0]["transition"] is None
    assert document["scenes"][1]["transition"] == {"duration_ms": 300, "easing": "smoothstep"}
    tile = document["scenes"][0]["tiles"][0]
    assert tile["rect"].keys() == {"x", "y", "w", "h"}
    assert (tile["tile_id"], tile["kind"], tile["crop"], tile["corner_radius"]) == ("ada/camera", "video", None, 12)
    assert tile["label"]["text"] == "Ada"
    assert document["speech"][0] == {"peer_id": "ada", "spans_ms": [[0, 2000], [9000, 16_000]]}
    assert document["audio"][0] == {"peer_id": "ada", "gain_db": 0.0, "spans_ms": [[0, 16_000]]}


def test_an_empty_origin_is_kept() -> None:
    state = {
        "layout": "free",
        "style": {"transition_ms": 300},
        "timeline": [{"t": 4000, "type": "layout", "layout": "grid"}],
    }
    plan = resolve(parse_state(state), TALK, FakeRasters(), Span(4100, 8000))
    assert plan.scenes[0].transition is not None
    assert plan.scenes[0].transition.origin == ()
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize(
    "document",
    [
        b"", b"[]", b"null", b"{}", b'{"version": 2}', b"\xff", {"version": 1}, "[" * 10_000,
        {"version": 1, "speech": [{"peer_id": "a", "spans_ms": [[0]]}], "audio": [], "nudge_ms": []},
        {"version": 1, "speech": 5, "audio": [], "nudge_ms": []},
        {"version": 1, "speech": [], "audio": [], "nudge_ms": [], "canvas": {"w": float("nan"), "h": 2}},
        {"version": 1, "speech": [], "audio": [], "nudge_ms": [], "canvas": {"w": "16", "h": 2}, "scenes": []},
    ],
    ids=lambda document: str(document)[:40],
)  # fmt: skip
def test_what_is_not_a_plan_is_refused(document: Any) -> None:
    with pytest.raises(InvalidPlan, match="not a plan"):
        plan_from_json(document)


def test_scene_at_gives_the_scene_before_for_a_transition() -> None:
    plan = resolve(parse_state({"timeline": [{"t": 4000, "type": "layout", "layout": "pip"}]}), TALK, FakeRasters())
    first: tuple[Scene, Scene | None] = scene_at(plan, 0)
    assert first[1] is None
    assert scene_at(plan, 4000.5) == (plan.scenes[1], plan.scenes[0])


@MORE
@given(MEETINGS, st.lists(STATES, min_size=2, max_size=4))
def test_a_planner_gives_the_plan_that_it_would_give_if_nothing_had_been_planned_before(
    facts: MeetingFacts, states: list[dict[str, Any]]
) -> None:
    planner = Planner(facts, FakeRasters())
    for state in states:
        assert planner.plan(parse_state(state)) == resolve(parse_state(state), facts, FakeRasters())


@MORE
@given(MEETINGS, STATES)
def test_the_bytes_of_a_plan_are_its_json(facts: MeetingFacts, state: dict[str, Any]) -> None:
    plan = plan_of(state, facts)
    assert json.loads(plan_bytes(plan)) == plan_to_json(plan)
    assert plan_from_json(plan_bytes(plan)) == plan
