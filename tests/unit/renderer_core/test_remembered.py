"""Pictures that are kept: the same as decoded, copies, and no more than so many bytes of them."""

from __future__ import annotations

import numpy as np

from compositing.picture import Picture
from renderer.remembered import PictureMemory, PictureName

SIZE = 64 * 32 * 3 // 2


class Counting:
    """Shows one picture, again and again into the same memory, and counts how often."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self._shown = Picture.blank(64, 32)

    def picture(self, row: int) -> Picture | None:
        self.asked.append(row)
        self._shown.y[:] = max(0, row)
        return self._shown if row >= 0 else None


def name(row: int) -> PictureName:
    return "track", "", "freeze", row


def test_a_picture_is_decoded_once_and_stays_as_it_was() -> None:
    memory, player = PictureMemory(10 * SIZE), Counting()
    first = memory.picture(name(1), player, 1)
    memory.picture(name(2), player, 2)
    again = memory.picture(name(1), player, 1)
    assert first is not None
    assert again is first
    assert np.unique(first.y).tolist() == [1]
    assert player.asked == [1, 2]


def test_that_there_is_no_picture_is_remembered_too() -> None:
    memory, player = PictureMemory(SIZE), Counting()
    assert memory.picture(name(-1), player, -1) is None
    assert memory.picture(name(-1), player, -1) is None
    assert player.asked == [-1]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    memory, player = PictureMemory(2 * SIZE), Counting()
    for row in (1, 2, 1, 3, 1, 2):
        memory.picture(name(row), player, row)
    assert player.asked == [1, 2, 3, 2]


def test_another_track_policy_or_intermediate_is_another_picture() -> None:
    memory, player = PictureMemory(10 * SIZE), Counting()
    for other in (name(1), ("other", "", "freeze", 1), ("track", "x", "freeze", 1), ("track", "", "hold", 1)):
        memory.picture(other, player, 1)
    assert len(player.asked) == 4
