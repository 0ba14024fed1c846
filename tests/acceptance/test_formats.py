"""What can be asked of an export, measured in the file that comes out: formats, sizes, rates, ranges, presets,
loudness, and every event and option of a composition that changes what is seen or heard.

`pair` is ten seconds of two peers, one of whom pauses the camera, shares a screen and gives the truth exactly: no
delay, no jitter. Both cross the chunk boundary at 8 s.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from compositing.geometry import NormRect, Rect, Size, to_pixels
from compositing.loudness import LOUDNESS_CONTEXT, block_energies, integrate
from compositing.mix import CEILING
from compositing.timeline import scene_at
from tests.support.barcode import read_barcode
from tests.support.exports import Made, camera_tiles, export_of, fresh_copy, lumas, made_watches, watch, whole_picture
from tests.support.farm_cli import HERE, SMALL, farm
from tests.support.judging import check_ffprobe, check_file
from tests.support.meetings import Camera, Meeting, Peer, Screen, Truth, write_meeting
from tests.support.mp4_check import check_mp4
from tests.support.recordings import recording_dir
from tests.support.spec import SCREEN_INDEX_OFFSET
from tests.support.truth import beeps, samples_of

Document = dict[str, Any]
Render = Callable[..., Made]
Luma = NDArray[np.uint8]

CAMERA = Camera("h264", bitrate=300_000)
PAUSE = (3000, 5000)
PAIR = Meeting(
    (
        Peer(1, "Ada", camera=CAMERA),
        Peer(2, "Ben", camera=replace(CAMERA, pauses=(PAUSE,)),
             screens=(Screen(6000, 9000, Camera(w=640, h=360, fps=8, bitrate=200_000)),)),
    ),
    duration_ms=10_000,
)  # fmt: skip
ADA, BEN = 1, 2
AAC_FRAME_S = 1024 / 48_000
SMALL_EXPORT = {"resolution": "320x180", "fps": 30}
PLAIN: Document = {"labels": False, "highlight_speaker": False, "gap": 0}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return write_meeting(PAIR, tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def render(pair: Truth, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Exports a composition of `pair`; `export` adds to a small, fast one."""
    folder, count = tmp_path_factory.mktemp("made"), iter(range(1000))

    def rendered(export: Mapping[str, Any] | None = None, preset: Any = "draft", **document: Any) -> Made:
        whole = {"layout": "spotlight", **document, "export": {**SMALL_EXPORT, **(export or {})}}
        return export_of(pair.path, whole, folder / f"{next(count)}.mp4", preset=preset)

    return rendered


@pytest.fixture(scope="module")
def alone(render: Render) -> Made:
    """Ada alone on the canvas."""
    return render(timeline=[pinned(ADA)])


def event(t: int, kind: str, index: int | None = None, **fields: Any) -> Document:
    return {"t": t, "type": kind, **({} if index is None else {"peer_id": f"peer-{index}"}), **fields}


def pinned(index: int, t: int = 0) -> Document:
    return event(t, "pin", index)


def pictures(path: Path) -> list[Luma]:
    return [luma.copy() for _, luma in lumas(path)]


def told_ms(luma: Luma, rect: Rect, index: int) -> int | None:
    """When the picture of `index` in `rect` was drawn; None if no picture of theirs can be read there."""
    read = read_barcode(luma, rect.x, rect.y, rect.w, rect.h)
    return read[1] if read and read[0] == index else None


def whole_of(luma: Luma) -> Rect:
    return Rect(0, 0, luma.shape[1], luma.shape[0])


def beep_level(path: Path, index: int, second: int) -> float:
    """The amplitude of a peer's beep at a whole second of the file; 0.35 is how it was sent."""
    samples, rate = samples_of(path)
    at = np.arange(round((second + 0.01) * rate), round((second + 0.05) * rate))
    hz = PAIR.peers[index - 1].beep_hz
    return float(2 * np.abs(np.mean(samples[at] * np.exp(-2j * np.pi * hz * at / rate))))


# ---- formats and presets -----------------------------------------------------------------------------------


