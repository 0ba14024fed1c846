"""What the plan is told of a meeting: who was there, whose picture lives, who speaks, how long it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compositing.facts import PeerFacts
from compositing.times import Span
from renderer.index import TrackIndex
from renderer.meeting import Meeting, needs_measured_levels, speech_spans, understand
from storage.manifest import Participant, TimelineEvent
from tests.support.indexes import audio_index, event, manifest, track_ref, video_index


def meeting(
    indexes: Sequence[TrackIndex] = (),
    participants: Sequence[Participant] = (),
    events: Sequence[TimelineEvent] = (),
    **more: Any,
) -> Meeting:
    ends = more.pop("ends", {})
    refs = [track_ref(i.track_id, i.kind, end_ms=ends.get(i.track_id)) for i in indexes]  # type: ignore[arg-type]
    return understand(manifest(refs, participants, events, **more), indexes, "freeze")


def every(start_ms: int, end_ms: int, step_ms: int = 100, **what: Any) -> TrackIndex:
    return video_index(list(range(start_ms, end_ms, step_ms)), **what)


def spans(pairs: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    return tuple(Span(a, b) for a, b in pairs)


def shapes(peer: PeerFacts) -> list[tuple[int, int, int, int]]:
    return [(s.start_ms, s.end_ms, s.w, s.h) for s in peer.camera]


ADA = Participant("ada", "Ada", 1000.0, 50_000.0)


# ---- presence --------------------------------------------------------------------------------------------


def test_stays_are_those_of_the_participants() -> None:
    again = Participant("ada", "Ada", 55_000.4, None)
    (peer,) = meeting(participants=[ADA, again]).facts.peers
    assert (peer.name, peer.presence) == ("Ada", spans([(1000, 50_000), (55_000, 60_000)]))


def test_stays_are_clipped_to_the_recording_and_merged() -> None:
    people = [Participant("ada", "Ada", -5000.0, 2000.0), Participant("ada", "Ada", 2000.0, 99_000.0)]
    (peer,) = meeting(participants=people).facts.peers
    assert peer.presence == spans([(0, 60_000)])


@pytest.mark.parametrize(
    ("events", "presence"),
    [
        ([("peer_joined", 5000)], [(5000, 60_000)]),
        ([("peer_joined", 5000), ("peer_left", 9000)], [(5000, 9000)]),
        ([("peer_left", 9000)], [(0, 9000)]),
        ([("peer_left", 9000), ("peer_joined", 12_000)], [(0, 9000), (12_000, 60_000)]),
        ([("peer_joined", 5000), ("peer_joined", 6000), ("peer_left", 9000), ("peer_left", 9500)], [(5000, 9000)]),
    ],
)
def test_who_is_missing_among_the_participants_is_known_by_the_events(
    events: list[tuple[str, int]], presence: list[tuple[int, int]]
) -> None:
    told = [event(t, kind, peer_id="ben", display_name="Ben") for kind, t in events]
    (peer,) = meeting(events=told).facts.peers
    assert peer.presence == spans(presence)


def test_who_is_known_by_tracks_alone_was_there_while_they_lived() -> None:
    tracks = [every(4000, 8000), audio_index(list(range(20_000, 30_000, 20)))]
    found = meeting(tracks, ends={"ada-video-1": 9000.0, "ada-audio-1": 30_500.0})
    (peer,) = found.facts.peers
    assert peer.presence == spans([(4000, 9000), (20_000, 30_500)])
    assert (peer.name, peer.has_audio) == ("Guest ada", True)


def test_nobody_knows_when_the_track_ended() -> None:
    found = meeting([every(0, 4000)])
    assert found.tracks[0].live == Span(0, 4900)
    assert found.facts.peers[0].presence == spans([(0, 4900)])
    removed = meeting([every(0, 4000)], events=[event(7000, "track_removed", track_id="ada-video-1")])
    assert removed.tracks[0].live == Span(0, 7000)


def test_names_come_from_wherever_one_is_told() -> None:
    nameless = Participant("0f3a2b1c-9d", "0f3a2b1c-9d", 0.0, None)
    joined = event(0, "peer_joined", peer_id="0f3a2b1c-9d", display_name="Søren")
    assert meeting(participants=[nameless], events=[joined]).facts.peers[0].name == "Søren"
    assert meeting(participants=[nameless]).facts.peers[0].name == "Guest 0f3a2b1c"
    later = Participant("0f3a2b1c-9d", "Søren", 9.0, None)
    assert meeting(participants=[nameless, later]).facts.peers[0].name == "Søren"
    assert meeting(participants=[later, nameless]).facts.peers[0].name == "Søren"


def test_peers_are_in_order_of_their_joining() -> None:
    people = [Participant(p, p.upper(), at, None) for p, at in [("c", 3000.0), ("a", 1000.0), ("z", 70_000.0)]]
    assert [p.peer_id for p in meeting(participants=people).facts.peers] == ["a", "c", "z"]


# ---- pictures --------------------------------------------------------------------------------------------


def test_a_camera_lives_from_its_first_picture_to_its_end() -> None:
    track = every(2000, 8000, keys=(5,))
    (peer,) = meeting([track], [ADA], ends={track.track_id: 9000.0}).facts.peers
    assert shapes(peer) == [(2500, 9000, 640, 360)]


@pytest.mark.parametrize("named_by", [{"track_id": "ada-video-1"}, {"producer_id": "1"}])
def test_a_pause_has_no_picture_until_the_first_that_was_sent_since(named_by: dict[str, str]) -> None:
    times = [*range(0, 3000, 100), *range(5240, 8000, 100)]
    events = [event(3010, "producer_paused", **named_by), event(5000, "producer_resumed", **named_by)]
    found = meeting([video_index(times, keys=(0, 30))], [ADA], events, ends={"ada-video-1": 8000.0})
    assert shapes(found.facts.peers[0]) == [(0, 3010, 640, 360), (5240, 8000, 640, 360)]


def pause(start_ms: int, end_ms: int) -> list[TimelineEvent]:
    names = {"track_id": "ada-video-1"}
    return [event(start_ms, "producer_paused", **names), event(end_ms, "producer_resumed", **names)]


def test_after_a_pause_a_broken_keyframe_is_waited_out() -> None:
    times = [*range(0, 3000, 100), *range(5200, 9000, 100)]
    events = pause(3000, 5100)
    index = video_index(times, keys=(0, 30, 40), lost=(30,))
    found = meeting([index], [ADA], events, ends={"ada-video-1": 9000.0})
    assert shapes(found.facts.peers[0]) == [(0, 3000, 640, 360), (6200, 9000, 640, 360)]


def test_a_camera_that_stays_paused_shows_nothing_more() -> None:
    events = [event(3000, "producer_paused", track_id="ada-video-1")]
    found = meeting([every(0, 3000)], [ADA], events, ends={"ada-video-1": 20_000.0})
    assert shapes(found.facts.peers[0]) == [(0, 3000, 640, 360)]


def test_another_ones_pause_is_not_mine() -> None:
    events = [event(1000, "producer_paused", track_id="ben-video-2", producer_id="2", peer_id="ada")]
    found = meeting([every(0, 3000)], [ADA], events, ends={"ada-video-1": 3000.0})
    assert shapes(found.facts.peers[0]) == [(0, 3000, 640, 360)]


def test_a_silent_camera_is_off_after_five_seconds_and_a_silent_screen_is_not() -> None:
    times = [*range(0, 2000, 100), *range(20_000, 22_000, 100)]
    camera = video_index(times, keys=(0, 20))
    screen = video_index(times, keys=(0, 20), track_id="ada-screenshare-2", kind="screenshare")
    ends = {"ada-video-1": 40_000.0, "ada-screenshare-2": 40_000.0}
    (peer,) = meeting([camera, screen], [ADA], ends=ends).facts.peers
    assert shapes(peer) == [(0, 6900, 640, 360), (20_000, 26_900, 640, 360)]
    assert [s.span for s in peer.screenshare] == [Span(0, 40_000)]


def test_shapes_are_upright_and_change_with_size_and_rotation() -> None:
    index = every(0, 4000)
    width, height, turned = (column.copy() for column in (index.width, index.height, index.rotation))
    width[10:], height[10:] = 320, 180
    turned[20:30], turned[30:] = 90, 180
    index = replace(index, width=width, height=height, rotation=turned)
    (peer,) = meeting([index], [ADA], ends={"ada-video-1": 4000.0}).facts.peers
    assert shapes(peer) == [
        (0, 1000, 640, 360), (1000, 2000, 320, 180), (2000, 3000, 180, 320), (3000, 4000, 320, 180)
    ]  # fmt: skip


def test_a_change_of_size_inside_a_pause_shows_nothing_of_the_pause() -> None:
    times = [*range(0, 2000, 100), *range(4000, 6000, 100)]
    index = video_index(times, keys=(0, 20))
    width = index.width.copy()
    width[20:] = 320
    found = meeting([replace(index, width=width)], [ADA], pause(1950, 3950), ends={"ada-video-1": 6000.0})
    assert shapes(found.facts.peers[0]) == [(0, 1950, 640, 360), (4000, 6000, 320, 360)]


def test_tracks_without_rows_and_pictures_that_cannot_be_shown_are_left_out() -> None:
    found = meeting([video_index([]), every(0, 1000, keys=(), track_id="ada-video-2")], [ADA])
    assert [t.ref.track_id for t in found.tracks] == ["ada-video-2"]
    assert found.facts.peers[0].camera == ()


def test_tracks_of_a_peer_are_in_order_of_their_start() -> None:
    tracks = [every(9000, 9500, track_id="ada-video-2"), every(0, 500), every(100, 500, track_id="ben-video-3")]
    assert [t.ref.track_id for t in meeting(tracks, [ADA]).tracks_of("ada", "video")] == ["ada-video-1", "ada-video-2"]


# ---- speech ----------------------------------------------------------------------------------------------


def test_told_speech_goes_on_until_the_next_is_told() -> None:
    told = [(1000, "ada"), (4000, "ben"), (5000, "ada"), (5000, "")]
    events = [event(t, "active_speaker", peer_id=p) for t, p in told]
    levels = audio_index([0, 20], [5, 5])
    found = meeting([levels], [ADA, Participant("ben", "Ben", 0.0, None)], events).facts
    speech = {p.peer_id: p.speech for p in found.peers}
    assert speech == {"ada": spans([(1000, 4000)]), "ben": spans([(4000, 5000)])}


def test_without_events_the_levels_tell() -> None:
    times = list(range(0, 4000, 20))
    levels = [30 if 1000 <= t < 1600 or 1900 <= t < 2400 or 3500 <= t < 3600 else 80 for t in times]
    (peer,) = meeting([audio_index(times, levels)], [ADA]).facts.peers
    assert peer.speech == spans([(1000, 2400)]), "a breath is bridged, a cough is left out"


def test_without_levels_they_are_measured() -> None:
    index = audio_index(list(range(0, 2000, 20)))
    silent = manifest([track_ref(index.track_id, "audio")], [ADA])
    assert needs_measured_levels(silent, index)
    assert not needs_measured_levels(silent, video_index([0]))
    assert not needs_measured_levels(silent, audio_index([0, 20], [255, 40]))
    assert not needs_measured_levels(replace(silent, events=(event(0, "active_speaker", peer_id="ada"),)), index)
    measured = np.array([20] * 50 + [90] * 50, np.uint8)
    found = understand(silent, [index], "freeze", {index.track_id: measured})
    assert found.facts.peers[0].speech == spans([(0, 1000)])
    assert understand(silent, [index], "freeze").facts.peers[0].speech == ()


def test_speech_needs_a_while() -> None:
    time_us = np.arange(0, 300_000, 20_000)
    assert speech_spans(time_us[:14], np.zeros(14, np.uint8)) == ()
    assert speech_spans(time_us, np.full(15, 45, np.uint8)) == (Span(0, 300),)
    assert speech_spans(time_us, np.full(15, 46, np.uint8)) == ()


# ---- duration --------------------------------------------------------------------------------------------


def test_a_running_recording_is_as_long_as_its_media() -> None:
    tracks = [every(0, 4000), audio_index([0, 7000.2])]
    assert meeting(tracks, [ADA], finished=False).facts.duration_ms == 7001
    assert meeting(tracks, [ADA], duration_ms=None).facts.duration_ms == 7001
    assert meeting([], [ADA], duration_ms=None).facts.duration_ms == 0


def test_media_after_the_end_is_kept_and_told() -> None:
    found = meeting([every(0, 80_000)], [ADA])
    assert found.facts.duration_ms == 79_900
    assert [n.code for n in found.notices] == ["media-after-end"]
    close = meeting([every(0, 61_000)], [ADA])
    assert (close.facts.duration_ms, close.notices) == (60_000, ())
