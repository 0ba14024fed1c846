"""What the plan shows: presence, pins, screens, speakers, hiding, placing, texts, sound."""

from __future__ import annotations

from typing import Any

import pytest

from compositing.errors import InvalidRange
from compositing.facts import MeetingFacts
from compositing.geometry import NormRect, Rect, Size, fit_picture
from compositing.scene import Plan, Tile
from compositing.state import parse_state
from compositing.tiles import beside_picture
from compositing.timeline import resolve, scene_at
from compositing.times import Span
from tests.support.plan_facts import FakeRasters, meeting, peer

MINUTE = 60_000
RECT = {"x": 0.5, "y": 0.5, "w": 0.25, "h": 0.25}

TRIO = meeting(
    MINUTE,
    peer("ada", [(0, MINUTE)], speech=[(0, 20_000)]),
    peer("ben", [(0, MINUTE)], speech=[(20_000, 40_000)]),
    peer("cleo", [(10_000, 50_000)], speech=[(40_000, 50_000)]),
)
SHARING = meeting(
    MINUTE,
    peer("ada", [(0, MINUTE)], speech=[(0, MINUTE)]),
    peer("ben", [(0, MINUTE)], screen=[(20_000, 40_000)]),
)


def plan_of(facts: MeetingFacts, *events: dict[str, Any], window: Span | None = None, **state: Any) -> Plan:
    return resolve(parse_state({"timeline": list(events), **state}), facts, FakeRasters(), window)


def tiles_of(plan: Plan, t_ms: int) -> dict[str, Tile]:
    return {tile.tile_id: tile for tile in scene_at(plan, t_ms)[0].tiles}


def largest(plan: Plan, t_ms: int) -> str:
    return max(scene_at(plan, t_ms)[0].tiles, key=lambda tile: tile.rect.w * tile.rect.h).tile_id


def who(plan: Plan, t_ms: int) -> set[str]:
    return set(tiles_of(plan, t_ms))


def event(t: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"t": t, "type": kind, **fields}


def test_only_peers_in_the_room_have_a_tile() -> None:
    plan = plan_of(TRIO)
    assert [(scene.start_ms, scene.end_ms, len(scene.tiles)) for scene in plan.scenes] == [
        (0, 10_000, 2),
        (10_000, 50_000, 3),
        (50_000, MINUTE, 2),
    ]


def test_a_peer_who_rejoins_is_the_same_peer() -> None:
    plan = plan_of(meeting(MINUTE, peer("ada", [(0, 10_000), (30_000, MINUTE)]), peer("ben", [(0, MINUTE)])))
    assert tiles_of(plan, 5000) == tiles_of(plan, 40_000)
    assert who(plan, 20_000) == {"ben/camera"}


def test_an_empty_room_is_a_scene_without_tiles() -> None:
    plan = plan_of(meeting(MINUTE, peer("ada", [(10_000, 20_000)])))
    assert [len(scene.tiles) for scene in plan.scenes] == [0, 1, 0]


def test_a_camera_that_is_off_is_an_avatar_on_the_same_place() -> None:
    plan = plan_of(meeting(MINUTE, peer("ada", [(0, MINUTE)], camera=[(0, 20_000)])))
    on, off = tiles_of(plan, 0)["ada/camera"], tiles_of(plan, 20_000)["ada/camera"]
    assert (on.kind, off.kind) == ("video", "avatar")
    assert on.rect == off.rect
    assert off.image is not None
    assert off.image.startswith("avatar:ada:Ada:")
    assert off.colour is not None
    assert on.image is None


def test_a_change_of_resolution_is_not_a_change_of_scene() -> None:
    facts = meeting(MINUTE, peer("ada", [(0, MINUTE)], camera=[(0, 20_000), (20_000, MINUTE)]))
    assert len(plan_of(facts).scenes) == 1


