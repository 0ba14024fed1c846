"""Each kind of damage changes what it says and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.damage import HOSTILE_NAME, KINDS, Kind, damage, largest_segment
from tests.support.meetings import Meeting, Peer, Screen, write_meeting

MEETING = Meeting((Peer(1, "Ada", screens=(Screen(200, 1200),)), Peer(2, "Ben")), 2000)


def snapshot(recording: Path) -> dict[str, bytes]:
    return {str(p.relative_to(recording)): p.read_bytes() for p in recording.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_something_the_same_way_each_time(kind: Kind, tmp_path: Path) -> None:
    first, second = (write_meeting(MEETING, tmp_path / name).path for name in "ab")
    before = snapshot(first)
    damage(first, kind)
    damage(second, kind)
    assert snapshot(first) == snapshot(second) != before


def test_a_cut_leaves_part_of_a_record(tmp_path: Path) -> None:
    path = write_meeting(MEETING, tmp_path).path
    before = largest_segment(path).read_bytes()
    hurt = damage(path, "cut_mid_record")
    after = hurt.path.read_bytes()
    assert before.startswith(after)
    assert hurt.offsets == (len(after),)
    at = 32
    while at + 10 <= len(after):
        at += 10 + int.from_bytes(after[at + 8 : at + 10], "big")
    assert at > len(after)


def test_flips_and_garbage_are_where_they_are_said_to_be(tmp_path: Path) -> None:
    path = write_meeting(MEETING, tmp_path).path
    before = largest_segment(path).read_bytes()
    flipped = damage(path, "bytes_flipped")
    after = flipped.path.read_bytes()
    assert tuple(n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b) == flipped.offsets

    other = write_meeting(MEETING, tmp_path / "other").path
    garbage = damage(other, "garbage_inserted")
    longer = garbage.path.read_bytes()
    assert longer[: garbage.offsets[0]] + longer[garbage.offsets[-1] + 1 :] == before


def test_a_shared_screen_gets_a_peer_of_its_own(tmp_path: Path) -> None:
    path = write_meeting(MEETING, tmp_path).path
    damage(path, "sharescreen_peer")
    tracks = json.loads((path / "metadata.json").read_text("utf-8"))["tracks"]
    (screen,) = [track for track in tracks if track["type"] == "screenshare"]
    assert screen["peer_id"] == "sharescreen_peer-1"
    assert all((path / "tracks" / segment["file_name"]).exists() for segment in screen["segments"])


def test_a_hostile_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    path = write_meeting(MEETING, tmp_path).path
    damage(path, "hostile_file_name")
    assert HOSTILE_NAME in (path / "metadata.json").read_text("utf-8")


def test_what_is_not_there_cannot_be_hurt(tmp_path: Path) -> None:
    path = write_meeting(Meeting((Peer(1, "Ada"),), 1000), tmp_path).path
    with pytest.raises(ValueError, match="no screenshare"):
        damage(path, "sharescreen_peer")
