from __future__ import annotations

import pytest

from compositing.avatars import avatar_rgb, initials

MIN_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, of white text."""


def luminance(rgb: tuple[int, int, int]) -> float:
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_white_is_readable_on_every_colour_and_peers_differ() -> None:
    colours = {avatar_rgb(f"peer-{i}") for i in range(500)}
    assert len(colours) == 20
    assert min(1.05 / (luminance(colour) + 0.05) for colour in colours) >= MIN_CONTRAST


def test_the_colour_of_a_peer_never_changes() -> None:
    assert avatar_rgb("peer-1") == avatar_rgb("peer-1")
    assert avatar_rgb("") != avatar_rgb("peer-1") or avatar_rgb("a") != avatar_rgb("b")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Lovelace", "AL"),
        ("ada", "A"),
        ("Ada King of Lovelace", "AL"),
        ("ärnst öl", "ÄÖ"),
        ("(guest) bob", "GB"),
        ("Дмитрий Менделеев", "ДМ"),
        ("李小龍", "李"),
        ("さくら 田中", "さ"),
        ("محمد علي", "م"),
        ("अर्जुन क्षत्रिय", "अ"),
        ("क्षत्रिय", "क्ष"),
        ("👩‍💻 Zoë", "👩‍💻"),
        ("ßtraße", "ß"),
        ("e\u0301mile", "É"),
        ("Room 12", "R"),
        ("42", "4"),
        ("...", "?"),
        ("", "?"),
        ("\u202e\x00", "?"),
    ],
)
def test_initials_are_one_or_two_graphemes(name: str, expected: str) -> None:
    assert initials(name) == expected
