"""Whole exports of the real recordings: sound files, exact time, and the truth that their pictures tell.

Each recording is exported once in each layout and looked at from all sides. The figures are printed
(`pytest -rP`). Tiles narrower than the barcode can be read in are left out.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.exports import Made, Seen, copy_recording, export_of, real_watches, watch
from tests.support.judging import check_ffprobe, check_file, check_order, check_sound, check_sync, figures
from tests.support.recordings import recording_dir

pytestmark = pytest.mark.recordings

WARNINGS = {
    "kickoff": set[str](),
    "standup": set[str](),
    "codecs": {"starts-mid-gop"},
    "lossy": {"packets-lost", "starts-mid-gop"},
    "bigroom": {"starts-mid-gop", "rare-keyframes"},
}
RESOLUTIONS = {"lossy": "1920x1080"}
"""A portrait picture inside of a landscape tile is legible from this size on; for the others 720 lines do."""
STYLES = {"bigroom": {"screenshare": "tile"}}
"""With the screen on stage the nine cameras would be too small to be read."""
CLIPS_BEEPS = {"lossy", "bigroom"}
"""Lost packets, and Opus waking up late from silence (DTX), take some beeps or their beginnings."""

Export = tuple[str, Made]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module", params=[(name, layout) for name in WARNINGS for layout in ("grid", "speaker")],
                ids="-".join)  # fmt: skip
def export(request: pytest.FixtureRequest, folder: Path) -> Export:
    """(name, export) of one recording in one layout."""
    name, layout = request.param
    base = folder / name
    if not base.exists():
        copy_recording(name, folder)
        shutil.copyfile(recording_dir(name).parents[2] / "truth.json", base / "truth.json")
    (source,) = base.glob("rooms/*/*")
    resolution = {"resolution": RESOLUTIONS.get(name, "1280x720")}
    document = {"layout": layout, "style": STYLES.get(name, {}), "export": resolution}
    return name, export_of(source, document, folder / f"{name}-{layout}.mp4")


@pytest.fixture(scope="module")
def seen(export: Export) -> dict[str, Seen]:
    """What the cameras of the export show; skips a recording without barcodes."""
    name, made = export
    if name == "kickoff":
        pytest.skip("kickoff has no barcodes")
    watched = watch(made, real_watches(made.source))
    print(figures(made, watched))
    return watched


def test_the_file_is_sound_and_exact(export: Export) -> None:
    check_file(export[1])


def test_ffprobe_finds_nothing(export: Export) -> None:
    check_ffprobe(export[1])


def test_faults_are_named(export: Export) -> None:
    name, made = export
    assert {w["code"] for w in made.report.warnings} == WARNINGS[name]
    assert all(w["message"] for w in made.report.warnings)


def test_pictures_stand_at_their_time(export: Export, seen: dict[str, Seen]) -> None:
    check_sync(real_watches(export[1].source), seen)


def test_no_picture_goes_back_in_time(export: Export, seen: dict[str, Seen]) -> None:
    check_order(seen)


def test_sound_stands_with_its_picture(export: Export, seen: dict[str, Seen]) -> None:
    check_sound(real_watches(export[1].source), seen, may_miss=0.2 if export[0] in CLIPS_BEEPS else 0.0)
