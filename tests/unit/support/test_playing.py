"""The judges of played previews let right ones pass, and find each thing that can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.barcode import Luma, draw_barcode
from tests.support.browser import Frame, Rect, Shown
from tests.support.playing import beep_windows, check_played, is_black, read_shown
from tests.support.previews import Preview, ShapeSpan, SourceTruth, Stream

W, H = 320, 180
STREAM = Stream("ada", "av", "camera", "av.m3u8", W, H, 30, 2, (ShapeSpan(2000, 8000, Rect(0, 0, W, H)),))
BEEPS = (3000.0, 4000.0, 5000.0, 6000.0, 9000.0)
TRUTH = SourceTruth(1, 30.0, 1000 / 30, ((2020, 7990),), ((2020, 5000), (5500, 7990)), 650, BEEPS)


@pytest.fixture
def preview() -> Preview:
    made = Preview("made", Path(), Path(), {("ada", "camera"): TRUTH})
    made.__dict__["manifest"] = {"duration_ms": 10_000, "peers": []}
    return made


def picture(index: int, t_ms: float) -> Luma:
    luma = np.full((H, W), 100, np.uint8)
    draw_barcode(luma, index, t_ms)
    return luma


def frame(t_ms: float, *, late_ms: float = 20.0, index: int = 1, early_s: float = 0.0, black: bool = False) -> Frame:
    there = 2000 <= t_ms < 8000 and not black
    row = picture(index, t_ms - late_ms)[H * 47 // 100] if there else np.zeros(W, np.uint8)
    return Frame(t_ms / 1000, early_s, (row,))


TIMES = [n * 100 / 3 for n in range(300)]
RIGHT = [frame(t) for t in TIMES]


def test_what_is_right_passes(preview: Preview) -> None:
    check_played(preview, STREAM, RIGHT, 0.0, 10.0)


WRONG = {
    "late": [frame(t, late_ms=160 if 3000 < t < 3100 else 20) for t in TIMES],
    "from the future": [frame(t, late_ms=-120 if 3000 < t < 3100 else 20) for t in TIMES],
    "somebody else": [frame(t, index=2 if 3000 < t < 3100 else 1) for t in TIMES],
    "illegible": [frame(t, black=3000 < t < 3300) for t in TIMES],
    "shown early": [frame(t, early_s=0.3 if 3000 < t < 3100 else 0) for t in TIMES],
    "a picture while absent": [*RIGHT[:30], Frame(1.0, 0.0, RIGHT[90].rows), *RIGHT[31:]],
    "a frame that comes back": [*RIGHT[:100], RIGHT[98], *RIGHT[100:]],
    "late in beginning": RIGHT[30:],
    "broken off": RIGHT[:270],
    "nothing": [],
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(preview: Preview, what: str) -> None:
    with pytest.raises(AssertionError):
        check_played(preview, STREAM, WRONG[what], 0.0, 10.0)


def test_nothing_is_asked_where_packets_are_missing(preview: Preview) -> None:
    check_played(preview, STREAM, [frame(t, black=5000 < t < 5500) for t in TIMES], 0.0, 10.0)


def test_a_drawn_player_is_read_where_it_can_be(preview: Preview) -> None:
    seen = read_shown(preview, STREAM, Shown(4.0, 4.0, picture(1, 3980)), 4000)
    assert seen is not None
    assert (seen.index, seen.off_ms) == (1, -20)
    assert read_shown(preview, STREAM, Shown(1.0, 1.0, np.zeros((H, W), np.uint8)), 1000) is None
    with pytest.raises(AssertionError):
        read_shown(preview, STREAM, Shown(4.0, 4.0, np.zeros((H, W), np.uint8)), 4000)


def test_black_is_told_from_a_picture() -> None:
    assert is_black(np.zeros((H, W), np.uint8))
    assert not is_black(picture(1, 0))


def test_windows_hold_enough_beeps_that_have_a_picture(preview: Preview) -> None:
    windows = list(beep_windows(preview, [STREAM], 3000, 2))
    assert len(windows) == 1
    begin, end = windows[0]
    assert sum(begin < ms < end for ms in (3000, 4000, 6000)) >= 2
