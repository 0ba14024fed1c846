from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.rtp.reorder import WINDOW_PACKETS, reorder
from renderer.rtp.sequence import unwrap, unwrap_sequence, unwrap_ticks


def ints(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


SEQUENCES = [
    ("rising numbers stay", [1, 2, 3], [1, 2, 3]),
    ("a wrap goes on", [65_534, 65_535, 0, 1], [65_534, 65_535, 65_536, 65_537]),
    ("a late packet from before a wrap", [65_535, 1, 0], [65_535, 65_537, 65_536]),
    ("a first packet that was overtaken goes below", [0, 65_535, 1], [0, -1, 1]),
    ("a loss of 1000", [1, 1002], [1, 1002]),
    ("a stream begun anew goes on forwards", [50_000, 50_001, 10, 11], [50_000, 50_001, 65_546, 65_547]),
]


@pytest.mark.parametrize(("raw", "whole"), [c[1:] for c in SEQUENCES], ids=[c[0] for c in SEQUENCES])
def test_sequence_numbers_are_made_whole(raw: list[int], whole: list[int]) -> None:
    found, stray = unwrap_sequence(ints(*raw))
    assert found.tolist() == whole
    assert not stray.any()


def test_a_lone_number_far_from_both_neighbours_is_a_stray() -> None:
    found, stray = unwrap_sequence(ints(1, 2, 40_000, 3, 4))
    assert stray.tolist() == [False, False, True, False, False]
    assert found[~stray].tolist() == [1, 2, 3, 4]


@given(st.integers(0, 65_535), st.lists(st.integers(-100, 2_000), max_size=60))
def test_whatever_was_sent_in_order_comes_back(first: int, steps: list[int]) -> None:
    sent = first + np.cumsum([0, *steps])
    found, stray = unwrap_sequence(sent % 65_536)
    assert not stray.any()
    assert (found == sent).all()
    assert (found % 65_536 == sent % 65_536).all()


@given(st.lists(st.integers(0, 65_535), max_size=60))
def test_any_numbers_stay_equal_modulo_their_width(raw: list[int]) -> None:
    found, stray = unwrap_sequence(ints(*raw))
    assert (found[~stray] % 65_536 == ints(*raw)[~stray]).all()
    assert (unwrap(ints(*raw), 16) % 65_536 == ints(*raw)).all()


def test_timestamps_wrap_forwards_and_may_step_back_a_little() -> None:
    top = (1 << 32) - 1
    assert unwrap_ticks(ints(top - 9, 0, top, 5), 100).tolist() == [top - 9, top + 1, top, top + 6]


def test_a_timestamp_that_begins_anew_goes_on_forwards() -> None:
    assert unwrap_ticks(ints(1_000_000, 5, 10), 100).tolist() == [1_000_000, (1 << 32) + 5, (1 << 32) + 10]


def test_packets_are_put_in_order_and_each_number_kept_once() -> None:
    found = reorder(ints(1, 3, 2, 3, 4, 1))
    assert found.order.tolist() == [0, 2, 1, 4]
    assert (found.duplicates, found.reordered, found.late) == (2, 1, 0)


def test_a_packet_behind_the_window_is_dropped() -> None:
    sent = [*range(5), *range(6, WINDOW_PACKETS + 7), 5]
    found = reorder(ints(*sent))
    assert found.late == 1
    assert 5 not in np.array(sent)[found.order]
    assert reorder(ints(*sent[:-2], 5)).late == 0


@given(st.permutations(range(40)))
def test_every_packet_within_the_window_survives_any_order(sent: list[int]) -> None:
    found = reorder(ints(*sent))
    assert np.array(sent)[found.order].tolist() == list(range(40))


def test_nothing_in_gives_nothing_out() -> None:
    assert len(reorder(ints()).order) == 0
    assert len(unwrap_sequence(ints())[0]) == 0
    assert len(unwrap_ticks(ints(), 100)) == 0
