"""The index of real WebRTC recordings against what their capture wrote down about them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from renderer.index import TrackIndex, build_index
from storage.objects import StoreSpec
from storage.recordings import open_recording, split_source
from tests.support.recordings import recording_dir

pytestmark = pytest.mark.recordings

NAMES = ["kickoff", "standup", "codecs", "lossy", "bigroom"]


def indexed(name: str) -> list[tuple[TrackIndex, dict[str, Any]]]:
    """Each track's index and its entry in truth.json."""
    folder = recording_dir(name)
    root, room, recording_id = split_source(str(folder))
    recording = open_recording(StoreSpec(root), room, recording_id)
    truth = json.loads((folder.parents[2] / "truth.json").read_text("utf-8"))
    entries = {t["track_id"]: t for t in truth["tracks"]}
    return [(build_index(recording, t), entries[t.track_id]) for t in recording.manifest.tracks]


@pytest.mark.parametrize("name", NAMES)
def test_packets_losses_and_disorder_are_counted(name: str) -> None:
    for index, truth in indexed(name):
        loss = truth.get("tee_loss") or {}
        assert index.codec == truth["codec"]
        assert index.stats.packets == truth["packets"]
        assert index.stats.lost == loss.get("lost_packets", 0)
        assert index.stats.duplicates == loss.get("duplicated", 0) or name == "lossy"
        assert index.stats.padding_only == truth.get("padding_only_packets", 0)
        assert index.stats.invalid == index.stats.foreign == index.stats.dropped == 0
        assert len(index.clock.fit_starts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_keyframes_have_their_time_and_size(name: str) -> None:
    for index, truth in indexed(name):
        expected = truth.get("keyframes_arrival_ms", [])
        rows = np.flatnonzero(index.keyframe)
        if index.kind == "audio" or (name == "lossy" and index.codec == "h264"):
            continue
        assert len(rows) == len(expected)
        for row, (at_ms, size) in zip(rows, expected, strict=True):
            assert -2 < at_ms - index.time_us[row] / 1000 < 80, "the fit stands at the least delayed packets"
            assert f"{index.width[row]}x{index.height[row]}" == size
        starts_mid_gop = any(n.code == "starts-mid-gop" for n in index.notices)
        assert starts_mid_gop == bool(truth.get("starts_mid_gop"))


@pytest.mark.parametrize("name", ["kickoff", "standup", "codecs", "bigroom"])
def test_an_undamaged_track_is_complete_and_clean_from_its_first_keyframe(name: str) -> None:
    for index, truth in indexed(name):
        assert index.complete[int(np.argmax(index.keyframe)) :].all()
        assert not index.gap_before.any()
        if index.kind != "audio":
            assert index.clean[int(np.argmax(index.keyframe)) :].all()
            cut_off = truth["frames_sent"] - len(index)
            assert cut_off in (0, 1), "at most the last frame is cut off by the end of the recording"
            assert int(index.clean.sum()) == truth["decoded_without_damage"]["frames"] - cut_off


def test_pictures_are_clean_just_where_the_capture_says_they_can_be_whole() -> None:
    for index, truth in indexed("lossy"):
        if index.kind == "audio":
            continue
        at_ms = index.time_us[index.clean] / 1000
        spans = [(a - 100, b) for a, b in truth["intact_spans_ms"]]
        inside = np.any([(at_ms >= a) & (at_ms <= b) for a, b in spans], axis=0)
        assert inside.all()
        assert len(at_ms) >= 0.9 * sum(b - a for a, b in truth["intact_spans_ms"]) / 1000 * 29


def test_an_audio_level_is_found_under_the_browsers_identifier() -> None:
    for name in ("kickoff", "codecs"):
        for index, _ in indexed(name):
            if index.kind == "audio":
                assert (index.audio_level < 128).all()
                assert index.audio_level.min() < 40
                assert index.samples.min() == 960
