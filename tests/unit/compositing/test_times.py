"""Spans as sets of milliseconds, and the exact grid of frames."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.times import SAMPLE_RATE, FrameGrid, Span, clip_all, clip_sorted, merge, subtract

SPANS = st.lists(st.builds(Span, st.integers(0, 60), st.integers(0, 60)), max_size=8)
FPS = st.integers(1, 60)
TIMES = st.integers(0, 20_000_000)


def covered(spans: object) -> set[int]:
    return {t for span in spans for t in range(span.start_ms, span.end_ms)}  # type: ignore[attr-defined]


@given(SPANS)
def test_merge_covers_the_same_with_sorted_spans_that_do_not_touch(spans: list[Span]) -> None:
    merged = merge(spans)
    assert covered(merged) == covered(spans)
    assert all(a.end_ms < b.start_ms for a, b in itertools.pairwise(merged))
    assert merge(merged) == merged


@given(SPANS, SPANS)
def test_subtract_leaves_what_no_hole_covers(spans: list[Span], holes: list[Span]) -> None:
    left = subtract(spans, holes)
    assert covered(left) == covered(spans) - covered(holes)
    assert merge(left) == left


@given(SPANS, st.integers(0, 60), st.integers(0, 60))
def test_clipping_sorted_spans_is_clipping(spans: list[Span], a: int, b: int) -> None:
    window = Span(a, b)
    assert clip_sorted(merge(spans), window) == clip_all(merge(spans), window)
    assert covered(clip_all(spans, window)) == covered(spans) & covered([window])


def test_a_span_is_half_open_and_an_empty_one_is_falsy() -> None:
    assert 5 in Span(5, 9)
    assert 8.999 in Span(5, 9)
    assert 9 not in Span(5, 9)
    assert not Span(5, 5)
    assert not Span(0, 5).clip(Span(7, 9))


@given(FPS, TIMES)
def test_the_first_frame_at_or_after_an_instant_and_the_one_on_screen(fps: int, t_ms: int) -> None:
    grid, t = FrameGrid(fps), Fraction(t_ms, 1000)
    first, shown = grid.first_at_or_after(t_ms), grid.shown_at(t_ms)
    assert Fraction(first - 1, fps) < t <= Fraction(first, fps)
    assert Fraction(shown, fps) <= t < Fraction(shown + 1, fps)


@given(FPS, st.lists(TIMES, min_size=2, max_size=6).map(sorted))
def test_the_frames_of_neighbouring_spans_follow_each_other(fps: int, cuts: list[int]) -> None:
    grid = FrameGrid(fps)
    frames = [n for a, b in itertools.pairwise(cuts) for n in (grid.frames_in(Span(a, b))[:1])]
    assert frames == sorted(frames)
    lengths = sum(len(grid.frames_in(Span(a, b))) for a, b in itertools.pairwise(cuts))
    assert lengths == len(grid.frames_in(Span(cuts[0], cuts[-1])))


@given(FPS, st.integers(0, 1_000_000))
def test_frames_stand_where_they_should_without_drift(fps: int, n: int) -> None:
    grid = FrameGrid(fps)
    assert grid.time_us(n) == Fraction(n * 1_000_000, fps).__floor__()
    assert grid.time_ms(n) == pytest.approx(n * 1000 / fps)
    assert grid.first_sample(n) == Fraction(n * SAMPLE_RATE, fps).__floor__()


@given(FPS, st.integers(0, 10_000))
def test_eight_seconds_are_a_whole_number_of_frames_and_of_aac_frames(fps: int, k: int) -> None:
    grid = FrameGrid(fps)
    assert grid.frames_in(Span(8000 * k, 8000 * (k + 1))) == range(k * 8 * fps, (k + 1) * 8 * fps)
    assert grid.first_sample(k * 8 * fps) == k * 375 * 1024