def test_a_grid_shows_no_speaker_larger_and_is_not_split_by_speech() -> None:
    plan = plan_of(TRIO, layout="grid")
    assert len({(t.rect.w, t.rect.h) for t in scene_at(plan, 30_000)[0].tiles}) == 1
    assert [(s.peer_id, s.spans) for s in plan.speech] == [
        ("ada", (Span(0, 20_000),)),
        ("ben", (Span(20_000, 40_000),)),
        ("cleo", (Span(40_000, 50_000),)),
    ]


def test_the_speaker_layout_follows_who_speaks_and_stays_in_silence() -> None:
    plan = plan_of(TRIO, layout="speaker")
    assert [largest(plan, t) for t in (0, 25_000, 45_000)] == ["ada/camera", "ben/camera", "cleo/camera"]
    assert largest(plan, 55_000) == "ben/camera", "who spoke last of those who are here"


def test_before_anyone_has_spoken_the_first_to_join_is_large() -> None:
    facts = meeting(MINUTE, peer("ada", [(0, MINUTE)]), peer("ben", [(0, MINUTE)], speech=[(30_000, 40_000)]))
    plan = plan_of(facts, layout="speaker")
    assert largest(plan, 0) == "ada/camera"
    assert largest(plan, 30_000) == "ben/camera"


def test_who_has_the_stage_does_not_depend_on_where_the_plan_begins() -> None:
    whole = plan_of(TRIO, layout="speaker")
    part = plan_of(TRIO, layout="speaker", export={"start_ms": 55_000})
    assert tiles_of(part, 57_000) == tiles_of(whole, 57_000)


@pytest.mark.parametrize("layout", ["grid", "speaker", "sidebar", "spotlight", "pip"])
def test_the_pinned_peer_is_large_in_every_layout(layout: str) -> None:
    plan = plan_of(TRIO, event(15_000, "pin", peer_id="cleo"), event(30_000, "unpin"), layout=layout)
    assert largest(plan, 20_000) == "cleo/camera"
    if layout != "grid":
        assert largest(plan, 35_000) == "ben/camera"
    else:
        assert len({tile.rect.w for tile in scene_at(plan, 35_000)[0].tiles}) == 1


def test_a_pinned_camera_that_is_off_is_a_large_avatar() -> None:
    facts = meeting(MINUTE, peer("ada", [(0, MINUTE)]), peer("ben", [(0, MINUTE)], camera=[]))
    plan = plan_of(facts, event(0, "pin", peer_id="ben"), layout="speaker")
    assert largest(plan, 0) == "ben/camera"
    assert tiles_of(plan, 0)["ben/camera"].kind == "avatar"


def test_a_pin_waits_while_its_peer_is_away_or_hidden() -> None:
    pin = event(0, "pin", peer_id="cleo")
    plan = plan_of(
        TRIO, pin, event(20_000, "hide", peer_id="cleo"), event(30_000, "show", peer_id="cleo"), layout="speaker"
    )
    assert [largest(plan, t) for t in (0, 15_000, 25_000, 35_000, 55_000)] == [
        "ada/camera", "cleo/camera", "ben/camera", "cleo/camera", "ben/camera",
    ]  # fmt: skip


def test_a_later_pin_replaces_an_earlier_one_and_ties_act_in_list_order() -> None:
    plan = plan_of(TRIO, event(0, "pin", peer_id="ada"), event(0, "pin", peer_id="ben"), layout="speaker")
    assert largest(plan, 0) == "ben/camera"


@pytest.mark.parametrize("layout", ["grid", "speaker", "sidebar", "spotlight", "pip"])
def test_a_shared_screen_takes_the_stage_before_the_speaker(layout: str) -> None:
    plan = plan_of(SHARING, layout=layout)
    assert largest(plan, 30_000) == "ben/screenshare"
    assert "ben/screenshare" not in who(plan, 19_999) | who(plan, 40_000)


def test_a_shared_screen_shows_whole_with_its_own_name_and_no_highlight() -> None:
    tile = tiles_of(plan_of(SHARING), 30_000)["ben/screenshare"]
    assert (tile.kind, tile.fit, tile.highlight) == ("video", "contain", False)
    assert tile.label is not None
    assert tile.label.text == "Ben · screen"


