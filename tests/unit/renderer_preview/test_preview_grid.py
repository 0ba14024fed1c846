"""Segments tile the recording, its frames, its AAC frames and its waveform, whatever its length."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.preview_grid import SegmentGrid

AAC = 1024
grids = st.builds(
    SegmentGrid,
    seconds=st.sampled_from([2, 4]),
    fps=st.just(30),
    duration_ms=st.integers(0, 4 * 3600 * 1000),
)


@given(grids)
def test_segments_tile_the_frames_of_the_recording(grid: SegmentGrid) -> None:
    frames = [grid.frames(k) for k in range(1, grid.count + 1)]
    assert frames[0].start == 0
    assert all(a.stop == b.start for a, b in pairwise(frames))
    assert all(len(f) == grid.seconds * grid.fps for f in frames[:-1])
    assert 0 < len(frames[-1]) <= grid.seconds * grid.fps
    assert frames[-1].stop == grid.total_frames


@given(grids)
def test_the_last_frame_is_the_last_one_inside_of_the_recording(grid: SegmentGrid) -> None:
    last_ms = (grid.total_frames - 1) * 1000 / grid.fps
    assert last_ms < grid.duration_ms or grid.total_frames == 1
    assert grid.total_frames * 1000 / grid.fps >= grid.duration_ms


@given(grids)
def test_segment_k_begins_at_its_place_on_the_grid(grid: SegmentGrid) -> None:
    for k in {1, 2, grid.count} & set(range(1, grid.count + 1)):
        assert grid.frames(k).start == (k - 1) * grid.seconds * grid.fps
        assert grid.span(k).start_ms == (k - 1) * grid.seconds * 1000


@given(grids)
def test_sound_is_continuous_and_begins_at_the_first_whole_frame_in_each_segment(grid: SegmentGrid) -> None:
    aac = [grid.aac_frames(k) for k in range(1, grid.count + 1)]
    assert aac[0].start == 0
    assert all(a.stop == b.start for a, b in pairwise(aac))
    for k, frames in enumerate(aac):
        assert 0 <= frames.start * AAC - k * grid.seconds * 48_000 < AAC
        assert len(frames) > 0
    assert 0 <= aac[-1].stop * AAC - grid.total_frames * 48_000 // grid.fps < AAC


@given(grids)
def test_the_waveform_is_continuous_and_reaches_to_the_end(grid: SegmentGrid) -> None:
    bins = [grid.peaks(k) for k in range(1, grid.count + 1)]
    assert bins[0].start == 0
    assert all(a.stop == b.start for a, b in pairwise(bins))
    assert 0 <= bins[-1].stop / 20 - grid.total_frames / grid.fps < 1 / 20


@given(grids)
def test_lengths_add_up_to_the_recording(grid: SegmentGrid) -> None:
    lengths = [grid.length_s(k) for k in range(1, grid.count + 1)]
    assert all(length == grid.seconds for length in lengths[:-1])
    assert sum(lengths) == pytest.approx(grid.total_frames / grid.fps)


@pytest.mark.parametrize(
    ("duration_ms", "seconds", "count", "last"),
    [(60_000, 4, 15, 120), (60_001, 4, 16, 1), (59_999, 4, 15, 120), (1, 2, 1, 1), (0, 2, 1, 1), (2033, 2, 2, 1)],
)
def test_counts_at_the_edges(duration_ms: int, seconds: int, count: int, last: int) -> None:
    grid = SegmentGrid(seconds, 30, duration_ms)
    assert (grid.count, len(grid.frames(count))) == (count, last)