def test_m4a_is_the_sound_alone(pair: Truth, tmp_path: Path) -> None:
    out = tmp_path / "sound.m4a"
    ran = farm("export", pair.path, *HERE, "--format", "m4a", "--json", "--output", out)
    assert ran.exit_code == 0, ran.stderr
    with av.open(str(out)) as container:
        assert [s.type for s in container.streams] == ["audio"]
        codec = container.streams.audio[0].codec_context
        assert (codec.name, codec.sample_rate, codec.layout.name) == ("aac", 48_000, "stereo")
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(10.0, abs=AAC_FRAME_S)
    assert len(samples_of(out)[0]) == pytest.approx(480_000, abs=1024)
    facts = check_mp4(out)
    assert (facts.problems, facts.brand.strip(), facts.frames) == ([], "M4A", 0)
    for peer in PAIR.peers:
        assert beeps(out, peer.beep_hz) == pytest.approx([1000 * n for n in range(1, 10)], abs=3)


def test_presets_differ_in_size(render: Render) -> None:
    sizes = [render({"end_ms": 3000}, p, timeline=[pinned(ADA)]).report.bytes for p in ("draft", "standard", "high")]
    assert sizes[0] < sizes[1] < sizes[2], sizes


def test_results_without_a_name_lie_under_the_recordings_keys(pair: Truth, tmp_path: Path) -> None:
    source = fresh_copy(pair.path, tmp_path)
    ran = farm("export", source, *HERE, *SMALL, "--thumbnails", "3", "--json")
    assert ran.exit_code == 0, ran.stderr
    (made,) = (source / "processed" / "exports").iterdir()
    folder = source / "processed" / "thumbnails" / made.stem
    assert made.suffix == ".mp4"
    assert Path(ran.json["output"]).name == made.name
    names = [f"thumb_{n:04d}.jpg" for n in range(1, 5)]
    assert sorted(p.name for p in folder.iterdir()) == names
    assert [Path(key).name for key in ran.json["thumbnails"]] == names
    frames = list(rgb_frames(made))
    assert len(frames) == 100
    for n, name in enumerate(names):
        small = np.asarray(Image.open(BytesIO((folder / name).read_bytes())).convert("RGB"), np.float64)
        assert small.shape == (90, 160, 3)
        errors = [float(np.abs(small - frame).mean()) for frame in frames]
        assert int(np.argmin(errors)) == 30 * n
        assert errors[30 * n] < 4, name


def rgb_frames(path: Path) -> Iterator[NDArray[np.float64]]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24").astype(np.float64)


def test_thumbnails_closer_than_frames_are_each_made_once(pair: Truth, tmp_path: Path) -> None:
    source = fresh_copy(pair.path, tmp_path)
    small = ("--resolution", "160x90", "--fps", "1", "--preset", "draft")
    ran = farm("export", source, *HERE, *small, "--thumbnails", "0.3", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert [Path(key).name for key in ran.json["thumbnails"]] == [f"thumb_{n:04d}.jpg" for n in range(1, 11)]


# ---- sizes, rates, ranges ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "resolution", ["1080x1920", "720x720", "16x16", "18x34", "16x1024", "1024x16", "98x54", "62x130"]
)
@pytest.mark.parametrize("layout", ["grid", "pip"])
def test_any_even_canvas(resolution: str, layout: str, pair: Truth, tmp_path: Path) -> None:
    style = {"corner_radius": 20, "transition_ms": 300}
    part = {"resolution": resolution, "fps": 10, "start_ms": 2500, "end_ms": 3500}
    timeline = [event(2600, "layout", layout="speaker")]
    document = {"layout": layout, "timeline": timeline, "style": style, "export": part}
    made = export_of(pair.path, document, tmp_path / "canvas.mp4")
    check_file(made)
    assert float(np.std(pictures(made.path)[-1])) > 3, "something is to be seen"
    check_ffprobe(made)


@pytest.mark.parametrize("resolution", ["161x90", "160x91", "14x16", "16x4098", "0x0", "160"])
def test_a_canvas_that_cannot_be_encoded_is_refused(resolution: str, pair: Truth, tmp_path: Path) -> None:
    ran = farm("export", pair.path, *HERE, "--resolution", resolution, "--output", tmp_path / "no.mp4")
    assert ran.exit_code == 2
    assert "--resolution" in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", [1, 24, 25, 60])
def test_any_rate(fps: int, render: Render) -> None:
    made = render({"fps": fps}, timeline=[pinned(ADA)])
    check_file(made)
    off = [told_ms(luma, whole_of(luma), ADA) for luma in pictures(made.path)]
    assert len(off) == 10 * fps
    # The newest picture that stands at most half a frame after the tick; told rounded down to 10 ms.
    assert all(
        told is not None and n * 1000 / fps - 1000 / 30 - 11 <= told <= (n + 0.5) * 1000 / fps + 1
        for n, told in enumerate(off)
    ), off
    check_ffprobe(made)