def test_a_pin_goes_before_a_shared_screen() -> None:
    assert largest(plan_of(SHARING, event(0, "pin", peer_id="ada")), 30_000) == "ada/camera"


def test_a_pinned_screen_is_large_while_it_is_shared() -> None:
    plan = plan_of(
        SHARING, event(0, "pin", peer_id="ben", source="screenshare"), layout="speaker", style={"screenshare": "tile"}
    )
    assert [largest(plan, t) for t in (0, 30_000, 50_000)] == ["ada/camera", "ben/screenshare", "ada/camera"]


def test_a_screen_as_a_tile_is_a_tile_as_any_other() -> None:
    plan = plan_of(SHARING, style={"screenshare": "tile"})
    assert len({(t.rect.w, t.rect.h) for t in scene_at(plan, 30_000)[0].tiles}) == 1
    assert len(scene_at(plan, 30_000)[0].tiles) == 3


def test_screens_can_be_left_out() -> None:
    assert len(plan_of(SHARING, style={"screenshare": "off"}).scenes) == 1


def test_of_two_screens_the_one_shared_last_is_large() -> None:
    facts = meeting(
        MINUTE,
        peer("ada", [(0, MINUTE)], screen=[(0, MINUTE)]),
        peer("ben", [(0, MINUTE)], screen=[(20_000, 40_000)]),
    )
    plan = plan_of(facts)
    assert [largest(plan, t) for t in (0, 30_000, 50_000)] == ["ada/screenshare", "ben/screenshare", "ada/screenshare"]
    assert "ada/screenshare" in who(plan, 30_000)


def test_a_hidden_peer_has_no_tile_and_no_screen_but_is_heard() -> None:
    plan = plan_of(SHARING, tracks=[{"peer_id": "ben", "hidden": True}])
    assert who(plan, 30_000) == {"ada/camera"}
    assert [audio.peer_id for audio in plan.audio] == ["ada", "ben"]


def test_hide_and_show_act_from_their_time_on_and_override_the_track() -> None:
    plan = plan_of(
        TRIO,
        event(20_000, "show", peer_id="ben"),
        event(30_000, "hide", peer_id="ben"),
        tracks=[{"peer_id": "ben", "hidden": True}],
    )
    assert ["ben/camera" in who(plan, t) for t in (0, 20_000, 29_999, 30_000)] == [False, True, True, False]


def test_a_hidden_speaker_does_not_take_the_stage() -> None:
    plan = plan_of(TRIO, layout="speaker", tracks=[{"peer_id": "ben", "hidden": True}])
    assert largest(plan, 30_000) == "ada/camera"


def test_a_hidden_speaker_does_not_keep_others_from_the_stage() -> None:
    facts = meeting(
        MINUTE,
        peer("ada", [(0, MINUTE)], speech=[(0, 5000)]),
        peer("ben", [(0, MINUTE)], speech=[(5000, MINUTE)]),
        peer("cleo", [(0, MINUTE)], speech=[(20_000, 20_500)]),
    )
    plan = plan_of(facts, layout="speaker", tracks=[{"peer_id": "ben", "hidden": True}])
    assert [largest(plan, t) for t in (10_000, 30_000)] == ["ada/camera", "cleo/camera"]


def test_mute_is_heard_and_not_seen() -> None:
    events = event(10_000, "mute", peer_id="ada"), event(20_000, "unmute", peer_id="ada")
    muted = plan_of(TRIO, *events, layout="speaker")
    assert muted.audio[0].spans == (Span(0, 10_000), Span(20_000, MINUTE))
    assert muted.scenes == plan_of(TRIO, layout="speaker").scenes


