"""Keys: the paths that other services read, and that no id leads out of a recording."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidKey
from storage.keys import (
    RecordingKeys,
    check_bare_name,
    check_key,
    decode_id,
    encode_id,
    parse_segment_name,
)

KEYS = RecordingKeys("room-123", "ec293ee7-62af")
ROOT = "rooms/room-123/ec293ee7-62af/"
AV = KEYS.preview.stream("peer-1", "camera", "av")
SCREEN = KEYS.preview.stream("peer-1", "screenshare", "video")

HOSTILE_IDS = ["", ".", "..", "a/b", "a\\b", "a\0b", "a..b", "../x", "a b", "é", "a%2fb", "a\n", "x" * 129]
HOSTILE_NAMES = ["", ".", "..", "a/b", "../b", "a\\b", "a\0b", "a\nb", "\x7f", "\ud800", "x" * 256, "é" * 128]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (KEYS.metadata, "metadata.json"),
        (KEYS.timeline, "timeline.json"),
        (KEYS.policy, "policy.json"),
        (KEYS.completed, ".completed"),
        (KEYS.recording_marker, ".recording"),
        (KEYS.tracks, "tracks/"),
        (KEYS.segment("p-audio-x-000001.rtp"), "tracks/p-audio-x-000001.rtp"),
        (KEYS.preview.manifest, "preview/manifest.json"),
        (AV.playlist, "preview/peers/peer-1/av.m3u8"),
        (AV.init, "preview/peers/peer-1/av_init.mp4"),
        (AV.segment(1), "preview/peers/peer-1/av_0001.m4s"),
        (SCREEN.playlist, "preview/screenshare/peer-1/video.m3u8"),
        (SCREEN.init, "preview/screenshare/peer-1/video_init.mp4"),
        (SCREEN.segment(12345), "preview/screenshare/peer-1/video_12345.m4s"),
        (KEYS.composition("abc"), "composition/abc.json"),
        (KEYS.latest_composition, "composition/latest.json"),
        (KEYS.asset("logo.png"), "assets/logo.png"),
        (KEYS.export("job-1"), "processed/exports/job-1.mp4"),
        (KEYS.export("job-1", "m4a"), "processed/exports/job-1.m4a"),
        (KEYS.thumbnail("job-1", 1), "processed/thumbnails/job-1/thumb_0001.jpg"),
        (KEYS.job("job-1"), "jobs/job-1.json"),
        (KEYS.requested_output("quick_access/part-0001.mp4"), "quick_access/part-0001.mp4"),
        (KEYS.requested_output(ROOT + "processed/exports/part-0002.mp4"), "processed/exports/part-0002.mp4"),
    ],
)
def test_the_paths_that_other_services_know(key: str, expected: str) -> None:
    assert key == ROOT + expected


def test_all_that_may_be_deleted_lies_under_cache() -> None:
    for key in (
        KEYS.index("p-video-x", "a1"),
        KEYS.intermediate("p-video-x", "a1", 3),
        KEYS.chunk("video", "0123abcd"),
        KEYS.raster("0123abcd"),
    ):
        assert key.startswith(KEYS.cache)
        check_key(key)


@pytest.mark.parametrize("value", HOSTILE_IDS)
def test_ids_that_must_not_touch_a_path(value: str) -> None:
    for make in (
        lambda: RecordingKeys(value, "x"),
        lambda: RecordingKeys("x", value),
        lambda: KEYS.export(value),
        lambda: KEYS.export("x", value),
        lambda: KEYS.job(value),
        lambda: KEYS.composition(value),
        lambda: KEYS.asset(value),
        lambda: KEYS.thumbnail(value, 1),
        lambda: KEYS.chunk("video", value),
        lambda: KEYS.raster(value),
        lambda: KEYS.index("t", value),
    ):
        with pytest.raises(InvalidKey):
            make()


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_file_names_that_are_not_bare(name: str) -> None:
    with pytest.raises(InvalidKey):
        check_bare_name(name)
    with pytest.raises(InvalidKey):
        KEYS.segment(name)


@pytest.mark.parametrize(
    "output_key",
    [
        "metadata.json",
        "quick_access/../metadata.mp4",
        "quick_access/a/b.mp4",
        "quick_access/.mp4",
        "quick_access/x..y.mp4",
        "processed/exports/job-1.mp4",
        "processed/exports/part-/../x.mp4",
        "rooms/room-123/other/quick_access/part-0001.mp4",
        "/quick_access/part-0001.mp4",
        "quick_access/part-0001.mp4\n",
        "tracks/x.mp4",
    ],
)
def test_outputs_that_may_not_be_asked_for(output_key: str) -> None:
    with pytest.raises(InvalidKey):
        KEYS.requested_output(output_key)


@given(st.text(min_size=1, max_size=20))
def test_any_peer_id_becomes_one_safe_segment_and_comes_back(peer_id: str) -> None:
    encoded = encode_id(peer_id)
    assert set(encoded) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-%")
    assert decode_id(encoded) == peer_id
    folder = KEYS.preview.folder(peer_id, "camera")
    assert check_key(folder).count("/") == KEYS.prefix.count("/") + 3


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_different_peers_have_different_folders(one: str, other: str) -> None:
    assert (encode_id(one) == encode_id(other)) == (one == other)


@pytest.mark.parametrize("value", ["", "\ud800", "é" * 50])
def test_peer_ids_that_have_no_path(value: str) -> None:
    with pytest.raises(InvalidKey):
        encode_id(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p1-audio-x1-000001.rtp", ("p1-audio-x1", "p1", "audio", "x1", 1)),
        ("a-b-c-video-d-e-000123.rtp", ("a-b-c-video-d-e", "a-b-c", "video", "d-e", 123)),
        ("x-video-1-screenshare-y-000002.rtp", ("x-video-1-screenshare-y", "x-video-1", "screenshare", "y", 2)),
        ("user@host é-video-y-1000000.rtp", ("user@host é-video-y", "user@host é", "video", "y", 1_000_000)),
    ],
)
def test_segment_names(name: str, expected: tuple[str, str, str, str, int]) -> None:
    assert parse_segment_name(name) == expected


@pytest.mark.parametrize(
    "name", ["", "x.rtp", "p-audio-x-1.rtp", "p-audio-x-000001.rtp.tmp", "p-data-x-000001.rtp", "-audio-x-000001.rtp"]
)
def test_names_that_are_no_segments(name: str) -> None:
    assert parse_segment_name(name) is None
