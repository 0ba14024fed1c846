"""Lines in capitals stand for Hebrew, as in the examples of UAX #9; what is checked is the drawn order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.bidi import base_level, levels, visual_order

_HEBREW = {chr(ord("A") + i): chr(0x05D0 + i) for i in range(26)}
_LATIN = {hebrew: capital for capital, hebrew in _HEBREW.items()}
_MIRRORED = str.maketrans("()[]", ")(][")


def drawn(line: str) -> str:
    clusters = [_HEBREW.get(c, c) for c in line]
    level = levels(clusters)
    shown = [
        clusters[i].translate(_MIRRORED) if level[i] % 2 else clusters[i] for i in visual_order(level)
    ]
    return "".join(_LATIN.get(c, c) for c in shown)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ada lovelace", "ada lovelace"),
        ("DAVID", "DIVAD"),
        ("bob DAVID COHEN smith", "bob NEHOC DIVAD smith"),
        ("DAVID bob", "bob DIVAD"),
        ("DAVID 12", "12 DIVAD"),
        ("DAVID 1,234.5", "1,234.5 DIVAD"),
        ("DAVID -5%", "5%- DIVAD"),
        ("DAVID (host)", "(host) DIVAD"),
        ("DAVID (host) 12", "12 (host) DIVAD"),
        ("DAVID (COHEN)", "(NEHOC) DIVAD"),
        ("bob (DAVID)", "bob (DIVAD)"),
        ("bob (DAVID smith)", "bob (DIVAD smith)"),
        ("bob 12 DAVID", "bob 12 DIVAD"),
        ("bob DAVID 12", "bob 12 DIVAD"),
        ("bob!", "bob!"),
        ("DAVID!", "!DIVAD"),
        ("12 - 34", "12 - 34"),
        ("", ""),
    ],
)
def test_lines_are_drawn_in_visual_order(line: str, expected: str) -> None:
    assert drawn(line) == expected


def test_the_first_strong_character_decides_the_direction() -> None:
    assert base_level(list("12 שa")) == 1
    assert base_level(list("12 aש")) == 0
    assert base_level(list("12")) == 0


@given(st.text(alphabet="abAB12 ,.-+%()[]!אבاب٠"))
def test_the_visual_order_is_a_permutation(text: str) -> None:
    order = visual_order(levels(list(text)))
    assert sorted(order) == list(range(len(text)))


@given(st.text(alphabet="abcXYZ .,()"))
def test_latin_lines_stay_as_they_are(text: str) -> None:
    assert levels(list(text)) == [0] * len(text)