def test_sound_is_presence_with_the_tracks_volume_and_peers_without_sound_are_absent() -> None:
    facts = meeting(MINUTE, *TRIO.peers[1:])
    plan = plan_of(
        facts, tracks=[{"peer_id": "ben", "muted": True}, {"peer_id": "cleo", "volume_db": -6, "nudge_ms": 40}]
    )
    assert [(a.peer_id, a.gain_db, a.spans) for a in plan.audio] == [("cleo", -6.0, (Span(10_000, 50_000),))]
    assert plan.nudge_ms == (("cleo", 40),)


def test_place_sets_a_tile_free_above_the_others_and_the_rest_close_up() -> None:
    crop = {"x": 0.25, "y": 0.0, "w": 0.5, "h": 1.0}
    plan = plan_of(
        TRIO,
        event(20_000, "place", peer_id="ben", rect=RECT, z=7, fit="fill", crop=crop),
        event(30_000, "unplace", peer_id="ben"),
        layout="grid",
    )
    scene = scene_at(plan, 25_000)[0]
    tile = scene.tiles[-1]
    assert (tile.tile_id, tile.rect, tile.z) == ("ben/camera", Rect(960, 540, 480, 270), 7)
    assert (tile.fit, tile.crop) == ("fill", NormRect(0.25, 0.0, 0.5, 1.0))
    assert len({(t.rect.w, t.rect.h) for t in scene.tiles[:-1]}) == 1
    assert tiles_of(plan, 35_000) == tiles_of(plan, 15_000)


def test_placed_tiles_lie_in_order_of_z_and_a_second_place_moves_the_tile() -> None:
    plan = plan_of(
        TRIO,
        event(0, "place", peer_id="ben", rect=RECT, z=9),
        event(0, "place", peer_id="ada", rect=RECT, z=3),
        event(5000, "place", peer_id="ada", rect={**RECT, "x": 0.0}, z=3),
        layout="free",
    )
    assert [tile.tile_id for tile in scene_at(plan, 20_000)[0].tiles] == ["ada/camera", "ben/camera"]
    assert tiles_of(plan, 6000)["ada/camera"].rect.x == 0


def test_a_placed_screen_stands_free_and_the_stage_goes_on_without_it() -> None:
    plan = plan_of(SHARING, event(0, "place", peer_id="ben", source="screenshare", rect=RECT), layout="speaker")
    assert tiles_of(plan, 30_000)["ben/screenshare"].rect == Rect(960, 540, 480, 270)
    assert largest(plan, 30_000) == "ada/camera"


def test_free_shows_only_what_is_placed() -> None:
    plan = plan_of(TRIO, event(0, "place", peer_id="cleo", rect=RECT), layout="free")
    assert who(plan, 0) == set()
    assert who(plan, 20_000) == {"cleo/camera"}


def test_a_text_stands_above_all_tiles_for_its_time() -> None:
    text = event(5000, "text", text="Weekly review", rect=RECT, duration_ms=4000)
    plan = plan_of(TRIO, text, event(0, "place", peer_id="ada", rect=RECT, z=1000))
    tile = tiles_of(plan, 5000)["text/5000"]
    assert (tile.kind, tile.text, tile.image) == ("text", "Weekly review", "text:Weekly review")
    assert scene_at(plan, 5000)[0].tiles[-1] == tile
    assert tile.z > 1000
    assert not {"text/5000"} & (who(plan, 4999) | who(plan, 9000))


def test_texts_of_one_instant_have_their_own_names() -> None:
    text = event(0, "text", text="a", rect=RECT, duration_ms=4000)
    assert who(plan_of(TRIO, text, {**text, "text": "b"}), 0) >= {"text/0", "text/0-1"}


def test_the_image_lies_over_everything_in_its_own_proportions() -> None:
    image = {"asset": "logo.png", "rect": RECT, "opacity": 0.5}
    plan = plan_of(TRIO, event(0, "text", text="a", rect=RECT, duration_ms=MINUTE), style={"image": image})
    for scene in plan.scenes:
        tile = scene.tiles[-1]
        assert (tile.kind, tile.image, tile.opacity) == ("image", "asset:logo.png", 0.5)
        assert tile.rect == Rect(960, 608, 480, 134)
        assert tile.z == max(t.z for t in scene.tiles)