@pytest.mark.parametrize(
    ("start_ms", "end_ms"), [(1234, 9017), (7990, 8051), (8000, 9000), (30, 40), (34, 67), (0, 8000), (9960, 10_000)]
)
def test_a_range_off_the_grids(start_ms: int, end_ms: int, render: Render) -> None:
    numbers = [n for n in range(301) if start_ms <= n * 1000 / 30 < end_ms]
    made = render({"start_ms": start_ms, "end_ms": end_ms}, timeline=[pinned(ADA)])
    facts, path = check_mp4(made.path), made.path
    assert facts.problems == []
    assert facts.frames == made.report.frames == len(numbers)
    assert facts.video_s == Fraction(len(numbers), 30)
    assert abs(float(facts.audio_s - facts.video_s)) <= AAC_FRAME_S
    assert len(samples_of(path)[0]) == pytest.approx(len(numbers) * 1600, abs=1024)
    for n, luma in zip(numbers, pictures(path), strict=True):
        told = told_ms(luma, whole_of(luma), ADA)
        assert told is not None
        assert n * 1000 / 30 - 1000 / 30 - 11 <= told <= (n + 0.5) * 1000 / 30 + 1, n
    zero_ms = numbers[0] * 1000 / 30
    seconds = [s for s in range(1000, 10_000, 1000) if zero_ms + 40 <= s <= zero_ms + len(numbers) * 1000 / 30 - 120]
    onsets = [b for b in beeps(path, PAIR.peers[0].beep_hz) if b >= 40]  # an earlier one may be cut
    assert onsets == pytest.approx([s - zero_ms for s in seconds], abs=3)


def test_a_range_without_a_frame_is_refused(pair: Truth, tmp_path: Path) -> None:
    ran = farm("export", pair.path, *HERE, *SMALL, "--start", "9.95", "--end", "9.96", "--output", tmp_path / "no.mp4")
    assert ran.exit_code == 1
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_still_runs_gives_what_is_there(tmp_path: Path) -> None:
    truth = write_meeting(replace(PAIR, running=True, duration_ms=4000, peers=PAIR.peers[:1]), tmp_path)
    made = export_of(truth.path, {"layout": "spotlight", "export": SMALL_EXPORT}, tmp_path / "soon.mp4")
    assert check_mp4(made.path).problems == []
    assert made.report.duration_ms == pytest.approx(4000, abs=150)
    shown = [told_ms(luma, whole_of(luma), ADA) for luma in pictures(made.path)]
    assert all(told is not None and abs(told - n * 1000 / 30) < 45 for n, told in enumerate(shown[:-5])), shown
    assert beeps(made.path, PAIR.peers[0].beep_hz) == pytest.approx([1000, 2000, 3000], abs=3)


# ---- sound -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [-16, -23])
@pytest.mark.parametrize("name", ["pair", "kickoff"])
def test_a_loudness_is_met(name: str, target: int, pair: Truth, tmp_path: Path) -> None:
    source = pair.path if name == "pair" else fresh_copy(recording_dir("kickoff"), tmp_path / "copy")
    part = {"resolution": "16x16", "fps": 1, "loudness": target}
    made = export_of(source, {"export": part}, tmp_path / "loud.mp4")
    assert measured_lufs(made.path) == pytest.approx(target, abs=0.5)
    assert np.abs(samples_of(made.path)[0]).max() < 1.0


