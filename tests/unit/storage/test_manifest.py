"""The three documents: what is read from good ones, and what is kept of bad ones."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import MalformedDocument
from storage.fields import parse_time_ns
from storage.manifest import (
    Metadata,
    Participant,
    SegmentRef,
    TimelineEvent,
    TrackRef,
    codec_name,
    parse_metadata,
    parse_policy,
    parse_timeline,
)

ZERO = "2026-05-05T09:15:00.120Z"
ZERO_NS = parse_time_ns(ZERO)
TRACK_ID = "peer-1-video-x7"

METADATA: dict[str, Any] = {
    "recording_id": "rec",
    "room_id": "room",
    "start_time": ZERO,
    "end_time": "2026-05-05T09:15:20.120Z",
    "status": "completed",
    "participants": [
        {"peer_id": "peer-1", "display_name": "Chelsea 🐈 猫", "joined_at": "2026-05-05T09:14:59.120Z"},
        {
            "peer_id": "peer-1",
            "display_name": "Chelsea",
            "joined_at": "2026-05-05T09:15:10.120Z",
            "left_at": "2026-05-05T09:15:11.120Z",
        },
    ],
    "tracks": [
        {
            "track_id": TRACK_ID,
            "producer_id": "x7",
            "peer_id": "peer-1",
            "type": "video",
            "codec": "video/VP8",
            "ssrc": 4103041676,
            "payload_type": 96,
            "start_time": "2026-05-05T09:15:00.120Z",
            "end_time": "2026-05-05T09:15:20.120Z",
            "file_name": f"{TRACK_ID}-000001.rtp",
            "segments": [
                {
                    "file_name": f"{TRACK_ID}-000001.rtp",
                    "start_time": "2026-05-05T09:15:00.120500Z",
                    "end_time": "2026-05-05T09:15:12.120Z",
                    "bytes": 1390188,
                    "packet_count": 1325,
                },
                {"file_name": f"{TRACK_ID}-000002.rtp", "start_time": "2026-05-05T09:15:12.120Z", "packet_count": 0},
            ],
        }
    ],
    "stats": {"duration_ms": 20000},
    "requested_by": "peer-1",
}


def changed(path: str, value: object) -> dict[str, Any]:
    """METADATA with one field replaced; `path` is like `tracks.0.ssrc`."""
    document = copy.deepcopy(METADATA)
    place: Any = document
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        place = place[step]
    place[last] = value
    return document


def test_a_whole_metadata_document() -> None:
    assert parse_metadata(METADATA) == Metadata(
        zero_unix_ns=ZERO_NS,
        duration_ms=20_000.0,
        status="completed",
        participants=(
            Participant("peer-1", "Chelsea 🐈 猫", -1000.0, None),
            Participant("peer-1", "Chelsea", 10_000.0, 11_000.0),
        ),
        tracks=(
            TrackRef(
                track_id=TRACK_ID,
                producer_id="x7",
                peer_id="peer-1",
                kind="video",
                codec="vp8",
                ssrc=4103041676,
                payload_type=96,
                start_ms=0.0,
                end_ms=20_000.0,
                segments=(
                    SegmentRef(f"{TRACK_ID}-000001.rtp", 0.5, 12_000.0, 1390188, 1325),
                    SegmentRef(f"{TRACK_ID}-000002.rtp", 12_000.0, None, None, 0),
                ),
            ),
        ),
        notices=(),
    )


@pytest.mark.parametrize(
    ("text", "after_zero_ns"),
    [
        ("2026-05-05T09:15:00.120Z", 0),
        ("2026-05-05T09:15:00.120000001Z", 1),
        ("2026-05-05T09:15:00.1200000019Z", 1),
        ("2026-05-05T09:15:00Z", -120_000_000),
        ("2026-05-05t09:15:00.12z", 0),
        ("2026-05-05T11:15:00.120+02:00", 0),
        ("2026-05-04T23:45:00.120-09:30", 0),
    ],
)
def test_times(text: str, after_zero_ns: int) -> None:
    assert parse_time_ns(text) - ZERO_NS == after_zero_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-05-05",
        "2026-05-05T09:15:00",
        "2026-13-05T09:15:00Z",
        "2026-05-05T25:15:00Z",
        "٢٠٢٦-05-05T09:15:00Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|range|must be"):
        parse_time_ns(text)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (None, "$"),
        ([], "$"),
        ("x", "$"),
        (3, "$"),
        ({}, "$.start_time"),
        (changed("start_time", None), "$.start_time"),
        (changed("start_time", 5), "$.start_time"),
        (changed("start_time", "yesterday"), "$.start_time"),
    ],
)
def test_metadata_that_cannot_be_used(document: object, path: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse_metadata(document)
    assert (caught.value.name, caught.value.path) == ("metadata.json", path)


@pytest.mark.parametrize(
    ("field", "value", "left"),
    [
        ("tracks.0.track_id", None, 0),
        ("tracks.0.track_id", "", 0),
        ("tracks.0.type", "data", 0),
        ("tracks.0", "text", 0),
        ("tracks", {"a": 1}, 0),
        ("tracks.0.ssrc", -1, 1),
        ("tracks.0.ssrc", True, 1),
        ("tracks.0.ssrc", 1.5, 1),
        ("tracks.0.ssrc", float("nan"), 1),
        ("tracks.0.payload_type", 300, 1),
        ("tracks.0.codec", 7, 1),
        ("tracks.0.end_time", "later", 1),
        ("tracks.0.segments.1.bytes", "many", 1),
        ("tracks.0.segments.1.start_time", "??", 1),
        ("participants.0.joined_at", 12, 1),
        ("participants", "nobody", 1),
        ("end_time", "soon", 1),
        ("status", 9, 1),
        ("status", "paused", 1),
    ],
)
def test_a_bad_field_costs_no_more_than_it_must(field: str, value: object, left: int) -> None:
    metadata = parse_metadata(changed(field, value))
    assert len(metadata.tracks) == left
    (notice,) = metadata.notices
    where = "$." + ".".join(step for step in field.split(".") if not step.isdigit())[:6]
    assert notice.code == "document-field"
    assert where in notice.message


@pytest.mark.parametrize("name", ["../x.rtp", "a/b.rtp", "a\\b.rtp", "..", ".", "a\0.rtp", "", None, 5, ["x"]])
def test_a_hostile_file_name_costs_its_segment_and_is_told(name: object) -> None:
    metadata = parse_metadata(changed("tracks.0.segments.0.file_name", name))
    assert [s.file_name for s in metadata.tracks[0].segments] == [f"{TRACK_ID}-000002.rtp"]
    (notice,) = metadata.notices
    assert notice.track_id == TRACK_ID
    assert "$.tracks[0].segments[0].file_name" in notice.message


def test_a_track_without_segments_has_the_file_that_it_names() -> None:
    (track,) = parse_metadata(changed("tracks.0.segments", [])).tracks
    assert [s.file_name for s in track.segments] == [f"{TRACK_ID}-000001.rtp"]


def test_ids_that_lack_are_taken_from_the_track_id() -> None:
    document = changed("tracks.0.peer_id", None)
    del document["tracks"][0]["producer_id"], document["tracks"][0]["type"]
    (track,) = parse_metadata(document).tracks
    assert (track.peer_id, track.producer_id, track.kind) == ("peer-1", "x7", "video")


def test_a_track_that_is_listed_twice_counts_once() -> None:
    metadata = parse_metadata(changed("tracks", METADATA["tracks"] * 2))
    assert len(metadata.tracks) == 1
    assert [notice.code for notice in metadata.notices] == ["track-listed-twice"]


@pytest.mark.parametrize(
    ("end_time", "stats", "duration_ms"),
    [
        ("2026-05-05T09:15:01.120Z", {"duration_ms": 5}, 1000.0),
        (None, {"duration_ms": 5}, 5.0),
        ("2026-05-05T09:14:00Z", {"duration_ms": 5}, 5.0),
        ("", {}, None),
        (None, None, None),
    ],
)
def test_duration(end_time: str | None, stats: object, duration_ms: float | None) -> None:
    document = changed("end_time", end_time) | {"stats": stats}
    metadata = parse_metadata(document)
    assert (metadata.duration_ms, metadata.notices) == (duration_ms, ())


def test_half_characters_in_names_can_be_written_anywhere() -> None:
    metadata = parse_metadata(json.loads(json.dumps(METADATA).replace("Chelsea", "a\\ud800")))
    assert metadata.participants[1].display_name == "a\ufffd"
    metadata.participants[0].display_name.encode()


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("audio/opus", "opus"),
        ("audio/op", "opus"),
        ("opus", "opus"),
        ("video/VP8", "vp8"),
        ("VP9", "vp9"),
        ("video/H264", "h264"),
        ("video/H2", "h264"),
        ("video/AV", "av1"),
        ("video/AV1", "av1"),
        ("video/VP", ""),
        ("video/H265", ""),
        ("", ""),
    ],
)
def test_codec_names(text: str, codec: str) -> None:
    assert codec_name(text) == codec


def event(t: str, kind: str, **data: object) -> dict[str, object]:
    return {"timestamp": f"2026-05-05T09:15:{t}Z", "type": kind, "data": data}


def test_events_are_sorted_and_unknown_ones_kept() -> None:
    document = {
        "events": [
            event("05.120", "active_speaker", peer_id="a"),
            event("00.120", "recording_started"),
            event("05.120", "whiteboard_opened", strange=[1, {}]),
            event("04.120", "peer_joined", peer_id="a"),
        ]
    }
    events, notices = parse_timeline(document, ZERO_NS)
    assert notices == ()
    assert events == (
        TimelineEvent(0.0, "recording_started", {}),
        TimelineEvent(4000.0, "peer_joined", {"peer_id": "a"}),
        TimelineEvent(5000.0, "active_speaker", {"peer_id": "a"}),
        TimelineEvent(5000.0, "whiteboard_opened", {"strange": [1, {}]}),
    )


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "x",
        {},
        {"type": "a"},
        {"timestamp": "x", "type": "a"},
        event("01.1", "") | {},
        event("01", "a") | {"data": 5},
    ],
)
def test_a_bad_event_costs_itself(bad: object) -> None:
    events, notices = parse_timeline({"events": [bad, event("00.120", "recording_started")]}, ZERO_NS)
    assert [e.type for e in events] == ["recording_started"]
    assert "$.events[0]" in notices[0].message


def test_an_event_may_have_no_data() -> None:
    events, _ = parse_timeline({"events": [{"timestamp": ZERO, "type": "a", "data": None}]}, ZERO_NS)
    assert events == (TimelineEvent(0.0, "a", {}),)


def test_policy() -> None:
    policy = parse_policy(
        {
            "enabled": True,
            "who_can_record": "anyone",
            "who_can_access_recordings": "selected",
            "allowed_accessor_ids": ["u1", "u2"],
            "quick_access_layout": "speaker",
            "quick_access_part_duration_sec": 720,
            "snapshot_time": ZERO,
            "later": "field",
        }
    )
    assert (policy.enabled, policy.who_can_record, policy.quick_access_layout) == (True, "anyone", "speaker")
    assert (policy.who_can_access_recordings, policy.allowed_accessor_ids) == ("selected", ("u1", "u2"))
    assert (policy.quick_access_part_duration_sec, policy.snapshot_unix_ns) == (720, ZERO_NS)


@pytest.mark.parametrize("value", [None, "", "everyone", "ALL"])
def test_access_that_is_not_known_is_unspecified(value: object) -> None:
    assert parse_policy({"who_can_access_recordings": value}).who_can_access_recordings == "unspecified"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("who_can_access_recordings", ["all"]),
        ("allowed_accessor_ids", "u1"),
        ("allowed_accessor_ids", [1]),
        ("enabled", "yes"),
        ("snapshot_time", "x"),
    ],
)
def test_rules_of_access_are_not_guessed(field: str, value: object) -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse_policy({field: value})
    assert caught.value.path == f"$.{field}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(METADATA)), inner, max_size=3),
    max_leaves=8,
)
PATHS = [
    *METADATA,
    *(f"tracks.0.{key}" for key in METADATA["tracks"][0]),
    *(f"tracks.0.segments.0.{key}" for key in METADATA["tracks"][0]["segments"][0]),
    *(f"participants.1.{key}" for key in METADATA["participants"][1]),
    "stats.duration_ms",
]


@settings(deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_any_value_anywhere_is_read_or_refused(path: str, value: object) -> None:
    try:
        metadata = parse_metadata(changed(path, value))
    except MalformedDocument as error:
        assert error.path.startswith("$.start_time")  # noqa: PT017
    else:
        assert metadata.zero_unix_ns


@settings(deadline=None)
@given(JSON)
def test_any_document_is_read_or_refused(document: object) -> None:
    for parse in (parse_metadata, parse_policy, lambda d: parse_timeline(d, 0)):
        try:
            parse(document)
        except MalformedDocument as error:
            assert error.path.startswith("$")  # noqa: PT017
