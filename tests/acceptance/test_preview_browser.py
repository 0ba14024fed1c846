"""Previews as a browser plays them: in Chromium, through hls.js, judged by what its <video> elements show and sound.

The real recordings, and a generated meeting that every clone has. Each preview is made once; streams are played side
by side, and every frame that is shown is read. The figures are printed (`pytest -rP`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.support.browser import Browser, Stage
from tests.support.farm_cli import HERE, start_farm, wait_until
from tests.support.playing import (
    EDGE_MS,
    PEERS_APART_MS,
    RECORDING_TIME_OFF_MS,
    SMALL_PX,
    Seen,
    batches,
    beep_windows,
    check_played,
    check_times,
    check_untroubled,
    figures,
    is_black,
    opened,
    read_shown,
    readings,
    watch,
)
from tests.support.previews import Preview, Previews, Stream, skip_without, without_preview
from tests.support.truth import beeps

pytestmark = pytest.mark.browser

RECORDINGS = skip_without(("meeting", "standup", "codecs", "lossy", "bigroom"))
WITH_ALL_PEERS = skip_without(("meeting", "standup"))
OUTPUT_FRAME_MS = 1000 / 30
SOUND_OFF_MS = 45.0
NEAR_MS = 300.0
LONGEST_FRAME_MS = 200 + OUTPUT_FRAME_MS
"""Where nothing moves a preview has five frames per second."""
SEEKS = 20
Played = tuple[Stage, list[Stream]]


@pytest.fixture(scope="module")
def preview(request: pytest.FixtureRequest, previews: Previews) -> Preview:
    return previews.of(request.param)


@pytest.fixture(scope="module")
def stages(preview: Preview, browser: Browser) -> Iterator[list[Played]]:
    """All streams of a preview, opened, a few on each page."""
    with ExitStack() as open_pages:
        yield [(open_pages.enter_context(opened(browser, preview, own)), list(own)) for own in batches(preview.streams)]


@pytest.mark.parametrize("preview", RECORDINGS, indirect=True)
def test_every_stream_plays_from_its_start(preview: Preview, stages: list[Played]) -> None:
    assert sum(len(streams) for _, streams in stages) == len(preview.streams) > 0
    for stage, streams in stages:
        watch(stage, streams)
        stage.play_until(3.0, rate=2)
        for stream, frames in zip(streams, stage.watched(), strict=True):
            check_played(preview, stream, frames, 0.0, 3.0)
        check_untroubled(stage, streams)
        for stream, state in zip(streams, stage.states(), strict=True):
            assert (state.width, state.height) == (stream.width, stream.height)
            assert state.duration_s == pytest.approx(preview.duration_ms / 1000, abs=0.05)


@pytest.mark.parametrize("preview", RECORDINGS, indirect=True)
def test_every_stream_plays_after_random_seeks(preview: Preview, stages: list[Played]) -> None:
    rng = np.random.default_rng(7)
    for stage, streams in stages:
        for _ in range(2):
            frames = rng.integers(0, (preview.duration_ms - 1500) * 30 // 1000, len(streams))
            targets = ((frames + 0.5) / 30).tolist()
            stage.seek(targets)
            check_shown(preview, stage, streams, [1000 * t for t in targets])
            watch(stage, streams)
            stage.play_until([t + 0.8 for t in targets], rate=2)
            for stream, shown, target in zip(streams, stage.watched(), targets, strict=True):
                check_played(preview, stream, shown, target, target + 0.8)
        check_untroubled(stage, streams)


@pytest.mark.parametrize("preview", RECORDINGS, indirect=True)
def test_pictures_come_back_in_time_after_an_absence(preview: Preview, browser: Browser) -> None:
    streams = [s for s in preview.streams if s.absence_ends_ms(preview.duration_ms)]
    for own in batches(streams):
        ends_s = [stream.absence_ends_ms(preview.duration_ms)[-1] / 1000 for stream in own]
        begins_s = [max(0.0, end - 1.0) for end in ends_s]
        with opened(browser, preview, own) as stage:
            stage.seek(begins_s)
            assert all(is_black(shown.luma) for shown in stage.shown(SMALL_PX))
            watch(stage, own)
            stage.play_until([end + 1.5 for end in ends_s])
            for stream, frames, begin, end in zip(own, stage.watched(), begins_s, ends_s, strict=True):
                check_played(preview, stream, frames, begin, end + 1.5)
            check_untroubled(stage, own)


@pytest.mark.parametrize("preview", WITH_ALL_PEERS, indirect=True)
def test_all_peers_show_the_same_time(preview: Preview, browser: Browser) -> None:
    """At random points, and again a moment after all play on from there."""
    streams = preview.streams_of("av") + preview.streams_of("video")
    seen: list[list[Seen | None]] = []
    with opened(browser, preview, streams) as stage:
        for number in np.random.default_rng(20).integers(0, (preview.duration_ms - 1500) * 30 // 1000, SEEKS).tolist():
            target_ms = (number + 0.5) * 1000 / 30
            stage.seek(target_ms / 1000)
            seen.append(check_shown(preview, stage, streams, [target_ms] * len(streams)))
            check_together(preview, streams, seen[-1])
            stage.play_until(target_ms / 1000 + 0.1)
        check_untroubled(stage, streams)
    for stream, of_stream in zip(streams, zip(*seen, strict=True), strict=True):
        print(figures(stream, [s for s in of_stream if s]))
    present = [sum(s is not None for s in at_once) for at_once in seen]
    assert max(present) == len(streams)
    assert sum(n >= 2 for n in present) >= SEEKS // 2


@pytest.mark.parametrize("preview", WITH_ALL_PEERS, indirect=True)
def test_cameras_that_start_together_stay_together(preview: Preview, browser: Browser) -> None:
    streams = preview.streams_of("av")
    with opened(browser, preview, streams) as stage:
        for begin_s in np.random.default_rng(5).uniform(0, preview.duration_ms / 1000 - 2, 5).tolist():
            stage.seek(begin_s)
            stage.play()
            stage.wait_until(begin_s + 0.7)
            shown = stage.shown(SMALL_PX)
            stage.pause()
            clocks_ms = [1000 * s.clock_s for s in shown]
            print(f"at {begin_s:6.2f} s the players' clocks are {max(clocks_ms) - min(clocks_ms):.0f} ms apart")
            pictures = zip(streams, shown, clocks_ms, strict=True)
            check_together(preview, streams, [read_shown(preview, s, drawn, t) for s, drawn, t in pictures])
        check_untroubled(stage, streams)


@pytest.mark.parametrize("preview", WITH_ALL_PEERS, indirect=True)
def test_beeps_are_in_step_with_the_picture(preview: Preview, browser: Browser) -> None:
    streams = preview.streams_of("av")
    off_ms: dict[str, list[float]] = {stream.peer_id: [] for stream in streams}
    with opened(browser, preview, streams, sound=True) as stage:
        for begin_ms, end_ms in beep_windows(preview, streams, 3000, 2):
            for peer_id, found in heard_and_seen(preview, stage, streams, begin_ms, end_ms):
                off_ms[peer_id] += found
        check_untroubled(stage, streams)
    for peer_id, found in off_ms.items():
        print(f"  {peer_id[:8]}: beeps after the picture by", " ".join(f"{ms:.0f}" for ms in found), "ms")
    assert all(len(found) >= 2 for found in off_ms.values()), off_ms
    assert max(abs(ms) for found in off_ms.values() for ms in found) <= SOUND_OFF_MS


@pytest.mark.parametrize("preview", skip_without(["meeting"]), indirect=True)
def test_a_preview_plays_while_it_is_made(preview: Preview, browser: Browser, tmp_path: Path) -> None:
    """Its maker is stopped midway; what there is can be played, and the rest as it comes, on the same page."""
    made = Preview(preview.name, preview.source, tmp_path / "preview", preview.truths)
    stream, whole_s = preview.streams_of("av")[0], preview.duration_ms / 1000
    playlist = made.folder / stream.playlist
    source = without_preview(preview, tmp_path)
    process = start_farm("preview", source, "--output", made.folder, "--segment-seconds", 2, *HERE)
    maker = psutil.Process(process.pid)
    try:
        wait_until(lambda: playlist.exists() and "#EXTINF" in playlist.read_text("utf-8"), process)
        maker.suspend()
        midway = playlist.read_text("utf-8")
        with opened(browser, made, [stream]) as stage:
            watch(stage, [stream])
            stage.play_until(1.0)
            (first,) = stage.states()
            maker.resume()
            stage.wait_for_length(first.duration_s + 3)
            stage.play_until(first.duration_s + 2)
            (frames,) = stage.watched()
            stage.wait_for_length(whole_s - 0.1)
            stage.seek(whole_s - 2)
            stage.play_until()
            (last,) = stage.states()
            check_untroubled(stage, [stream])
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert "EXT-X-PLAYLIST-TYPE:EVENT" in midway
    assert "EXT-X-ENDLIST" not in midway
    assert first.duration_s < whole_s - 2
    assert last.ended
    assert last.duration_s == pytest.approx(whole_s, abs=0.05)
    check_played(preview, stream, frames, 0.0, first.duration_s + 2)


def check_shown(preview: Preview, stage: Stage, streams: list[Stream], targets_ms: list[float]) -> list[Seen | None]:
    """What paused players show is of the time that they were sent to; where nobody is, they are black."""
    seen: list[Seen | None] = []
    for stream, shown, target_ms in zip(streams, stage.shown(SMALL_PX), targets_ms, strict=True):
        assert 0 <= target_ms - 1000 * shown.frame_s <= LONGEST_FRAME_MS, (str(stream), target_ms, shown.frame_s)
        read = read_shown(preview, stream, shown, target_ms)
        if read:
            check_times(stream, preview.truth(stream), [read])
        elif all(not s.start_ms - EDGE_MS < target_ms < s.end_ms + EDGE_MS for s in stream.spans):
            assert is_black(shown.luma), (str(stream), target_ms)
        seen.append(read)
    return seen


def check_together(preview: Preview, streams: list[Stream], seen: list[Seen | None]) -> None:
    """Cameras that are on show pictures of one time, and of the right one."""
    cameras = [(s, read) for s, read in zip(streams, seen, strict=True) if s.source == "camera" and read]
    drawn_ms = [read.t_ms + read.off_ms for _, read in cameras]
    source_frame_ms = max((1000 / preview.truth(s).fps for s, _ in cameras), default=0.0)
    apart_ms = max(drawn_ms, default=0) - min(drawn_ms, default=0)
    assert apart_ms <= PEERS_APART_MS + OUTPUT_FRAME_MS + source_frame_ms, seen
    assert all(abs(read.off_ms) <= RECORDING_TIME_OFF_MS for _, read in cameras), seen


def heard_and_seen(
    preview: Preview, stage: Stage, streams: list[Stream], begin_ms: int, end_ms: int
) -> Iterator[tuple[str, list[float]]]:
    """By peer, how much later than the picture each beep is that was heard between those times."""
    stage.seek(begin_ms / 1000)
    watch(stage, streams)
    heard = stage.hear_until(end_ms / 1000)
    for stream, sound, frames in zip(streams, heard, stage.watched(), strict=True):
        truth = preview.truth(stream)
        pictures = readings(preview, stream, frames)
        onsets = 1000 * sound.start_s + beeps(sound.samples, truth.beep_hz, rate=sound.rate)
        near = [(onset, ms) for onset in onsets for ms in truth.beeps_ms if abs(onset - ms) < NEAR_MS]
        if pictures:
            middle = float(np.median([s.off_ms for s in pictures]))
            yield stream.peer_id, [onset - ms + middle for onset, ms in near]
