"""The same truths from generated meetings, which every clone has: all codecs, and what goes wrong on the way.

`codecs`: VP8, VP9, H.264 and AV1 in one grid, with loss, reordering, duplicates, numbers that wrap, clocks that
drift by 300 ppm, a late join, a leave and rejoin, a paused camera. `shapes`: a phone that is turned from portrait
to landscape, and a sender that switches between two resolutions. Both cross a chunk boundary at 8 s.
"""

from __future__ import annotations

import pytest

from tests.support.exports import Made, Seen, Watch, export_of, made_watches, watch
from tests.support.judging import check_ffprobe, check_file, check_order, check_sound, check_sync, figures
from tests.support.meetings import Camera, Change, Meeting, Microphone, Network, Peer, write_meeting

WRAPS = {"first_sequence": 65_500, "first_timestamp": 2**32 - 200_000}
ROUGH = Network(loss=0.01, loss_burst=3, reorder=0.01, duplicates=0.01, jitter_ms=4, **WRAPS)
FAST = Network(drift_ppm=300, delay_ms=8, jitter_ms=3, **WRAPS)
SLOW = Network(drift_ppm=-300, padding_every=40)

CODECS = Meeting(
    duration_ms=11_000,
    rotate_at_ms=(5_100,),
    peers=(
        Peer(1, "Vera VP8", camera=Camera("vp8", network=ROUGH),
             microphone=Microphone(dtx=True, speech=((500, 8700),))),
        Peer(2, "Victor VP9", stays=((0, 3500), (5000, None)), camera=Camera("vp9", network=FAST),
             microphone=Microphone(channels=2, network=FAST)),
        Peer(3, "Hana H264", stays=((2000, None),), camera=Camera("h264", network=ROUGH),
             microphone=Microphone(network=SLOW)),
        Peer(4, "Ada AV1", camera=Camera("av1", fps=24, pauses=((4000, 6500),), network=SLOW)),
    ),
)  # fmt: skip
SHAPES = Meeting(
    duration_ms=10_000,
    recording_id="3f2c9a54-0000-4000-8000-000000000002",
    peers=(
        Peer(1, "Phone", camera=Camera("vp8", w=360, h=640, rotation=90, changes=(Change(6000, 640, 360),))),
        Peer(2, "Simulcast", camera=Camera("h264", w=640, h=360, fps=15,
                                           changes=(Change(3000, 320, 180), Change(8500, 640, 360)))),
    ),
)  # fmt: skip
WARNINGS = {"codecs": {"packets-lost"}, "shapes": set[str]()}
PINS = [{"t": t, "type": "pin", "peer_id": f"peer-{n}"} for t, n in ((2000, 4), (4000, 1), (5500, 2), (8500, 1))]
"""In the speaker layout only the large tile can be read: each peer has it for a while."""
Exported = tuple[str, Made, list[Watch]]


@pytest.fixture(scope="module", params=[(m, layout) for m in ("codecs", "shapes") for layout in ("grid", "speaker")],
                ids="-".join)  # fmt: skip
def export(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """(name, export, cameras) of one meeting in one layout."""
    name, layout = request.param
    folder = tmp_path_factory.mktemp(f"{name}-{layout}")
    truth = write_meeting({"codecs": CODECS, "shapes": SHAPES}[name], folder)
    pins = [p for p in PINS if layout == "speaker" and p["peer_id"] in {q.peer_id for q in truth.meeting.peers}]
    picture = {"style": {"fit": "cover"}, "export": {"resolution": "640x360"}}
    document = {"layout": layout, "timeline": pins, **picture}
    return name, export_of(truth.path, document, folder / f"{name}-{layout}.mp4"), made_watches(truth)


@pytest.fixture(scope="module")
def seen(export: Exported) -> dict[str, Seen]:
    """What the cameras of the export show."""
    watched = watch(export[1], export[2])
    print(figures(export[1], watched))
    return watched


def test_the_file_is_sound_and_exact(export: Exported) -> None:
    check_file(export[1])


def test_ffprobe_finds_nothing(export: Exported) -> None:
    check_ffprobe(export[1])


def test_faults_are_named(export: Exported) -> None:
    name, made, _ = export
    assert {w["code"] for w in made.report.warnings} == WARNINGS[name]


def test_pictures_stand_at_their_time(export: Exported, seen: dict[str, Seen]) -> None:
    check_sync(export[2], seen)


def test_no_picture_goes_back_in_time(seen: dict[str, Seen]) -> None:
    check_order(seen)


def test_sound_stands_with_its_picture(export: Exported, seen: dict[str, Seen]) -> None:
    check_sound(export[2], seen)


def test_everybody_is_seen_in_the_grid(export: Exported, seen: dict[str, Seen]) -> None:
    _, made, watches = export
    if made.composed.state.layout == "grid":
        assert all(seen[w.peer_id].asked for w in watches)
