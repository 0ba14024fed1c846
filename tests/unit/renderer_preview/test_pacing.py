"""Which frames are encoded afresh before a held picture changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from renderer.pacing import HOLD_S, LEAD_S, brisk, context, hold_frames

FPS = 30
LEAD = round(LEAD_S * FPS)


def test_the_last_second_before_a_return_is_brisk() -> None:
    ids = np.repeat([-1, 7], [90, 30])
    assert np.flatnonzero(brisk(ids, FPS)).tolist() == list(range(90 - LEAD, 90))


def test_a_stretch_that_is_not_held_stays_as_it_is() -> None:
    ids = np.repeat(np.arange(10), hold_frames(FPS))
    assert not brisk(ids, FPS).any()


def test_a_stretch_without_an_end_in_sight_is_held() -> None:
    assert not brisk(np.zeros(400, np.int64), FPS).any()


@given(st.lists(st.integers(1, 80), min_size=1, max_size=12), st.integers(1, 6), st.integers(0, 400))
def test_a_segment_paces_as_the_whole_does(lengths: list[int], seconds: int, at: int) -> None:
    """What a segment knows around itself is enough: its frames are paced as in the whole stream, its first
    `HOLD_S` aside, where a stretch that began before it is not seen to be long."""
    ids = np.repeat(np.arange(len(lengths)), lengths)
    frames = range(min(at, len(ids) - 1), min(at + seconds * FPS, len(ids)))
    around = context(frames, FPS, len(ids))
    mine = brisk(ids[around.start : around.stop], FPS)[frames.start - around.start :][: len(frames)]
    whole = brisk(ids, FPS)[frames.start : frames.stop]
    assert len(mine) == len(frames)
    assert not (mine & ~whole).any()
    assert HOLD_S < LEAD_S
    assert (mine == whole).all()