def test_at_most_max_tiles_are_shown_and_those_who_spoke_last_are_among_them() -> None:
    people = [peer(f"p{i}", [(0, MINUTE)]) for i in range(6)]
    people[5] = peer("p5", [(0, MINUTE)], speech=[(10_000, 20_000)])
    plan = plan_of(meeting(MINUTE, *people), style={"max_tiles": 3})
    assert who(plan, 0) == {"p0/camera", "p1/camera", "p2/camera"}
    assert who(plan, 15_000) == who(plan, 30_000) == {"p0/camera", "p1/camera", "p5/camera"}


def test_a_shared_screen_is_never_the_one_that_is_left_out() -> None:
    talkers = [peer(f"p{i}", [(0, MINUTE)], speech=[(5000 * i, 5000 * i + 5000)]) for i in range(4)]
    facts = meeting(MINUTE, *talkers, peer("host", [(0, MINUTE)], screen=[(0, MINUTE)]))
    plan = plan_of(facts, style={"max_tiles": 2, "screenshare": "tile"})
    assert who(plan, 30_000) == {"host/screenshare", "p3/camera"}


def test_placed_tiles_count_among_max_tiles_and_one_place_is_kept_for_the_layout() -> None:
    placed = [event(0, "place", peer_id=name, rect=RECT) for name in ("ada", "ben")]
    plan = plan_of(TRIO, *placed, style={"max_tiles": 2})
    assert who(plan, 20_000) == {"ada/camera", "ben/camera", "cleo/camera"}
    assert who(plan_of(TRIO, placed[1], style={"max_tiles": 2}), 20_000) == {"ada/camera", "ben/camera"}


def test_split_and_pip_show_the_last_two_who_spoke() -> None:
    for layout in ("split", "pip"):
        plan = plan_of(TRIO, layout=layout)
        assert who(plan, 45_000) == {"ben/camera", "cleo/camera"}
        assert who(plan, 25_000) == {"ada/camera", "ben/camera"}


def test_labels_lie_inside_their_tiles_and_can_be_given_or_left_out() -> None:
    plan = plan_of(TRIO, tracks=[{"peer_id": "ada", "label": "Dr. Lovelace"}])
    for tile in scene_at(plan, 20_000)[0].tiles:
        assert tile.label is not None
        label = tile.label.rect
        assert tile.rect.x < label.x < label.right < tile.rect.x + tile.rect.w / 2 + 1
        assert tile.rect.y + tile.rect.h / 2 < label.y < label.bottom < tile.rect.bottom
        assert label.x % 2 == label.y % 2 == 0
    named = tiles_of(plan, 0)["ada/camera"].label
    assert named is not None
    assert named.text == "Dr. Lovelace"
    bare = plan_of(TRIO, style={"labels": False})
    assert all(tile.label is None for scene in bare.scenes for tile in scene.tiles)


def test_highlight_is_for_cameras_and_avatars_and_can_be_switched_off() -> None:
    tiles = tiles_of(plan_of(SHARING), 30_000)
    assert {tile_id: tile.highlight for tile_id, tile in tiles.items()} == {
        "ben/screenshare": False, "ada/camera": True, "ben/camera": True,
    }  # fmt: skip
    off = plan_of(SHARING, style={"highlight_speaker": False})
    assert not any(tile.highlight for scene in off.scenes for tile in scene.tiles)
    assert off.speech == ()