def measured_lufs(path: Path) -> float:
    """Integrated loudness by FFmpeg's own meter where it is installed, else by ours."""
    if program := shutil.which("ffmpeg"):
        command = [program, "-hide_banner", "-nostats", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stderr
        return float(said[said.rindex("I:") :].split()[1])
    samples = np.repeat(samples_of(path)[0][:, None], 2, axis=1).astype(np.float32)
    return integrate(block_energies(np.pad(samples, ((LOUDNESS_CONTEXT, 0), (0, 0)))))


def test_peaks_are_held(render: Render) -> None:
    louder = [{"peer_id": f"peer-{n}", "volume_db": 20.0} for n in (ADA, BEN)]
    made = render({"fps": 1}, tracks=louder)
    peak = float(np.abs(samples_of(made.path)[0]).max())
    assert CEILING * 0.8 < peak < 1.0, "the codec may add a little to the ceiling of -1 dB"


def test_mute_and_volume_are_heard(alone: Made, render: Render) -> None:
    muting = [event(2500, "mute", BEN), event(5500, "unmute", BEN)]
    made = render({"fps": 1}, timeline=muting, tracks=[{"peer_id": "peer-1", "volume_db": -12.0}])
    for second in range(1, 10):
        plain = [beep_level(alone.path, index, second) for index in (ADA, BEN)]
        now = [beep_level(made.path, index, second) for index in (ADA, BEN)]
        assert now[0] / plain[0] == pytest.approx(10 ** (-12 / 20), rel=0.1), second
        if 3 <= second <= 5:
            assert now[1] < 0.02 * plain[1], second
        else:
            assert now[1] == pytest.approx(plain[1], rel=0.1), second


def test_a_peer_who_is_muted_from_the_start(render: Render) -> None:
    made = render({"fps": 1, "end_ms": 3000}, tracks=[{"peer_id": "peer-2", "muted": True}])
    assert beep_level(made.path, ADA, 2) > 0.2
    assert beep_level(made.path, BEN, 2) < 0.005


@pytest.mark.parametrize("nudge_ms", [-100, 200])
def test_a_nudge_shifts_a_peers_pictures_and_sound_and_nobody_elses(nudge_ms: int, pair: Truth, render: Render) -> None:
    document = {"layout": "grid", "style": {**PLAIN, "screenshare": "off"}}
    wide = {"resolution": "640x180"}
    nudged = render(wide, **document, tracks=[{"peer_id": "peer-2", "nudge_ms": nudge_ms}])
    seen, still = watch(nudged, made_watches(pair)), watch(render(wide, **document), made_watches(pair))
    moved = {p: seen[p].picture.median - still[p].picture.median for p in seen}
    assert moved["peer-1"] == 0
    assert moved["peer-2"] == pytest.approx(-nudge_ms, abs=10)
    onsets = [beeps(nudged.path, peer.beep_hz) for peer in PAIR.peers]
    whole = np.arange(1000, 10_000, 1000)
    assert onsets[0] == pytest.approx(whole, abs=3)
    assert onsets[1] == pytest.approx(whole + nudge_ms, abs=3)
    frames = seen["peer-2"].times.frame
    assert seen["peer-2"].in_order
    shown = frames[(frames * 1000 / 30 > 2000) & (frames * 1000 / 30 < 7000)] * 1000 / 30
    assert np.diff(shown).max() == pytest.approx(PAUSE[1] - PAUSE[0], abs=70)
    assert shown[np.argmax(np.diff(shown))] == pytest.approx(PAUSE[0] + nudge_ms, abs=70), "no old face, no gap"


# ---- pictures ----------------------------------------------------------------------------------------------


def test_an_image_and_a_text_stand_in_their_rectangles(pair: Truth, alone: Made, tmp_path: Path) -> None:
    source = fresh_copy(pair.path, tmp_path)
    (source / "assets").mkdir()
    Image.new("RGB", (40, 20), (255, 255, 255)).save(source / "assets" / "logo.png")
    logo, words = NormRect(0.75, 0.05, 0.2, 0.2), NormRect(0.1, 0.65, 0.5, 0.2)
    document = {
        "layout": "spotlight",
        "timeline": [pinned(ADA), event(1000, "text", text="Weekly review", rect=as_json(words), duration_ms=1000)],
        "style": {"image": {"asset": "logo.png", "rect": as_json(logo), "opacity": 1.0}},
        "export": {**SMALL_EXPORT, "end_ms": 3000},
    }
    made = export_of(source, document, tmp_path / "over.mp4")
    shown, plain = pictures(made.path), pictures(alone.path)
    place = to_pixels(logo, made.composed.spec.canvas)
    inner = Rect(place.x + 6, place.y + 8, place.w - 12, place.h - 16)
    text = to_pixels(words, made.composed.spec.canvas)
    for n in (0, 29, 30, 45, 59, 60, 89):
        changed = np.abs(shown[n].astype(int) - plain[n])
        assert part(shown[n], inner).mean() > 225, n
        assert (part(changed, text).max() > 90) == (30 <= n < 60), n
        for rect in (place, text):
            part(changed, Rect(rect.x - 4, rect.y - 4, rect.w + 8, rect.h + 8))[:] = 0
        assert changed.mean() < 2.5, n


def as_json(rect: NormRect) -> dict[str, float]:
    return {"x": rect.x, "y": rect.y, "w": rect.w, "h": rect.h}


def part(luma: NDArray[Any], rect: Rect) -> NDArray[Any]:
    return luma[rect.y : rect.bottom, rect.x : rect.right]


def test_an_image_that_was_never_uploaded_is_refused(pair: Truth, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"style": {"image": {"asset": "no.png", "rect": {"x": 0, "y": 0, "w": 0.1, "h": 0.1}}}}')
    out = tmp_path / "no.mp4"
    ran = farm("export", pair.path, *HERE, *SMALL, "--composition", state, "--output", out)
    assert ran.exit_code == 1
    assert "no.png" in ran.stderr
    assert not out.exists()


def test_a_transition_moves_tiles_evenly(render: Render) -> None:
    style = {**PLAIN, "transition_ms": 400, "screenshare": "off", "fit": "cover"}
    timeline = [pinned(ADA, 2000), event(4000, "unpin")]
    made = render({"resolution": "640x360", "end_ms": 5000}, layout="grid", timeline=timeline, style=style)
    check_file(made)
    tiles = [camera_tiles(made, n)["peer-1"] for n in range(150)]
    for n, luma in enumerate(pictures(made.path)):
        told = read_barcode(luma, *whole_picture(tiles[n], Size(320, 180)))
        assert told is not None, n
        assert told[0] == ADA
        assert abs(told[1] - n * 1000 / 30) < 45, n
    widths = np.array([tile.rect.w for tile in tiles])
    assert len(set(widths[:60])) == len(set(widths[72:120])) == len(set(widths[132:])) == 1
    for moving in (widths[60:73], widths[120:133][::-1]):
        steps, way = np.diff(moving), int(moving[-1] - moving[0])
        assert way > 100
        assert steps.min() >= 0
        assert steps.max() <= 1.5 * way / 12 + 2, "smoothstep is steepest in the middle: 1.5 times the mean"
        assert moving[6] == pytest.approx((moving[0] + moving[-1]) / 2, abs=2)


@pytest.mark.parametrize("how", ["stage", "tile", "off"])
def test_a_screen_is_the_stage_or_a_tile_or_is_left_out(how: str, render: Render) -> None:
    large = {"resolution": "640x360", "start_ms": 6800, "end_ms": 7200, "fps": 10}
    made = render(large, layout="grid", style={**PLAIN, "screenshare": how})
    luma = pictures(made.path)[2]
    tiles = {tile.tile_id: tile for tile in scene_at(made.composed.plan, 7000)[0].tiles}
    screen = tiles.pop("peer-2/screenshare", None)
    assert {tile.rect.w for tile in tiles.values()} == {{"stage": 128, "tile": 320, "off": 320}[how]}
    if how == "off":
        assert screen is None
        return
    assert screen is not None
    assert screen.rect.w == {"stage": 640, "tile": 320}[how]
    read = read_barcode(luma, *whole_picture(screen, Size(640, 360)))
    assert read is not None
    assert read[0] == BEN + SCREEN_INDEX_OFFSET
    assert 7000 - 125 - 10 <= read[1] <= 7050


def test_hidden_peers_are_heard_and_placed_ones_stand_free(render: Render) -> None:
    rect = {"x": 0.5, "y": 0.5, "w": 0.5, "h": 0.5}
    timeline = [
        event(2500, "hide", BEN), event(5500, "show", BEN),
        event(6500, "place", ADA, rect=rect, z=10, fit="cover"), event(8500, "unplace", ADA),
    ]  # fmt: skip
    style = {**PLAIN, "screenshare": "off"}
    made = render({"resolution": "640x360", "fps": 10}, layout="grid", timeline=timeline, style=style)
    shown, whole = pictures(made.path), Rect(0, 0, 640, 360)
    left, right = Rect(0, 90, 320, 180), Rect(320, 90, 320, 180)
    where = {
        2000: {ADA: left, BEN: right}, 4000: {ADA: whole}, 6000: {ADA: left, BEN: right},
        7500: {ADA: Rect(320, 180, 320, 180), BEN: whole}, 9500: {ADA: left, BEN: right},
    }  # fmt: skip
    for t_ms, peers in where.items():
        for index, place in peers.items():
            told = told_ms(shown[t_ms // 100], place, index)
            assert told is not None, (t_ms, index)
            assert abs(told - t_ms) <= 50
    assert told_ms(shown[40], right, BEN) is None
    assert min(beep_level(made.path, BEN, second) for second in range(2, 9)) > 0.2
