"""The schema of the Composition State: what is accepted, what is refused and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.errors import InvalidState, UnknownPeer, WrongRecording
from compositing.state import (
    MAX_BYTES,
    CompositionState,
    canonical_json,
    check_peers,
    check_recording,
    composition_id,
    default_state,
    parse_state,
    schema,
)

SEED = {
    "recording_id": "uuid",
    "room_id": "room-123",
    "layout": "speaker",
    "timeline": [
        {"t": 0, "type": "layout", "layout": "grid"},
        {"t": 120000, "type": "pin", "peer_id": "peer-7"},
    ],
    "tracks": [{"peer_id": "peer-1", "muted": False}, {"peer_id": "peer-2", "muted": True}],
    "export": {"resolution": "1920x1080", "fps": 30},
}
RECT = {"x": 0.7, "y": 0.7, "w": 0.25, "h": 0.25}
EVERYTHING = {
    **SEED,
    "version": 1,
    "timeline": [
        {"t": 0, "type": "layout", "layout": "grid"},
        {"t": 120000, "type": "pin", "peer_id": "peer-7", "source": "camera"},
        {"t": 150000, "type": "unpin"},
        {
            "t": 160000,
            "type": "place",
            "peer_id": "peer-3",
            "rect": RECT,
            "z": 10,
            "fit": "cover",
            "crop": {"x": 0, "y": 0, "w": 1, "h": 1},
        },
        {"t": 190000, "type": "unplace", "peer_id": "peer-3"},
        {"t": 200000, "type": "hide", "peer_id": "peer-2"},
        {"t": 210000, "type": "show", "peer_id": "peer-2"},
        {"t": 200000, "type": "mute", "peer_id": "peer-2"},
        {"t": 210000, "type": "unmute", "peer_id": "peer-2"},
        {"t": 5000, "type": "text", "text": "Weekly review", "rect": RECT, "duration_ms": 4000},
    ],
    "tracks": [{"peer_id": "peer-1", "muted": False, "volume_db": 0.0, "hidden": False, "label": "Ada", "nudge_ms": 0}],
    "style": {
        "background": "#101418",
        "gap": 8,
        "corner_radius": 0,
        "labels": True,
        "highlight_speaker": True,
        "fit": "auto",
        "screenshare_fit": "contain",
        "screenshare": "stage",
        "transition_ms": 0,
        "max_tiles": 25,
        "image": {"asset": "logo.png", "rect": {"x": 0.9, "y": 0.02, "w": 0.08, "h": 0.08}, "opacity": 0.8},
    },
    "export": {"resolution": "1920x1080", "fps": 30, "start_ms": 0, "end_ms": None, "loudness": None},
}


def with_event(**event: Any) -> dict[str, Any]:
    return {"timeline": [{"t": 0, **event}]}


def problems(document: Any) -> dict[str, str]:
    with pytest.raises(InvalidState) as caught:
        parse_state(document)
    return dict(caught.value.problems)


def test_the_seeds_json_is_valid_as_it_stands() -> None:
    state = parse_state(json.dumps(SEED))
    assert state.layout == "speaker"
    assert [event.type for event in state.timeline] == ["layout", "pin"]
    assert [track.muted for track in state.tracks] == [False, True]
    assert (state.export.canvas.w, state.export.canvas.h) == (1920, 1080)


def test_the_body_of_a_put_needs_no_ids() -> None:
    body = {key: value for key, value in SEED.items() if not key.endswith("_id")}
    assert parse_state(body).recording_id is None


def test_every_field_of_the_contract_is_accepted() -> None:
    state = parse_state(EVERYTHING)
    assert len(state.timeline) == 10
    assert state.style.image is not None
    assert state.style.image.asset == "logo.png"


def test_bytes_text_and_object_are_one_document() -> None:
    text = json.dumps(EVERYTHING)
    assert parse_state(text) == parse_state(text.encode()) == parse_state(EVERYTHING)


@pytest.mark.parametrize(
    ("document", "pointer", "words"),
    [
        ({"colour": 1}, "/colour", "unknown field"),
        ({"style": {"a/b~c": 1}}, "/style/a~1b~0c", "unknown field"),
        (with_event(type="unpin", peer_id="a"), "/timeline/0/peer_id", "unknown field"),
        (with_event(type="place", peer_id="a", rect={**RECT, "q": 1}), "/timeline/0/rect/q", "unknown field"),
        (with_event(type="pin"), "/timeline/0/peer_id", "required"),
        (with_event(type="pin", peer_id=""), "/timeline/0/peer_id", "at least 1"),
        (with_event(type="pin", peer_id="a", source="mic"), "/timeline/0/source", "camera"),
        (with_event(type="explode"), "/timeline/0/type", "known are"),
        (with_event(), "/timeline/0/type", "required"),
        ({"timeline": [7]}, "/timeline/0", "object"),
        ({"timeline": {}}, "/timeline", "array"),
        (with_event(type="layout", layout="mosaic"), "/timeline/0/layout", "grid"),
        ({"layout": "mosaic"}, "/layout", "known are free, grid"),
        ({"timeline": [{"t": -1, "type": "unpin"}]}, "/timeline/0/t", "greater"),
        ({"timeline": [{"t": 1.5, "type": "unpin"}]}, "/timeline/0/t", "integer"),
        ({"timeline": [{"t": "1", "type": "unpin"}]}, "/timeline/0/t", "integer"),
        ({"timeline": [{"t": True, "type": "unpin"}]}, "/timeline/0/t", "integer"),
        ({"timeline": [{"t": 10**30, "type": "unpin"}]}, "/timeline/0/t", ""),
        ({"timeline": [{"t": 0, "type": "unpin"}] * 501}, "/timeline", "500"),
        (with_event(type="place", peer_id="a", rect={**RECT, "w": 0}), "/timeline/0/rect/w", "greater"),
        (with_event(type="place", peer_id="a", rect={**RECT, "x": -0.1}), "/timeline/0/rect/x", "greater"),
        (with_event(type="place", peer_id="a", rect={**RECT, "x": 0.9}), "/timeline/0/rect", "edge"),
        (with_event(type="place", peer_id="a", rect=RECT, z=-1), "/timeline/0/z", "greater"),
        (with_event(type="place", peer_id="a", rect=RECT, crop={**RECT, "h": 0.5}), "/timeline/0/crop", "edge"),
        (with_event(type="text", text="", rect=RECT, duration_ms=1), "/timeline/0/text", "at least"),
        (with_event(type="text", text="x" * 501, rect=RECT, duration_ms=1), "/timeline/0/text", "at most"),
        (with_event(type="text", text="a\u0007", rect=RECT, duration_ms=1), "/timeline/0/text", "control"),
        (with_event(type="text", text="a", rect=RECT, duration_ms=0), "/timeline/0/duration_ms", "greater"),
        ({"tracks": [{"peer_id": "a", "muted": 1}]}, "/tracks/0/muted", "boolean"),
        ({"tracks": [{"peer_id": "a", "volume_db": 20.5}]}, "/tracks/0/volume_db", "less"),
        ({"tracks": [{"peer_id": "a", "volume_db": -61}]}, "/tracks/0/volume_db", "greater"),
        ({"tracks": [{"peer_id": "a", "label": "a\nb"}]}, "/tracks/0/label", "control"),
        ({"tracks": [{"peer_id": "a"}, {"peer_id": "a"}]}, "/tracks/1/peer_id", "/tracks/0"),
        ({"style": {"background": "red"}}, "/style/background", "pattern"),
        ({"style": {"background": "#12345g"}}, "/style/background", "pattern"),
        ({"style": {"gap": -1}}, "/style/gap", "greater"),
        ({"style": {"gap": 201}}, "/style/gap", "less"),
        ({"style": {"max_tiles": 0}}, "/style/max_tiles", "greater"),
        ({"style": {"transition_ms": 5001}}, "/style/transition_ms", "less"),
        ({"style": {"image": {"asset": "../x.png", "rect": RECT}}}, "/style/image/asset", "pattern"),
        ({"style": {"image": {"asset": ".hidden", "rect": RECT}}}, "/style/image/asset", "pattern"),
        ({"style": {"image": {"asset": "a.png\n", "rect": RECT}}}, "/style/image/asset", "pattern"),
        ({"export": {"resolution": "1921x1080"}}, "/export/resolution", "even"),
        ({"export": {"resolution": "14x16"}}, "/export/resolution", "16 to 4096"),
        ({"export": {"resolution": "4098x16"}}, "/export/resolution", "16 to 4096"),
        ({"export": {"resolution": "1920 x 1080"}}, "/export/resolution", "WIDTHxHEIGHT"),
        ({"export": {"resolution": "١٩٢٠x1080"}}, "/export/resolution", "WIDTHxHEIGHT"),
        ({"export": {"fps": 0}}, "/export/fps", "greater"),
        ({"export": {"fps": 61}}, "/export/fps", "less"),
        ({"export": {"fps": 29.97}}, "/export/fps", "integer"),
        ({"export": {"start_ms": 5, "end_ms": 5}}, "/export", "after start_ms"),
        ({"export": {"loudness": 3}}, "/export/loudness", "less"),
        ({"version": 2}, "/version", "1"),
        ("[]", "", "object"),
        ("", "", "JSON"),
        ("{", "", "JSON"),
        (b"\xff\xfe", "", "JSON"),
        ('{"style": {"gap": NaN}}', "/style/gap", "integer"),
        ('{"tracks": [{"peer_id": "a", "volume_db": NaN}]}', "/tracks/0/volume_db", "finite"),
        ('{"tracks": [{"peer_id": "a", "volume_db": -Infinity}]}', "/tracks/0/volume_db", "finite"),
        ('{"tracks": [{"peer_id": "\\ud800"}]}', "", "JSON"),
        ('{"tracks": [{"peer_id": "\ud800"}]}', "", "JSON"),
        ({"tracks": [{"peer_id": b"a"}]}, "", "JSON"),
        ("[" * 5000, "", "JSON"),
        ('{"style":' * 5000, "", "JSON"),
        ('{"layout": "' + "x" * MAX_BYTES + '"}', "", "too many"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_document_is_refused_with_the_place_and_the_reason(document: Any, pointer: str, words: str) -> None:
    found = problems(document)
    assert pointer in found
    assert words in found[pointer]


def test_all_problems_are_told_at_once_in_one_readable_line() -> None:
    with pytest.raises(InvalidState) as caught:
        parse_state({"layout": "mosaic", "export": {"fps": 0}, "style": {"gap": "8"}})
    assert {pointer for pointer, _ in caught.value.problems} == {"/layout", "/export/fps", "/style/gap"}
    assert "/export/fps: should be greater" in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_long_list_of_problems_is_cut_short_in_the_text() -> None:
    with pytest.raises(InvalidState) as caught:
        parse_state({"timeline": [{"t": -1, "type": "unpin"}] * 100})
    assert len(caught.value.problems) == 100
    assert "and 92 more" in str(caught.value)


def test_a_rectangle_may_reach_the_edge_in_decimal_fractions() -> None:
    rect = {"x": 0.7, "y": 0.1, "w": 0.3, "h": 0.9}
    assert parse_state(with_event(type="place", peer_id="a", rect=rect))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(JSON_VALUES.map(json.dumps) | st.binary(max_size=200))
def test_any_document_is_a_state_or_its_problems_are_told(document: str | bytes) -> None:
    found: tuple[tuple[str, str], ...] = ()
    state = None
    try:
        state = parse_state(document)
    except InvalidState as error:
        found = error.problems
    assert (state is None) == bool(found)


def test_the_id_depends_on_the_meaning_not_on_the_writing() -> None:
    sparse = parse_state({"layout": "grid", "export": {"fps": 30}})
    spelled = parse_state(json.dumps({"export": {"fps": 30, "resolution": "1920x1080"}, "version": 1}, indent=3))
    assert composition_id(sparse) == composition_id(spelled) == composition_id(default_state())
    assert composition_id(parse_state({"layout": "speaker"})) != composition_id(default_state())


def test_the_canonical_form_is_a_state_with_the_same_id() -> None:
    state = parse_state(EVERYTHING)
    again = parse_state(canonical_json(state))
    assert again == state
    assert canonical_json(again) == canonical_json(state)


def test_a_peer_nobody_knows_is_named_with_its_place_and_those_who_are_known() -> None:
    state = parse_state(with_event(type="pin", peer_id="eve"))
    with pytest.raises(UnknownPeer, match=r"/timeline/0/peer_id: no peer 'eve'.*it has ada, ben"):
        check_peers(state, ["ada", "ben"])
    check_peers(state, ["ada", "eve"])


@pytest.mark.parametrize("event", ["place", "unplace", "hide", "show", "mute", "unmute"])
def test_every_event_that_names_a_peer_is_checked(event: str) -> None:
    rect = {"rect": RECT} if event == "place" else {}
    with pytest.raises(UnknownPeer):
        check_peers(parse_state(with_event(type=event, peer_id="eve", **rect)), ["ada"])


def test_tracks_are_checked_and_many_known_peers_are_listed_briefly() -> None:
    with pytest.raises(UnknownPeer) as caught:
        check_peers(parse_state({"tracks": [{"peer_id": "eve"}]}), [f"peer-{i}" for i in range(40)])
    assert caught.value.path == "/tracks/0/peer_id"
    assert str(caught.value).endswith("and 32 more")


def test_a_state_of_another_recording_is_refused() -> None:
    state = parse_state(SEED)
    check_recording(state, "room-123", "uuid")
    check_recording(default_state(), "any", "thing")
    with pytest.raises(WrongRecording, match="/recording_id"):
        check_recording(state, "room-123", "other")
    with pytest.raises(WrongRecording, match="/room_id"):
        check_recording(state, "other", "uuid")


def test_a_state_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        CompositionState().layout = "pip"  # type: ignore[misc]


def test_the_schema_names_every_event_and_refuses_what_it_does_not_name() -> None:
    document = schema()
    assert document["additionalProperties"] is False
    assert set(document["$defs"]) >= {"PinEvent", "PlaceEvent", "TextEvent", "StyleState", "ExportState"}
