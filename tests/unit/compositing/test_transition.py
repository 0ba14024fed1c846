"""How one scene turns into the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.geometry import Rect
from compositing.scene import Label, Scene, Tile, Transition
from compositing.transition import between, between_rects, ease, progress, tiles_at

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / "easing.json").read_text("utf-8"))

RECTS = st.builds(
    Rect,
    st.integers(0, 400).map(lambda v: 2 * v),
    st.integers(0, 400).map(lambda v: 2 * v),
    st.integers(1, 400).map(lambda v: 2 * v),
    st.integers(1, 400).map(lambda v: 2 * v),
)


def video(name: str, rect: Rect, **fields: Any) -> Tile:
    return Tile(f"{name}/camera", "video", rect, name, "camera", **fields)


def scene(start: int, end: int, *tiles: Tile, transition: Transition | None = None) -> Scene:
    return Scene(start, end, "grid", "#000000", tiles, transition)


LEFT, RIGHT = Rect(0, 0, 100, 100), Rect(200, 0, 100, 100)
BEFORE = scene(0, 1000, video("ada", LEFT), video("ben", RIGHT))
AFTER = scene(1000, 2000, video("cleo", LEFT), video("ada", RIGHT, z=3), transition=Transition(200))


def at(t_ms: float) -> dict[str, Tile]:
    return {tile.tile_id: tile for tile in tiles_at(AFTER, BEFORE, t_ms)}


def test_at_the_start_the_scene_before_is_seen_and_in_the_end_the_new_one() -> None:
    start = at(1000)
    assert start["ada/camera"].rect == LEFT
    assert (start["ben/camera"].opacity, start["cleo/camera"].opacity) == (1.0, 0.0)
    assert tiles_at(AFTER, BEFORE, 1200) is AFTER.tiles
    assert tiles_at(AFTER, BEFORE, 1999) is AFTER.tiles


def test_half_way_tiles_are_half_way_and_fade_against_each_other() -> None:
    middle = at(1100)
    assert middle["ada/camera"].rect == Rect(100, 0, 100, 100)
    assert middle["ben/camera"].opacity == middle["cleo/camera"].opacity == 0.5
    assert middle["ben/camera"].rect == RIGHT


def test_tiles_are_drawn_in_order_of_z_with_the_leaving_ones_lowest() -> None:
    assert [tile.tile_id for tile in tiles_at(AFTER, BEFORE, 1100)] == ["ben/camera", "cleo/camera", "ada/camera"]


def test_what_leaves_stays_above_what_it_was_above() -> None:
    text = Tile("text/0", "text", LEFT, z=1001)
    over = scene(0, 1000, video("ada", LEFT), text)
    assert [tile.tile_id for tile in tiles_at(AFTER, over, 1100)] == ["cleo/camera", "ada/camera", "text/0"]


def test_a_cut_shows_the_new_scene_at_once() -> None:
    cut = scene(1000, 2000, video("cleo", LEFT))
    assert tiles_at(cut, BEFORE, 1000) is cut.tiles


def test_a_transition_with_nothing_before_it_shows_the_new_scene() -> None:
    assert tiles_at(AFTER, None, 1000) is AFTER.tiles


def test_an_origin_goes_before_the_scene_before_and_a_cut_off_start_is_made_up_for() -> None:
    carried = Transition(200, elapsed_ms=100, origin=BEFORE.tiles)
    part = scene(1100, 2000, *AFTER.tiles, transition=carried)
    assert tiles_at(part, None, 1150) == tiles_at(AFTER, BEFORE, 1150)
    assert progress(part, 1200) == 1.0


def test_a_label_moves_with_its_tile_and_goes_where_there_is_no_room() -> None:
    label = Label("Ada", Rect(210, 80, 60, 12), "key")
    named = scene(1000, 2000, video("ada", RIGHT, label=label), transition=Transition(200))
    (tile,) = (t for t in tiles_at(named, BEFORE, 1100) if t.peer_id == "ada")
    assert tile.label == Label("Ada", Rect(110, 80, 60, 12), "key")
    tiny = scene(0, 1000, video("ada", Rect(0, 0, 10, 10)))
    (tile,) = tiles_at(named, tiny, 1001)
    assert tile.label is None


@given(RECTS, RECTS, st.floats(0, 1))
def test_a_moving_rectangle_is_even_and_stays_between_its_ends(a: Rect, b: Rect, done: float) -> None:
    rect = between_rects(a, b, done)
    assert all(value % 2 == 0 for value in (rect.x, rect.y, rect.w, rect.h))
    assert min(a.x, b.x) <= rect.x <= max(a.x, b.x)
    assert min(a.right, b.right) <= rect.right <= max(a.right, b.right)
    assert min(a.bottom, b.bottom) <= rect.bottom <= max(a.bottom, b.bottom)


@given(RECTS, RECTS)
def test_a_movement_begins_and_ends_exactly(a: Rect, b: Rect) -> None:
    assert between_rects(a, b, 0.0) == a
    assert between_rects(a, b, 1.0) == b


@pytest.mark.parametrize("case", GOLDEN["ease"], ids=lambda case: "{easing}-{progress}".format(**case))
def test_the_shared_vectors_of_easing(case: dict[str, Any]) -> None:
    assert ease(case["easing"], case["progress"]) == pytest.approx(case["eased"], abs=1e-12)


@pytest.mark.parametrize("case", GOLDEN["between"])
def test_the_shared_vectors_of_moving_rectangles(case: dict[str, Any]) -> None:
    rect = between_rects(Rect(*case["before"]), Rect(*case["after"]), case["done"])
    assert [rect.x, rect.y, rect.w, rect.h] == case["rect"]


def _read(told: dict[str, Any]) -> Tile:
    label = Label("", Rect(*told["label"]), "key") if told["label"] else None
    return Tile(told["id"], "video", Rect(*told["rect"]), z=told["z"], opacity=told["opacity"], label=label)


@pytest.mark.parametrize("case", GOLDEN["tiles"])
def test_the_shared_vectors_of_moving_tiles(case: dict[str, Any]) -> None:
    before, after, drawn = (tuple(map(_read, case[key])) for key in ("before", "after", "drawn"))
    assert between(before, after, case["done"]) == drawn


@pytest.mark.parametrize("backwards", [False, True])
def test_a_small_tile_on_its_way_lies_above_a_large_one(backwards: bool) -> None:
    whole, corner = Rect(0, 0, 400, 200), Rect(300, 140, 80, 50)
    pip = video("ada", whole), video("ben", corner)
    split = video("ben", Rect(0, 0, 200, 200)), video("ada", Rect(200, 0, 200, 200))
    before, after = (split, pip) if backwards else (pip, split)
    now = scene(1000, 2000, *after, transition=Transition(200))
    for t_ms in (1000, 1050, 1150, 1199):
        drawn = [tile.peer_id for tile in tiles_at(now, scene(0, 1000, *before), t_ms)]
        assert drawn == ["ada", "ben"], t_ms