def test_corners_scale_with_the_canvas_and_a_tile_on_the_whole_canvas_has_none() -> None:
    style = {"corner_radius": 24}
    hd = plan_of(TRIO, style=style)
    small = plan_of(TRIO, style=style, export={"resolution": "1280x720"})
    assert {t.corner_radius for t in scene_at(hd, 0)[0].tiles} == {24}
    assert {t.corner_radius for t in scene_at(small, 0)[0].tiles} == {16}
    round_ones = scene_at(plan_of(TRIO, layout="speaker", style={"corner_radius": 540}), 0)[0].tiles
    assert all(t.corner_radius == min(t.rect.w, t.rect.h, 1080) // 2 for t in round_ones)
    pip = scene_at(plan_of(TRIO, layout="pip", style=style), 0)[0].tiles
    assert [tile.corner_radius for tile in pip] == [0, 24]


def test_a_layout_event_changes_the_arrangement_from_its_time_on() -> None:
    plan = plan_of(TRIO, event(30_000, "layout", layout="spotlight"), layout="grid")
    assert [(s.start_ms, s.layout, len(s.tiles)) for s in plan.scenes] == [
        (0, "grid", 2),
        (10_000, "grid", 3),
        (30_000, "spotlight", 1),
        (40_000, "spotlight", 1),
        (50_000, "spotlight", 1),
    ]


def test_events_that_change_nothing_make_no_scene() -> None:
    plain = plan_of(TRIO)
    noise = [event(t, "unpin") for t in range(0, MINUTE, 1000)] + [event(5000, "hide", peer_id="cleo")]
    noise += [event(6000, "show", peer_id="cleo"), event(7000, "layout", layout="grid")]
    assert plan_of(TRIO, *noise) == plain


@pytest.mark.parametrize(
    ("export", "span"),
    [
        ({}, (0, MINUTE)),
        ({"start_ms": None, "end_ms": None}, (0, MINUTE)),
        ({"start_ms": 5000, "end_ms": 15_000}, (5000, 15_000)),
        ({"end_ms": 10 * MINUTE}, (0, MINUTE)),
    ],
)
def test_the_exported_range(export: dict[str, Any], span: tuple[int, int]) -> None:
    plan = plan_of(TRIO, export=export)
    assert (plan.start_ms, plan.end_ms) == span == (plan.scenes[0].start_ms, plan.scenes[-1].end_ms)


def test_a_range_that_holds_nothing_is_refused_and_the_length_is_named() -> None:
    with pytest.raises(InvalidRange, match="0 ms to 60000 ms"):
        plan_of(TRIO, export={"start_ms": MINUTE})
    with pytest.raises(InvalidRange):
        plan_of(meeting(0))
    with pytest.raises(InvalidRange, match="5000 ms to 15000 ms"):
        plan_of(TRIO, export={"start_ms": 5000, "end_ms": 15_000}, window=Span(20_000, 30_000))
    with pytest.raises(InvalidRange, match="is empty"):
        plan_of(TRIO, window=Span(7000, 7000))


def test_outside_of_the_plan_the_nearest_scene_is_shown() -> None:
    plan = plan_of(TRIO, export={"start_ms": 5001})
    assert scene_at(plan, 5000)[0] == plan.scenes[0]
    assert scene_at(plan, MINUTE)[0] == plan.scenes[-1]


def test_a_recording_without_peers_is_an_empty_canvas() -> None:
    plan = plan_of(meeting(MINUTE), layout="speaker")
    assert [scene.tiles for scene in plan.scenes] == [()]


NUDGED = meeting(
    MINUTE,
    peer("ada", [(0, MINUTE)], camera=[(0, 20_000), (30_000, MINUTE)], speech=[(10_000, 20_000)]),
    peer("ben", [(0, 50_000)], screen=[(40_000, 45_000)]),
)


@pytest.mark.parametrize("nudge_ms", [-400, 400])
def test_a_nudge_moves_what_shows_a_peer_with_their_media(nudge_ms: int) -> None:
    nudges = [{"peer_id": p, "nudge_ms": nudge_ms} for p in ("ada", "ben")]
    plan = plan_of(NUDGED, tracks=nudges)
    kinds = [(t, tiles_of(plan, t + nudge_ms)["ada/camera"].kind) for t in (19_999, 20_000, 29_999, 30_000)]
    assert kinds == [(19_999, "video"), (20_000, "avatar"), (29_999, "avatar"), (30_000, "video")]
    shared = [t for t in (39_999, 40_000, 44_999, 45_000) if "ben/screenshare" in tiles_of(plan, t + nudge_ms)]
    assert shared == [40_000, 44_999]
    assert plan.speech[0].spans == (Span(10_000 + nudge_ms, 20_000 + nudge_ms),)


@pytest.mark.parametrize("nudge_ms", [-400, 0, 400])
def test_a_nudge_moves_nobody_in_or_out_of_the_room(nudge_ms: int) -> None:
    plan = plan_of(NUDGED, tracks=[{"peer_id": "ben", "nudge_ms": nudge_ms}])
    assert [("ben/camera" in tiles_of(plan, t)) for t in (0, 49_999, 50_000)] == [True, True, False]
    assert next(a for a in plan.audio if a.peer_id == "ben").spans == (Span(0, 50_000),)


def test_nudged_spans_stay_inside_of_the_recording() -> None:
    facts = meeting(2000, peer("ada", [(0, 2000)], camera=[(0, 100), (1900, 2000)], speech=[(0, 100), (1800, 2000)]))
    for nudge_ms, spans, live in ((-400, (Span(1400, 1600),), (1500, 1600)), (400, (Span(400, 500),), (400, 500))):
        plan = plan_of(facts, tracks=[{"peer_id": "ada", "nudge_ms": nudge_ms}])
        assert plan.speech[0].spans == spans
        videos = [(s.start_ms, s.end_ms) for s in plan.scenes if s.tiles[0].kind == "video"]
        assert videos == [live]


@pytest.mark.parametrize(
    ("nudge_ms", "live"), [(-200, [(500, 1800), (2800, 4000)]), (200, [(500, 2200), (3200, 4000)])]
)
def test_a_small_nudge_lets_no_avatar_flash_where_somebody_comes_or_leaves(
    nudge_ms: int, live: list[tuple[int, int]]
) -> None:
    facts = meeting(5000, peer("ada", [(500, 4000)], camera=[(500, 2000), (3000, 4000)]))
    plan = plan_of(facts, tracks=[{"peer_id": "ada", "nudge_ms": nudge_ms}])
    videos = [(s.start_ms, s.end_ms) for s in plan.scenes if s.tiles and s.tiles[0].kind == "video"]
    assert videos == live


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ben", "Ben · screen"),
        ("benjamina-benedetta-21", "Benjamina-benedetta-21"),
        ("b" * 40, "B" + "b" * 39 + " · screen"),
    ],
)
def test_the_name_of_a_screen_hides_nothing_of_it_where_a_bar_has_room(name: str, text: str) -> None:
    facts = meeting(1000, peer(name, [(0, 1000)], screen=[(0, 1000)]), peer("ada", [(0, 1000)]))
    tile = tiles_of(plan_of(facts, layout="speaker"), 0)[f"{name}/screenshare"]
    assert tile.label is not None
    assert tile.label.text == text
    picture = fit_picture(Size(1280, 720), tile.rect, "contain")[1]
    assert picture.x > tile.rect.x
    assert (tile.label.rect.right <= picture.x) == (len(name) < 40)
    assert tile.rect.x <= tile.label.rect.x


@pytest.mark.parametrize(
    ("picture", "beside"),
    [
        (Rect(0, 0, 400, 300), None),
        (Rect(112, 0, 288, 300), Rect(10, 270, 100, 20)),
        (Rect(106, 0, 294, 300), Rect(2, 270, 100, 20)),
        (Rect(102, 0, 298, 300), None),
        (Rect(0, 0, 400, 270), Rect(10, 270, 100, 20)),
        (Rect(0, 12, 400, 264), Rect(10, 278, 100, 20)),
        (Rect(0, 12, 400, 266), None),
    ],
)
def test_a_label_moves_into_a_bar_that_has_room(picture: Rect, beside: Rect | None) -> None:
    assert beside_picture(Rect(10, 270, 100, 20), Rect(0, 0, 400, 300), picture) == beside
