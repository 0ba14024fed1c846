from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compositing.colour import YUV, bars, placeholder, yuv

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / "colour.json").read_text("utf-8"))


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


@pytest.mark.parametrize("case", GOLDEN["derived"], ids=lambda case: case["background"])
def test_the_shared_vectors_of_derived_colours(case: dict[str, str]) -> None:
    assert bars(case["background"]) == yuv(case["bars"])
    assert placeholder(case["background"]) == yuv(case["placeholder"])
