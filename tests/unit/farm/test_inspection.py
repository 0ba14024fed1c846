"""The report and the plan as people read them, and what the numbers say of meetings whose faults are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from compositing.state import parse_state
from compositing.times import Span
from farm.executors.base import CancelToken
from farm.executors.local import LocalExecutor
from farm.inspection import COLUMNS, clock, describe_plan, inspect_recording, render_report, spans
from farm.prepare import open_source
from farm.run import Surroundings, plan_of
from farm.settings import FarmSettings
from renderer.report import PeerReport, RecordingReport, TrackReport
from tests.support.damage import damage
from tests.support.meetings import Camera, Change, Meeting, Microphone, Network, Peer, Truth, write_meeting

SETTINGS = FarmSettings(font_dirs=())
SMALL = {"w": 160, "h": 90, "fps": 15.0, "bitrate": 80_000}

Inspect = Callable[[Path], RecordingReport]


def inspect(path: Path) -> RecordingReport:
    recording = open_source(str(path), SETTINGS)
    return inspect_recording(recording, SETTINGS, LocalExecutor(), lambda event: None, CancelToken())


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    ada = Peer(
        1,
        "Ada",
        camera=Camera(**SMALL, changes=(Change(6000, 90, 160, 90),), pauses=((9000, 12_000),)),
        microphone=Microphone(speech=((1000, 5000),), network=Network(duplicates=0.05, reorder=0.05)),
    )
    ben = Peer(
        2,
        "Ben",
        stays=((2000, 14_000),),
        camera=Camera(**SMALL, network=Network(outages=((6000, 7500),), delay_ms=40), keyframe_every_ms=4000),
        microphone=Microphone(speech=((6000, 10_000),), network=Network(loss=0.1, drift_ppm=0)),
    )
    meeting = Meeting((ada, ben), duration_ms=16_000, active_speaker=False)
    return write_meeting(meeting, tmp_path_factory.mktemp("inspected"))


@pytest.fixture(scope="module")
def found(truth: Truth) -> RecordingReport:
    return inspect(truth.path)


def track(found: RecordingReport, name: str, kind: str) -> TrackReport:
    return next(t for t in found.tracks if (t.peer_name, t.kind) == (name, kind))


def peer(found: RecordingReport, name: str) -> PeerReport:
    return next(p for p in found.peers if p.name == name)


def test_counts_are_those_of_what_was_stored(truth: Truth, found: RecordingReport) -> None:
    for index, name, kind in ((1, "Ada", "audio"), (1, "Ada", "video"), (2, "Ben", "audio"), (2, "Ben", "video")):
        told, true = track(found, name, kind), truth.track(index, kind)  # type: ignore[arg-type]
        assert told.packets == len(true.arrivals)
        assert told.codec == true.codec
        assert told.duration_s == pytest.approx((true.content_ms[-1] - true.content_ms[0]) / 1000, abs=0.1)
    assert track(found, "Ada", "audio").duplicates > 0
    assert track(found, "Ada", "audio").reordered > 0
    assert track(found, "Ben", "audio").lost == len(truth.track(2, "audio").lost_sequences)
    assert track(found, "Ben", "audio").loss_percent == pytest.approx(10, abs=4)


def test_pictures_are_told_with_sizes_pauses_freezes_and_keyframes(truth: Truth, found: RecordingReport) -> None:
    ada, ben = track(found, "Ada", "video"), track(found, "Ben", "video")
    assert [(s.width, s.height, s.rotation) for s in ada.shapes] == [(160, 90, 0), (160, 90, 90)]
    assert ada.shapes[1].from_s == pytest.approx(6.0, abs=0.1)
    assert ada.pauses == (Span(9000, 12_000),)
    assert ada.gaps == ()
    assert ada.keyframes == len(truth.track(1, "video").keyframes_ms)
    assert ben.max_keyframe_interval_s == pytest.approx(8.0, abs=0.3), "the one at 6 s is lost"
    (gap,) = ben.gaps
    assert (gap.start_ms, gap.end_ms) == (pytest.approx(6000, abs=150), pytest.approx(7500, abs=150))
    (freeze,) = ben.freezes
    assert freeze.end_ms == pytest.approx(10_000, abs=150)
    assert {n.code for n in found.warnings if n.track_id == ben.track_id} >= {"packets-lost", "freezes"}


def test_peers_are_told_with_presence_speech_and_how_their_tracks_begin(found: RecordingReport) -> None:
    ada, ben = peer(found, "Ada"), peer(found, "Ben")
    assert ben.presence == (Span(2000, 14_000),)
    assert ada.speech_s == pytest.approx(4.0, abs=0.5)
    assert ben.speech_share == pytest.approx(4 / 12, abs=0.08)
    assert ada.av_offset_ms == pytest.approx(0, abs=30)
    assert ben.av_offset_ms == pytest.approx(40, abs=30)


def test_drift_is_measured(tmp_path: Path) -> None:
    camera = Camera(**SMALL, moving=False, network=Network(drift_ppm=300))
    meeting = Meeting((Peer(1, "Ada", camera=camera, microphone=None),), duration_ms=150_000)
    (told,) = inspect(write_meeting(meeting, tmp_path).path).tracks
    assert told.drift_ppm == pytest.approx(-300, abs=40)


@pytest.mark.parametrize("kind", ["absent_segment", "empty_file", "no_documents"])
def test_a_track_without_a_file_is_told_too(kind: str, tmp_path: Path) -> None:
    meeting = Meeting((Peer(1, "Ada", camera=Camera(**SMALL)),), duration_ms=2000)
    path = write_meeting(meeting, tmp_path).path
    damage(path, kind)  # type: ignore[arg-type]
    told = inspect(path)
    assert len(told.tracks) == 2
    assert told.warnings
    assert "Warnings" in render_report(told)


def test_the_document_is_json_with_spans_as_pairs(found: RecordingReport) -> None:
    document = json.loads(json.dumps(found.to_json()))
    assert document["peers"][1]["presence"] == [[2000, 14_000]]
    assert document["tracks"][0].keys() == set(TrackReport.__dataclass_fields__)
    assert all(w["code"] and w["message"] for w in document["warnings"])


def test_the_text_fits_a_terminal_and_ends_with_the_warnings(found: RecordingReport) -> None:
    text = render_report(found)
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert text.index("Peers") < text.index("Tracks") < text.index("Pictures") < text.index("Warnings")
    assert "turned 90°" in text
    assert "packets-lost" in text[text.index("Warnings") :]


def test_a_plan_is_told_scene_by_scene(truth: Truth) -> None:
    around = Surroundings(SETTINGS, LocalExecutor(), lambda event: None)
    state = parse_state({"timeline": [{"t": 4000, "type": "layout", "layout": "speaker"}]})
    text = describe_plan(plan_of(open_source(str(truth.path), SETTINGS), state, around))
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert text.startswith("1920×1080, 30 frames per second, 0:00.0 – 0:16.0")
    assert "0:04.000" in text
    assert "Ben" in text[text.index("Sound") :]


def test_names_cannot_change_the_tables(tmp_path: Path) -> None:
    meeting = Meeting((Peer(1, "[red]Bob[/red] [link=x]", camera=None),), duration_ms=1000)
    assert "[red]Bob[/red]" in render_report(inspect(write_meeting(meeting, tmp_path).path))


@pytest.mark.parametrize(
    ("seconds", "places", "text"),
    [(0, 1, "0:00.0"), (59.96, 1, "1:00.0"), (3599.99, 1, "1:00:00.0"), (3723.4, 1, "1:02:03.4"),
     (-0.01, 1, "0:00.0"), (-1.5, 1, "-0:01.5"), (0.0145, 3, "0:00.014"), (60.5, 3, "1:00.500")],
)  # fmt: skip
def test_times_are_told_as_on_a_clock(seconds: float, places: int, text: str) -> None:
    assert clock(seconds, places) == text


def test_many_spans_are_counted() -> None:
    assert spans([]) == "never"
    assert spans([Span(i * 1000, i * 1000 + 500) for i in range(9)]).endswith("; and 6 more spans")
