"""Every layout on every canvas, and what each is for."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.geometry import Rect, Size
from compositing.layouts import LAYOUTS, LayoutFrame, Source
from compositing.layouts.base import layout

CANVASES = [
    Size(1920, 1080),
    Size(1280, 720),
    Size(1080, 1920),
    Size(1080, 1080),
    Size(2560, 1080),
    Size(16, 16),
    Size(16, 4096),
    Size(4096, 4096),
]
HD = Size(1920, 1080)
SIDES = st.integers(8, 2048).map(lambda half: 2 * half)
OVERLAPPING = {"pip"}


def cameras(count: int) -> list[Source]:
    return [Source(f"p{i}/camera", f"p{i}", "camera") for i in range(count)]


def screen(aspect: float = 16 / 9) -> Source:
    return Source("p0/screenshare", "p0", "screenshare", aspect)


def arrange(name: str, canvas: Size, sources: list[Source], stage: Source | None, gap: int = 8) -> dict[str, Rect]:
    slots = LAYOUTS[name](LayoutFrame.scaled(canvas, gap), sources, stage)
    rects = {slot.tile_id: slot.rect for slot in slots}
    assert len(rects) == len(slots), "a source has one slot"
    return rects


def overlap(a: Rect, b: Rect) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


@pytest.mark.parametrize("name", sorted(LAYOUTS))
@given(
    canvas=st.sampled_from(CANVASES) | st.builds(Size, SIDES, SIDES),
    count=st.integers(0, 40),
    gap=st.integers(0, 200),
    staged=st.sampled_from(["none", "camera", "screen"]),
    aspect=st.floats(0.3, 4.0),
)
def test_tiles_are_even_inside_the_canvas_and_apart(
    name: str, canvas: Size, count: int, gap: int, staged: str, aspect: float
) -> None:
    sources = cameras(count)
    stage: Source | None = sources[-1] if sources and staged == "camera" else None
    if staged == "screen":
        stage = screen(aspect)
        sources = [stage, *sources]
    rects = arrange(name, canvas, sources, stage, gap)
    for rect in rects.values():
        assert all(value % 2 == 0 for value in (rect.x, rect.y, rect.w, rect.h))
        assert min(rect.w, rect.h) >= 2
        assert min(rect.x, rect.y) >= 0
        assert rect.right <= canvas.w
        assert rect.bottom <= canvas.h
    if name not in OVERLAPPING:
        assert not [pair for pair in combinations(rects.values(), 2) if overlap(*pair)]
    if sources and name != "free":
        assert rects, "something is shown"
        assert name == "grid" or stage is None or stage.tile_id in rects, "the stage always has a tile"
    assert rects.keys() <= {source.tile_id for source in sources}


@pytest.mark.parametrize("canvas", CANVASES[:5], ids=str)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 9, 12, 16, 25])
def test_grid_tiles_are_alike_sixteen_to_nine_and_as_large_as_any_grid_allows(canvas: Size, count: int) -> None:
    frame = LayoutFrame.scaled(canvas, 8)
    rects = list(arrange("grid", canvas, cameras(count), None).values())
    assert len(rects) == count
    assert len({(rect.w, rect.h) for rect in rects}) == 1
    assert rects[0].w / rects[0].h == pytest.approx(16 / 9, rel=2 / rects[0].h)
    best = 0.0
    for cols in range(1, count + 1):
        rows = math.ceil(count / cols)
        w = (canvas.w - (cols + 1) * frame.gap) / cols
        h = (canvas.h - (rows + 1) * frame.gap) / rows
        best = max(best, min(w, h * 16 / 9))
    assert best - rects[0].w < 4


def test_the_last_row_of_a_grid_is_centred() -> None:
    rects = list(arrange("grid", HD, cameras(5), None).values())
    top, last = rects[:3], rects[3:]
    assert {rect.y for rect in top} != {rect.y for rect in last}
    left, right = last[0].x, HD.w - last[-1].right
    assert abs(left - right) <= 4


def test_two_people_sit_side_by_side_on_landscape_and_one_above_the_other_on_portrait() -> None:
    a, b = arrange("grid", HD, cameras(2), None).values()
    assert a.y == b.y
    a, b = arrange("grid", Size(1080, 1920), cameras(2), None).values()
    assert a.x == b.x


def test_the_gap_is_a_gap_of_a_1080_line_canvas_and_scales_with_the_short_side() -> None:
    gaps = {}
    for canvas in (HD, Size(3840, 2160), Size(2160, 3840)):
        a, b, *_ = sorted(arrange("grid", canvas, cameras(4), None, gap=12).values(), key=lambda r: (r.y, r.x))
        gaps[canvas] = max(b.x - a.right, b.y - a.bottom)
    assert list(gaps.values()) == [12, 24, 24]


@pytest.mark.parametrize(
    ("canvas", "edge"),
    [(HD, "below"), (Size(1080, 1920), "below"), (Size(1080, 1080), "below"), (Size(2560, 1080), "beside")],
    ids=str,
)
def test_the_speakers_strip_lies_where_the_speaker_is_largest(canvas: Size, edge: str) -> None:
    people = cameras(4)
    rects = arrange("speaker", canvas, people, people[0])
    large, *strip = rects.values()
    assert all((r.y >= large.bottom) if edge == "below" else (r.x >= large.right) for r in strip)
    assert all(large.w * large.h > 4 * r.w * r.h for r in strip) or canvas.h > canvas.w


def test_a_four_by_three_screen_has_the_strip_at_its_side() -> None:
    shared = screen(4 / 3)
    rects = arrange("speaker", HD, [shared, *cameras(4)], shared)
    large = rects[shared.tile_id]
    assert large.h > 1000
    assert all(rect.x >= large.right for tile, rect in rects.items() if tile != shared.tile_id)


def test_the_speakers_strip_is_a_fifth_of_the_height_and_thinner_with_many() -> None:
    few, many = cameras(4), cameras(25)
    strip = list(arrange("speaker", HD, few, few[0]).values())[1:]
    assert {rect.h for rect in strip} == {216}
    rects = list(arrange("speaker", HD, many, many[0]).values())
    assert len(rects) == 25
    assert all(rect.h >= 1080 // 14 // 2 * 2 for rect in rects)


def test_more_people_than_fit_into_the_strip_are_left_out_from_the_end() -> None:
    people = cameras(40)
    shown = arrange("speaker", HD, people, people[39])
    assert len(shown) < 40
    assert list(shown)[:4] == ["p39/camera", "p0/camera", "p1/camera", "p2/camera"]


def test_a_camera_on_the_stage_is_cut_at_the_sides_at_most() -> None:
    for canvas in CANVASES[:5]:
        people = cameras(3)
        for name in ("speaker", "sidebar"):
            large = arrange(name, canvas, people, people[0])["p0/camera"]
            assert 5 / 4 - 0.02 <= large.w / large.h <= 16 / 9 + 0.02


def test_sidebar_has_a_column_at_the_right() -> None:
    people = cameras(4)
    large, *column = arrange("sidebar", HD, people, people[0]).values()
    assert len({rect.x for rect in column}) == 1
    assert all(rect.x > large.right for rect in column)
    assert large.w > HD.w * 0.75


def test_spotlight_is_one_tile_on_the_whole_canvas() -> None:
    people = cameras(4)
    assert arrange("spotlight", HD, people, people[2]) == {"p2/camera": Rect(0, 0, 1920, 1080)}


def test_pip_is_the_stage_with_one_small_tile_at_the_lower_right() -> None:
    people = cameras(4)
    rects = arrange("pip", HD, people, people[1])
    assert list(rects) == ["p1/camera", "p0/camera"], "the small one is drawn last"
    small = rects["p0/camera"]
    assert rects["p1/camera"] == Rect(0, 0, 1920, 1080)
    assert small.x > HD.w / 2
    assert small.y > HD.h / 2
    assert HD.w - small.right == HD.h - small.bottom > 0


def test_split_is_two_equal_halves_that_keep_their_sides() -> None:
    people = cameras(2)
    rects = arrange("split", HD, people, people[1])
    assert rects == arrange("split", HD, people, people[0])
    left, right = rects["p0/camera"], rects["p1/camera"]
    assert (left.w, left.h, left.y) == (right.w, right.h, right.y)
    assert right.x - left.right in range(8, 12)
    above, below = arrange("split", Size(1080, 1920), people, people[0]).values()
    assert above.bottom < below.y


def test_free_arranges_nothing() -> None:
    assert arrange("free", HD, cameras(3), None) == {}


def test_two_layouts_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="grid"):
        layout("grid")(LAYOUTS["grid"])
