"""Which row is on screen when: the loss policies and the nearest tick."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.sampler import FREEZE_LIMIT_US, NOTHING, LossPolicy, rows_on_screen, showable
from tests.support.indexes import video_index


def shown(times_ms: list[float], policy: LossPolicy, **what: list[int]) -> list[int]:
    return np.flatnonzero(showable(video_index(times_ms, **what), policy)).tolist()


def test_freeze_shows_clean_rows_and_after_five_seconds_what_decodes() -> None:
    times = [0, 1000, 2000, 6000, 6001, 7000, 8000]
    assert shown(times, "freeze", lost=[2], keys=[0, 6]) == [0, 1, 4, 5, 6]


def test_freeze_counts_from_each_last_clean_picture_anew() -> None:
    times = [0, 100, 4000, 4100, 9000, 9101]
    assert shown(times, "freeze", keys=[0, 2], lost=[1, 3]) == [0, 2, 5]


def test_hold_waits_for_the_next_keyframe_however_long() -> None:
    assert shown([0, 1000, 2000, 60_000, 70_000], "hold", lost=[1], keys=[0, 4]) == [0, 4]


def test_conceal_shows_all_that_comes_after_the_first_whole_keyframe() -> None:
    assert shown([0, 1000, 2000, 3000], "conceal", keys=[1], lost=[2]) == [1, 2, 3]


@pytest.mark.parametrize("policy", ["freeze", "hold", "conceal"])
def test_nothing_before_the_first_whole_keyframe(policy: LossPolicy) -> None:
    assert shown([0, 4000, 9000, 9033], policy, keys=[0, 3], lost=[0]) == [3]
    assert shown([0, 9000], policy, keys=[]) == []
    assert shown([], policy) == []


def test_a_picture_lands_on_its_nearest_tick() -> None:
    index = video_index([0.0, 49.9, 66.0, 83.4])
    ticks = np.array([0, 33_333, 66_666, 100_000])
    rows = rows_on_screen(index, showable(index, "freeze"), ticks, 16_666)
    assert rows.tolist() == [0, 1, 2, 3]


def test_jitter_around_the_ticks_neither_doubles_nor_drops() -> None:
    rng = np.random.default_rng(1)
    ticks = np.arange(300) * 1_000_000 // 30
    index = video_index(((ticks + rng.integers(-12_000, 12_000, 300)) / 1000).tolist())
    assert rows_on_screen(index, showable(index, "freeze"), ticks, 16_666).tolist() == list(range(300))


def test_before_the_first_picture_there_is_nothing() -> None:
    index = video_index([1000.0])
    rows = rows_on_screen(index, showable(index, "freeze"), np.array([0, 979_999, 980_000, 2_000_000]), 20_000)
    assert rows.tolist() == [NOTHING, NOTHING, 0, 0]
    none = video_index([0.0], keys=[])
    assert rows_on_screen(none, showable(none, "hold"), np.array([5]), 0).tolist() == [NOTHING]


rows_of_a_track = st.lists(
    st.tuples(st.integers(0, 3000), st.booleans(), st.sampled_from([True] * 8 + [False])), max_size=60
)


@settings(deadline=None)
@given(rows_of_a_track, st.sampled_from(["freeze", "hold", "conceal"]), st.integers(0, 40_000))
def test_rows_never_go_back_and_are_never_ones_that_may_not_be_shown(
    made: list[tuple[int, bool, bool]], policy: LossPolicy, tolerance_us: int
) -> None:
    times = np.cumsum([step for step, _, _ in made]).tolist()
    keys = [row for row, (_, key, _) in enumerate(made) if key]
    lost = [row for row, (_, _, whole) in enumerate(made) if not whole]
    index = video_index(times, keys=keys, lost=lost)
    may = showable(index, policy)
    ticks = np.arange(0, int(times[-1] * 1000) + 2 if times else 2, 250_000)
    rows = rows_on_screen(index, may, ticks, tolerance_us)
    assert (np.diff(rows) >= 0).all()
    seen = rows[rows != NOTHING]
    assert may[seen].all()
    assert (index.time_us[seen] <= ticks[rows != NOTHING] + tolerance_us).all()
    if policy == "freeze":
        for row, t in zip(seen, ticks[rows != NOTHING], strict=True):
            too_long = index.time_us[row] + FREEZE_LIMIT_US
            assert not ((index.time_us > too_long) & (index.time_us <= t)).any(), "it decodes, and is not shown"


@given(
    pictures=st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=30),
    ticks_ms=st.lists(st.integers(-50, 350), max_size=12),
)
def test_it_is_the_last_showable_picture_whatever_part_is_asked_for(
    pictures: list[tuple[int, bool]], ticks_ms: list[int]
) -> None:
    pictures.sort(key=lambda picture: picture[0])
    index = video_index([float(t_ms) for t_ms, _ in pictures])
    may_show = np.array([may for _, may in pictures], np.bool_)
    found = rows_on_screen(index, may_show, np.array(ticks_ms, np.int64) * 1000, 0)
    expected = [
        max((row for row, (t_ms, may) in enumerate(pictures) if may and t_ms <= tick), default=NOTHING)
        for tick in ticks_ms
    ]
    assert found.tolist() == expected
