"""Rounding, tiling, and fitting a picture into a rectangle."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.geometry import (
    AUTO_COVER_MIN_VISIBLE,
    Fit,
    NormRect,
    Rect,
    Size,
    even,
    even_rect,
    fit_picture,
    to_pixels,
    visible_share,
)

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / "fit.json").read_text("utf-8"))

FITS = st.sampled_from(get_args(Fit))
SOURCES = st.builds(Size, st.integers(1, 4096), st.integers(1, 4096))
EVEN_SIDES = st.integers(1, 2048).map(lambda half: 2 * half)
TARGETS = st.builds(
    Rect, st.integers(0, 500).map(lambda v: 2 * v), st.integers(0, 500).map(lambda v: 2 * v), EVEN_SIDES, EVEN_SIDES
)


@st.composite
def norm_rects(draw: st.DrawFn) -> NormRect:
    x, y = draw(st.floats(0, 0.999)), draw(st.floats(0, 0.999))
    return NormRect(x, y, draw(st.floats(1e-6, 1 - x)), draw(st.floats(1e-6, 1 - y)))


def inside(inner: Rect, outer: Rect) -> bool:
    return outer.x <= inner.x <= inner.right <= outer.right and outer.y <= inner.y <= inner.bottom <= outer.bottom


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (0.99, 0), (1, 2), (1.01, 2), (2.99, 2), (3, 4), (-1, 0), (-1.01, -2)]
)
def test_a_coordinate_is_rounded_half_up_to_an_even_number(value: float, expected: int) -> None:
    assert even(value) == expected


@given(st.lists(st.floats(3.0, 400.0), min_size=1, max_size=12))
def test_tiles_that_share_their_edges_leave_no_gap_and_no_overlap(widths: list[float]) -> None:
    edges = [0.0]
    for width in widths:
        edges.append(edges[-1] + width)
    rects = [even_rect(a, 0.0, b - a, 10.0) for a, b in itertools.pairwise(edges)]
    # The sum a + (b - a) can miss b by a rounding of floats, which matters only on the very edge of `even`.
    for left, right in itertools.pairwise(rects):
        assert abs(left.right - right.x) <= (0 if _clear_of_a_tie(right, edges) else 2)


def _clear_of_a_tie(rect: Rect, edges: list[float]) -> bool:
    return all(abs((edge + 1) % 2) > 1e-6 and abs((edge + 1) % 2 - 2) > 1e-6 for edge in edges)


@given(norm_rects(), EVEN_SIDES, EVEN_SIDES)
def test_a_normalised_rectangle_inside_the_frame_is_inside_the_canvas_in_pixels(norm: NormRect, w: int, h: int) -> None:
    rect = to_pixels(norm, Size(w, h))
    assert inside(rect, Rect(0, 0, w, h))
    assert all(value % 2 == 0 for value in (rect.x, rect.y, rect.w, rect.h))
    assert min(rect.w, rect.h) >= 2


@given(SOURCES, TARGETS, FITS, st.none() | norm_rects())
def test_the_part_lies_in_the_source_and_the_place_in_the_target(
    source: Size, target: Rect, fit: Fit, crop: NormRect | None
) -> None:
    part, place = fit_picture(source, target, fit, crop)
    assert inside(part, Rect(0, 0, source.w, source.h))
    assert inside(place, target)
    assert min(part.w, part.h) >= 1
    assert min(place.w, place.h) >= 2
    assert all(value % 2 == 0 for value in (part.x, part.y, place.x, place.y, place.w, place.h))


@given(SOURCES, TARGETS, FITS)
def test_an_even_source_is_cut_on_whole_chroma_samples(source: Size, target: Rect, fit: Fit) -> None:
    part, _ = fit_picture(Size(2 * source.w, 2 * source.h), target, fit)
    assert all(value % 2 == 0 for value in (part.x, part.y, part.w, part.h))


@given(SOURCES, TARGETS)
def test_cover_fills_the_target_contain_shows_the_whole_source_fill_does_both(source: Size, target: Rect) -> None:
    whole = Rect(0, 0, source.w, source.h)
    assert fit_picture(source, target, "cover")[1] == target
    assert fit_picture(source, target, "contain")[0] == whole
    assert fit_picture(source, target, "fill") == (whole, target)


@given(st.integers(100, 2000), st.integers(100, 2000), st.integers(50, 1000), st.integers(50, 1000))
def test_cover_and_contain_keep_the_proportions_of_the_picture(sw: int, sh: int, tw: int, th: int) -> None:
    target = Rect(0, 0, 2 * tw, 2 * th)
    for fit in ("cover", "contain"):
        part, place = fit_picture(Size(sw, sh), target, fit)
        # Each side is within a pixel of the exact one, or at the least size of two.
        x, y = place.w / part.w, place.h / part.h
        slack = 2 * (1 / min(place.w, part.w) + 1 / min(place.h, part.h))
        assert abs(x / y - 1) <= slack


@given(SOURCES, TARGETS)
def test_auto_covers_while_enough_of_the_source_stays_visible(source: Size, target: Rect) -> None:
    share = visible_share(Rect(0, 0, source.w, source.h), target)
    expected: Fit = "cover" if share >= AUTO_COVER_MIN_VISIBLE else "contain"
    assert fit_picture(source, target, "auto") == fit_picture(source, target, expected)


@pytest.mark.parametrize(
    ("sentence", "source", "expected"),
    [
        ("a 16:9 camera fills a 16:9 tile", Size(1280, 720), Rect(0, 0, 640, 360)),
        ("a 4:3 camera is cut a little", Size(640, 480), Rect(0, 0, 640, 360)),
        ("a portrait phone is not beheaded", Size(360, 640), Rect(220, 0, 202, 360)),
    ],
)
def test_auto_in_a_landscape_tile(sentence: str, source: Size, expected: Rect) -> None:
    assert fit_picture(source, Rect(0, 0, 640, 360), "auto")[1] == expected, sentence


@pytest.mark.parametrize("case", GOLDEN["fit"], ids=lambda case: "{source}-{target}-{fit}".format(**case))
def test_the_shared_vectors_of_fit(case: dict[str, Any]) -> None:
    crop = NormRect(*case["crop"]) if case["crop"] else None
    part, place = fit_picture(Size(*case["source"]), Rect(*case["target"]), case["fit"], crop)
    assert [part.x, part.y, part.w, part.h] == case["part"]
    assert [place.x, place.y, place.w, place.h] == case["place"]


@pytest.mark.parametrize("case", GOLDEN["even_rect"])
def test_the_shared_vectors_of_rounding(case: dict[str, Any]) -> None:
    rect = even_rect(*case["edges"])
    assert [rect.x, rect.y, rect.w, rect.h] == case["rect"]


@pytest.mark.parametrize("case", GOLDEN["to_pixels"])
def test_the_shared_vectors_of_fractions(case: dict[str, Any]) -> None:
    rect = to_pixels(NormRect(*case["norm"]), Size(*case["canvas"]))
    assert [rect.x, rect.y, rect.w, rect.h] == case["rect"]
