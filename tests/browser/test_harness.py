"""The browser that judges previews is itself judged: on streams of FFmpeg's making whose truth is known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from tests.support.barcode import Luma, read_barcode
from tests.support.browser import Browser, Frame, Rect, Stage
from tests.support.hls import FPS, write_hls
from tests.support.media_server import MediaServer
from tests.support.spec import beep_hz
from tests.support.truth import beeps, off_second

pytestmark = pytest.mark.browser

SECONDS = 8
SIZES = {1: (320, 180), 2: (640, 480)}
WHOLE = [[Rect(0, 0, *size)] for size in SIZES.values()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two streams, `1` and `2`."""
    base = tmp_path_factory.mktemp("hls")
    for index, size in SIZES.items():
        write_hls(base / str(index), seconds=SECONDS, index=index, size=size)
    return base


@pytest.fixture
def stage(browser: Browser, folder: Path) -> Iterator[Stage]:
    """Both streams side by side."""
    with browser.open([browser.url(folder, f"{index}/av.m3u8") for index in SIZES], sound=True) as opened:
        yield opened


def reading(luma: Luma) -> tuple[int, int] | None:
    return read_barcode(luma, 0, 0, luma.shape[1], luma.shape[0])


def told_ms(frame: Frame) -> int:
    read = frame.read(0)
    assert read is not None
    return read[1]


def test_plays_to_the_end_and_shows_each_frame_at_its_time(stage: Stage) -> None:
    stage.watch(WHOLE)
    stage.play_until(rate=2)
    for index, frames in zip(SIZES, stage.watched(), strict=True):
        assert {read[0] for frame in frames if (read := frame.read(0))} == {index}
        assert len(frames) > SECONDS * FPS / 2
        assert all(-10 < told_ms(frame) - 1000 * frame.frame_s <= 1e-3 for frame in frames)
        assert [told_ms(frame) for frame in frames] == sorted(told_ms(frame) for frame in frames)
    for state in stage.states():
        assert (state.ended, state.trouble, state.errors) == (True, "", ())
        assert state.duration_s == pytest.approx(SECONDS, abs=0.05)


def test_seeks_land_on_the_frame_of_that_time(stage: Stage) -> None:
    for number in np.random.default_rng(3).integers(0, SECONDS * FPS, 20).tolist():
        stage.seek((number + 0.5) / FPS)
        shown = stage.shown()
        assert [s.luma.shape for s in shown] == [(h, w) for w, h in SIZES.values()]
        assert [s.frame_s * FPS for s in shown] == pytest.approx([number] * len(SIZES), abs=1e-3)
        assert [reading(s.luma) for s in shown] == [(index, number * 1000 // FPS // 10 * 10) for index in SIZES]
    assert [state.trouble for state in stage.states()] == ["", ""]


def test_beeps_are_heard_at_their_time(stage: Stage) -> None:
    stage.seek(1.5)
    for index, heard in zip(SIZES, stage.hear_until(4.5), strict=True):
        onsets = 1000 * heard.start_s + beeps(heard.samples, beep_hz(index), rate=heard.rate)
        assert np.round(onsets / 1000).tolist() == [2, 3, 4]
        assert np.abs(off_second(onsets)).max() < 15
        assert heard.clock_spread_s < 0.03


def test_sound_that_is_late_is_found_late(browser: Browser, tmp_path: Path) -> None:
    write_hls(tmp_path / "late", seconds=4, index=1, sound_late_ms=60)
    with browser.open([browser.url(tmp_path / "late", "av.m3u8")], sound=True) as stage:
        (heard,) = stage.hear_until(3.5)
    onsets = 1000 * heard.start_s + beeps(heard.samples, beep_hz(1), rate=heard.rate)
    assert off_second(onsets) == pytest.approx([60, 60, 60], abs=15)


def test_a_missing_segment_is_a_fatal_error(browser: Browser, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "1", tmp_path / "broken")
    (tmp_path / "broken" / "av_0002.m4s").unlink()
    with browser.open([browser.url(tmp_path / "broken", "av.m3u8")]) as stage:
        stage.play_until(rate=4)
        (state,) = stage.states()
    assert [error.details for error in state.errors if error.fatal] == ["fragLoadError"]
    assert "fragLoadError" in state.trouble
    assert state.time_s < SECONDS - 2


def test_a_playlist_that_does_not_exist_is_a_fatal_error(browser: Browser, tmp_path: Path) -> None:
    with browser.open([browser.url(tmp_path, "nothing.m3u8")]) as stage:
        (state,) = stage.states()
    assert "manifestLoadError" in state.trouble


def test_running_dry_while_playing_is_a_stall(browser: Browser, folder: Path, tmp_path: Path) -> None:
    growing = tmp_path / "growing"
    shutil.copytree(folder / "1", growing)
    lines = (growing / "av.m3u8").read_text().replace("PLAYLIST-TYPE:VOD", "PLAYLIST-TYPE:EVENT").splitlines()
    cut = lines.index("av_0002.m4s")
    (growing / "av.m3u8").write_text("\n".join(lines[: cut - 1]) + "\n")
    with browser.open([browser.url(growing, "av.m3u8")]) as stage:
        with pytest.raises(Exception, match="does not get to 5"):
            stage.play_until(5, rate=2, patience_s=4)
        (state,) = stage.states()
    assert [round(stall.at_s) for stall in state.stalls][:1] == [4]
    assert not any(error.fatal for error in state.errors)


def test_opens_where_it_is_told(browser: Browser, folder: Path) -> None:
    with browser.open([browser.url(folder, "1/av.m3u8")], start_s=3.5 / FPS) as stage:
        (shown,) = stage.shown()
    assert reading(shown.luma) == (1, 100)


def test_a_name_is_quoted_and_a_file_outside_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "a b%40").mkdir()
    (tmp_path / "a b%40" / "x.m4s").write_bytes(bytes(range(100)))
    (tmp_path / "secret").touch()
    with MediaServer() as server:
        url = server.url(tmp_path / "a b%40", "x.m4s")
        with urlopen(Request(url, headers={"Range": "bytes=10-19"})) as answer:
            assert (answer.status, answer.read()) == (206, bytes(range(10, 20)))
            assert answer.headers["Content-Range"] == "bytes 10-19/100"
            assert answer.headers["Content-Type"] == "video/iso.segment"
            assert answer.headers["Cache-Control"] == "no-store"
        with urlopen(server.url(tmp_path, "a b%40/x.m4s")) as answer:
            assert (answer.status, len(answer.read())) == (200, 100)
        for bad, status in ((url.replace("x.m4s", "..%2fsecret"), 404), (url + "x", 404)):
            with pytest.raises(HTTPError) as refused:
                urlopen(bad)
            assert refused.value.code == status
            refused.value.close()
