from __future__ import annotations

import pytest

from compositing.colour import YUV, bars, placeholder, yuv


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("#000000", (16, 128, 128)),
        ("#ffffff", (235, 128, 128)),
        ("#808080", (126, 128, 128)),
        ("#ff0000", (81, 90, 240)),
        ("#00ff00", (145, 54, 34)),
        ("#0000ff", (41, 240, 110)),
    ],
)
def test_primaries_are_those_of_bt_601(colour: str, expected: YUV) -> None:
    assert yuv(colour) == expected


@pytest.mark.parametrize("colour", ["", "#fff", "101418", "#10141", "#gggggg", "red"])
def test_other_spellings_are_refused(colour: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|no colour"):
        yuv(colour)


@pytest.mark.parametrize("background", ["#101418", "#000000", "#808080", "#f0f0f0", "#ffffff"])
def test_a_tile_without_a_picture_is_set_off_from_any_background(background: str) -> None:
    assert abs(placeholder(background)[0] - yuv(background)[0]) >= 8
    assert bars(background)[0] <= yuv(background)[0]
