"""The barcode survives what a renderer does to a picture, and nothing else is taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.barcode import WRAP_MS, Luma, draw_barcode, read_barcode


def resized(luma: Luma, w: int, h: int, how: int = cv2.INTER_LINEAR) -> Luma:
    return np.ascontiguousarray(cv2.resize(luma, (w, h), interpolation=how), np.uint8)


def picture(index: int, time_ms: float, w: int = 640, h: int = 360, seed: int = 0) -> Luma:
    coarse = np.random.default_rng(seed).integers(60, 180, (6, 10), np.uint8)
    luma = resized(coarse, w, h, cv2.INTER_CUBIC)
    draw_barcode(luma, index, time_ms)
    return luma


@given(index=st.integers(0, 15), ticks=st.integers(0, 65535), rest=st.floats(0, 9.99))
def test_what_was_drawn_is_read(index: int, ticks: int, rest: float) -> None:
    luma = picture(index, ticks * 10 + rest, 320, 180)
    assert read_barcode(luma, 0, 0, 320, 180) == (index, ticks * 10)


def test_time_wraps() -> None:
    assert read_barcode(picture(3, WRAP_MS + 120), 0, 0, 640, 360) == (3, 120)


@pytest.mark.parametrize("source", [(320, 180), (640, 480), (1280, 720), (360, 640)])
@pytest.mark.parametrize("width", [240, 241, 333, 480, 960])
def test_scaled_moved_dimmed_and_noisy(source: tuple[int, int], width: int) -> None:
    rng = np.random.default_rng(width)
    height = round(width * source[1] / source[0])
    for trial in range(8):
        index, ticks = int(rng.integers(16)), int(rng.integers(65536))
        small = resized(picture(index, ticks * 10, *source, seed=trial), width, height)
        canvas = np.full((height + 60, width + 80), 20.0)
        canvas[31 : 31 + height, 43 : 43 + width] = 0.75 * small + 20
        canvas += rng.normal(0, 12, canvas.shape)
        seen = read_barcode(np.clip(canvas, 0, 255).astype(np.uint8), 43, 31, width, height)
        assert seen == (index, ticks * 10)


def test_the_rectangle_may_be_a_pixel_off_and_reach_outside() -> None:
    luma = picture(5, 1230)[:, 100:540]
    assert read_barcode(luma, -101, 1, 641, 360) == (5, 1230)


def test_a_code_outside_of_the_frame_is_none() -> None:
    assert read_barcode(picture(5, 1230)[:, 200:], -200, 0, 640, 360) is None
    assert read_barcode(picture(5, 1230), 0, 300, 640, 360) is None


def test_pictures_without_code_are_not_read() -> None:
    rng = np.random.default_rng(7)
    readings = [
        read_barcode(resized(rng.integers(0, 256, (9, 16), np.uint8), 640, 360), 0, 0, 640, 360)
        for _ in range(500)
    ]
    assert readings.count(None) >= 499
    assert read_barcode(np.full((360, 640), 16, np.uint8), 0, 0, 640, 360) is None


def test_one_wrong_cell_is_noticed() -> None:
    for cell in range(24):
        luma = picture(9, 43210)
        x = round(640 * (0.25 + 0.5 * (cell + 0.5) / 24))
        columns = slice(x - 5, x + 5)
        luma[:, columns] = 251 - luma[165, x]
        assert read_barcode(luma, 0, 0, 640, 360) is None
