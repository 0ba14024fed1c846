from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from compositing.canvas import SPEAKER_COLOUR, Canvas
from compositing.colour import bars, placeholder, yuv
from compositing.geometry import Fit, NormRect, Rect, Size
from compositing.picture import Picture, Raster, Rotation
from compositing.scene import Label, Tile, TileKind

SIZE = Size(160, 90)
BACKGROUND = "#101418"
RED, BLUE = yuv("#e01020"), yuv("#1030d0")
GOLDEN = Path(__file__).parents[2] / "golden" / "canvas.png"
GOLDEN_TOLERANCE = 1
"""Steps of 8 bits by which a sample may differ from the golden frame."""


def flat(colour: tuple[int, int, int], w: int = 64, h: int = 36, rotation: Rotation = 0) -> Picture:
    return replace(Picture.blank(w, h, colour), rotation=rotation)


def textured(seed: int, w: int, h: int, rotation: Rotation = 0) -> Picture:
    """Smooth noise: every sample differs from its neighbours, none by much."""
    rng = np.random.default_rng(seed)
    chroma = (h + 1) // 2, (w + 1) // 2
    y, u, v = (
        cv2.resize(rng.integers(16, 236, (5, 7), np.uint8), (s[1], s[0])) for s in ((h, w), chroma, chroma)
    )
    return Picture(np.asarray(y, np.uint8), np.asarray(u, np.uint8), np.asarray(v, np.uint8), rotation)


def badge(alpha: int, w: int = 20, h: int = 10) -> Raster:
    rgba = np.zeros((h, w, 4), np.uint8)
    rgba[:, :, 0], rgba[:, :, 1] = 255, np.linspace(0, 255, w).astype(np.uint8)
    rgba[:, :, 3] = np.linspace(alpha // 2, alpha, h).astype(np.uint8)[:, None]
    return Raster(rgba)


RASTERS = {"solid": badge(510), "soft": badge(160), "big": badge(160, 40, 24)}
RASTERS["solid"].rgba[:, :, 3] = 255


def video(rect: Rect, name: str = "a", **more: object) -> Tile:
    tile = Tile(f"{name}/camera", "video", rect, name, "camera", highlight=True)
    return replace(tile, **more)  # type: ignore[arg-type]


def drawn(
    tiles: Sequence[Tile],
    pictures: Mapping[str, Picture | None],
    speaking: Sequence[str] = (),
    background: str = BACKGROUND,
    size: Size = SIZE,
) -> Picture:
    frame = Picture.blank(size.w, size.h)
    Canvas(size, RASTERS.__getitem__).draw(frame, tiles, background, pictures, speaking)
    return frame


def cut(frame: Picture, rect: Rect) -> list[NDArray[np.uint8]]:
    half = slice(rect.y // 2, rect.bottom // 2), slice(rect.x // 2, rect.right // 2)
    return [frame.y[rect.y : rect.bottom, rect.x : rect.right], frame.u[half], frame.v[half]]


def is_flat(frame: Picture, rect: Rect, colour: tuple[int, int, int]) -> bool:
    return all((plane == sample).all() for plane, sample in zip(cut(frame, rect), colour, strict=True))


def same(a: Picture, b: Picture) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))


def test_a_picture_fills_its_tile_and_nothing_else() -> None:
    rect = Rect(32, 18, 64, 36)
    frame = drawn([video(rect)], {"a/camera": flat(RED)})
    assert is_flat(frame, rect, RED)
    for plane, sample in zip(cut(frame, rect), yuv(BACKGROUND), strict=True):
        plane[...] = sample
    assert is_flat(frame, Rect(0, 0, 160, 90), yuv(BACKGROUND))


def test_a_picture_of_the_size_of_its_tile_is_copied() -> None:
    picture = textured(1, 64, 36)
    frame = drawn([video(Rect(10, 20, 64, 36))], {"a/camera": picture})
    for got, wanted in zip(cut(frame, Rect(10, 20, 64, 36)), picture.planes, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("halvings", [1, 2])
def test_halving_is_the_mean_of_four(halvings: int) -> None:
    picture = textured(2, 64 << halvings, 36 << halvings)
    frame = drawn([video(Rect(0, 0, 64, 36))], {"a/camera": picture})
    mean = picture.y.astype(float)
    for _ in range(halvings):
        mean = np.floor(mean.reshape(len(mean) // 2, 2, -1, 2).mean(axis=(1, 3)) + 0.5)
    np.testing.assert_array_equal(frame.y[:36, :64], mean)


@pytest.mark.parametrize(("w", "h"), [(853, 479), (639, 359), (33, 19), (2, 2), (1, 1)])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_odd_sizes_leave_no_fringe(w: int, h: int, rotation: Rotation) -> None:
    rect = Rect(2, 4, 150, 80)
    frame = drawn([video(rect, fit="fill")], {"a/camera": flat(RED, w, h, rotation)})
    assert is_flat(frame, rect, RED)


def quadrants(rotation: Rotation) -> Picture:
    """A picture whose top left quarter, before rotation, is red and the rest blue."""
    picture = flat(BLUE, 64, 64, rotation)
    for plane, sample in zip(cut(picture, Rect(0, 0, 32, 32)), RED, strict=True):
        plane[...] = sample
    return picture


@pytest.mark.parametrize(("rotation", "x", "y"), [(0, 0, 0), (90, 32, 0), (180, 32, 32), (270, 0, 32)])
def test_rotation_turns_clockwise(rotation: Rotation, x: int, y: int) -> None:
    frame = drawn([video(Rect(0, 0, 64, 64))], {"a/camera": quadrants(rotation)})
    assert is_flat(frame, Rect(x, y, 32, 32), RED)
    assert is_flat(frame, Rect(32 - x, 32 - y, 32, 32), BLUE)


def test_rotation_comes_before_fit() -> None:
    """A phone held upright sends 64 x 36 to be turned: it stands in a wide tile, bars beside it."""
    rect = Rect(0, 0, 64, 36)
    frame = drawn([video(rect)], {"a/camera": flat(RED, 64, 36, 90)})
    assert is_flat(frame, Rect(22, 0, 20, 36), RED)
    assert is_flat(frame, Rect(0, 0, 22, 36), bars(BACKGROUND))
    assert is_flat(frame, Rect(42, 0, 22, 36), bars(BACKGROUND))


@pytest.mark.parametrize(("fit", "has_bars"), [("cover", False), ("fill", False), ("contain", True)])
def test_fit_decides_about_bars(fit: Fit, has_bars: bool) -> None:
    frame = drawn([video(Rect(0, 0, 64, 36), fit=fit)], {"a/camera": flat(RED, 36, 36)})
    assert is_flat(frame, Rect(0, 0, 14, 36), bars(BACKGROUND) if has_bars else RED)
    assert is_flat(frame, Rect(14, 0, 36, 36), RED)


def test_a_crop_shows_its_part_alone() -> None:
    tile = video(Rect(0, 0, 64, 64), crop=NormRect(0, 0, 0.5, 0.5))
    assert is_flat(drawn([tile], {"a/camera": quadrants(0)}), Rect(0, 0, 64, 64), RED)


@pytest.mark.parametrize("pictures", [{}, {"a/camera": None}])
def test_without_a_picture_a_placeholder_stands_there(pictures: dict[str, Picture | None]) -> None:
    rect = Rect(0, 0, 64, 36)
    assert is_flat(drawn([video(rect)], pictures), rect, placeholder(BACKGROUND))
    assert placeholder(BACKGROUND) != yuv(BACKGROUND)


def test_higher_z_lies_above_and_equal_z_keeps_the_order() -> None:
    low, high = video(Rect(0, 0, 64, 36), "a", z=1), video(Rect(32, 0, 64, 36), "b", z=0)
    pictures = {"a/camera": flat(RED), "b/camera": flat(BLUE)}
    assert is_flat(drawn([low, high], pictures), Rect(32, 0, 32, 36), RED)
    assert is_flat(drawn([replace(low, z=0), high], pictures), Rect(32, 0, 32, 36), BLUE)


def test_round_corners_show_the_background_and_are_antialiased() -> None:
    rect = Rect(20, 20, 80, 60)
    frame = drawn([video(rect, corner_radius=12)], {"a/camera": flat((235, 128, 128))})
    patch = frame.y[20:32, 20:32]
    assert patch[0, 0] == yuv(BACKGROUND)[0]
    assert patch[11, 11] == 235
    assert len(np.unique(patch)) > 6
    assert is_flat(frame, Rect(32, 20, 56, 60), (235, 128, 128))
    corner = frame.y[20:80, 20:100]
    np.testing.assert_array_equal(corner, corner[::-1])
    np.testing.assert_array_equal(corner, corner[:, ::-1])
    outside = (235 - patch.astype(float)).sum() / (235 - yuv(BACKGROUND)[0])
    assert outside == pytest.approx(144 * (1 - np.pi / 4), rel=0.03)


def test_round_corners_show_what_lies_below() -> None:
    below, above = video(Rect(0, 0, 160, 90), "a"), video(Rect(20, 20, 80, 60), "b", z=1, corner_radius=12)
    frame = drawn([below, above], {"a/camera": flat(BLUE), "b/camera": flat(RED)})
    assert is_flat(frame, Rect(20, 20, 2, 2), BLUE)


@pytest.mark.parametrize("radius", [0, 12])
def test_the_speaker_has_a_frame_inside_the_tile(radius: int) -> None:
    size, rect = Size(1920, 1080), Rect(100, 100, 480, 270)
    tile, pictures = video(rect, corner_radius=radius), {"a/camera": flat(RED, 480, 270)}
    frame = drawn([tile], pictures, ["a"], size=size)
    accent = yuv(SPEAKER_COLOUR)
    assert is_flat(frame, Rect(112, 100, 456, 4), accent)
    assert is_flat(frame, Rect(112, 366, 456, 4), accent)
    assert is_flat(frame, Rect(100, 112, 4, 246), accent)
    assert is_flat(frame, Rect(576, 112, 4, 246), accent)
    assert is_flat(frame, Rect(112, 112, 456, 246), RED)
    assert is_flat(frame, Rect(100, 98, 480, 2), yuv(BACKGROUND))
    assert is_flat(frame, Rect(100, 100, 2, 2), yuv(BACKGROUND) if radius else accent)


def test_only_highlighted_tiles_of_peers_who_speak_have_a_frame() -> None:
    tile, pictures = video(Rect(0, 0, 64, 36)), {"a/camera": flat(RED)}
    silent = drawn([tile], pictures)
    assert same(drawn([tile], pictures, ["b"]), silent)
    assert same(drawn([replace(tile, highlight=False)], pictures, ["a"]), silent)
    assert not same(drawn([tile], pictures, ["a"]), silent)


def test_a_label_is_blended_in_its_own_rectangle() -> None:
    rect, place = Rect(0, 0, 64, 36), Rect(4, 22, 20, 10)
    tile = video(rect, label=Label("Ada", place, "soft"))
    picture = flat(BLUE)
    frame = drawn([tile], {"a/camera": picture})
    rgba = RASTERS["soft"].rgba.astype(float)
    alpha = rgba[:, :, 3] / 255
    over = 16 + (65.481 * rgba[:, :, 0] + 128.553 * rgba[:, :, 1] + 24.966 * rgba[:, :, 2]) / 255
    np.testing.assert_allclose(cut(frame, place)[0], over * alpha + BLUE[0] * (1 - alpha), atol=2)
    plain = drawn([video(rect)], {"a/camera": picture})
    for target, source in zip(cut(frame, place), cut(plain, place), strict=True):
        target[...] = source
    assert same(frame, plain)


def test_half_opacity_is_halfway() -> None:
    rect = Rect(0, 0, 64, 36)
    frame = drawn([video(rect, opacity=0.5)], {"a/camera": flat(RED)})
    halfway = [(a + b + 1) // 2 for a, b in zip(RED, yuv(BACKGROUND), strict=True)]
    assert is_flat(frame, rect, (halfway[0], halfway[1], halfway[2]))


def test_no_opacity_is_nothing_and_full_opacity_is_exact() -> None:
    rect = Rect(0, 0, 64, 36)
    assert is_flat(drawn([video(rect, opacity=0.0)], {"a/camera": flat(RED)}), rect, yuv(BACKGROUND))
    picture = {"a/camera": textured(3, 64, 36)}
    assert same(drawn([video(rect, opacity=1.0)], picture), drawn([video(rect)], picture))


@pytest.mark.parametrize("corner", [(-20, -10), (120, -10), (-20, 70), (120, 70)])
def test_a_tile_half_outside_is_cut_at_the_edge(corner: tuple[int, int]) -> None:
    """What is seen is what a larger canvas would show there."""
    tile = video(Rect(*corner, 64, 36), corner_radius=8)
    tile = replace(tile, label=Label("Ada", Rect(corner[0] + 4, corner[1] + 22, 20, 10), "soft"))
    pictures = {"a/camera": textured(4, 100, 60)}
    larger = Canvas(Size(320, 180), RASTERS.__getitem__)
    frame = Picture.blank(320, 180)
    inside = Rect(tile.rect.x + 80, tile.rect.y + 40, 64, 36)
    label = Label("Ada", Rect(inside.x + 4, inside.y + 22, 20, 10), "soft")
    larger.draw(frame, [replace(tile, rect=inside, label=label)], BACKGROUND, pictures, ())
    seen = cut(frame, Rect(80, 40, 160, 90))
    for got, wanted in zip(drawn([tile], pictures).planes, seen, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_a_tile_wholly_outside_is_not_drawn() -> None:
    frame = drawn([video(Rect(200, 0, 64, 36)), video(Rect(-64, 0, 64, 36), "b")], {})
    assert is_flat(frame, Rect(0, 0, 160, 90), yuv(BACKGROUND))


def test_images_keep_their_proportions_and_avatars_fill() -> None:
    image = Tile("image/0", "image", Rect(0, 0, 60, 60), image="solid")
    frame = drawn([image], {})
    assert is_flat(frame, Rect(0, 0, 60, 14), yuv(BACKGROUND))
    assert not (frame.y[16:44, :60] == yuv(BACKGROUND)[0]).any()
    avatar = replace(image, kind="avatar")
    assert not (drawn([avatar], {}).y[:60, :60] == yuv(BACKGROUND)[0]).any()


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="2 x 2"):
        Canvas(SIZE, RASTERS.__getitem__).draw(Picture.blank(2, 2), [], BACKGROUND, {}, ())


def test_what_did_not_change_is_not_drawn_again() -> None:
    canvas, frame = Canvas(SIZE, RASTERS.__getitem__), Picture.blank(160, 90)
    tiles = [video(Rect(0, 0, 64, 36), "a"), video(Rect(80, 0, 64, 36), "b")]
    pictures = {"a/camera": flat(RED), "b/camera": flat(RED)}
    canvas.draw(frame, tiles, BACKGROUND, pictures, ())
    frame.y[...] = 77
    canvas.draw(frame, list(tiles), BACKGROUND, {**pictures, "b/camera": flat(BLUE)}, ())
    assert (frame.y[:36, :64] == 77).all()
    assert (frame.y[:36, 80:144] == BLUE[0]).all()


def test_another_frame_is_drawn_in_full() -> None:
    canvas, frames = Canvas(SIZE, RASTERS.__getitem__), [Picture.blank(160, 90) for _ in range(2)]
    for frame in frames:
        canvas.draw(frame, [video(Rect(0, 0, 64, 36))], BACKGROUND, {"a/camera": None}, ())
    assert same(*frames)


# Drawing step by step gives the bytes of drawing from scratch.

PICTURES: list[Picture | None] = [
    None,
    textured(10, 64, 36),
    textured(11, 37, 61),
    textured(12, 130, 74, 90),
    textured(13, 21, 300),
]
BACKGROUNDS = (BACKGROUND, "#f0f0f0")
evens = st.integers(-10, 70).map(lambda n: 2 * n)
sides = st.integers(1, 50).map(lambda n: 2 * n)
rects = st.builds(Rect, evens, evens, sides, sides)
labels = st.none() | st.builds(Label, st.just(""), rects, st.sampled_from(sorted(RASTERS)))


@st.composite
def some_tiles(draw: st.DrawFn) -> list[Tile]:
    kinds: list[TileKind] = draw(st.lists(st.sampled_from(["video", "video", "avatar", "image"]), max_size=4))
    return [
        Tile(
            str(i),
            kind,
            draw(rects),
            str(i),
            fit=draw(st.sampled_from(["auto", "cover", "contain"])),
            z=draw(st.integers(0, 2)),
            opacity=draw(st.sampled_from([1.0, 1.0, 0.4])),
            corner_radius=draw(st.sampled_from([0, 0, 7])),
            highlight=draw(st.booleans()),
            label=draw(labels),
            image=None if kind == "video" else draw(st.sampled_from(sorted(RASTERS))),
        )
        for i, kind in enumerate(kinds)
    ]


steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.lists(st.sampled_from(range(len(PICTURES))), min_size=4, max_size=4),
        st.sets(st.sampled_from("0123")),
        st.sampled_from(BACKGROUNDS),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(st.tuples(some_tiles(), some_tiles()), steps)
def test_drawing_step_by_step_is_drawing_from_scratch(
    scenes: tuple[list[Tile], list[Tile]], moments: list[tuple[int, list[int], set[str], str]]
) -> None:
    canvas, frame = Canvas(SIZE, RASTERS.__getitem__), Picture.blank(SIZE.w, SIZE.h, (99, 9, 9))
    for which, shown, speaking, background in moments:
        pictures = {str(i): PICTURES[n] for i, n in enumerate(shown)}
        canvas.draw(frame, scenes[which], background, pictures, speaking)
        assert same(frame, drawn(scenes[which], pictures, sorted(speaking), background))


def sample_frame() -> Picture:
    """One of everything, from textures alone: no font decides a pixel."""
    places = [Rect(6 + 104 * (i % 3), 6 + 86 * (i // 3), 98, 78) for i in range(6)]
    grid = [video(place, str(i), corner_radius=6) for i, place in enumerate(places)]
    grid[1] = replace(grid[1], label=Label("Ada", Rect(116, 60, 40, 18), "big"))
    grid[2] = replace(grid[2], opacity=0.5, fit="contain")
    grid[3] = replace(grid[3], kind="avatar", image="solid")
    over = video(Rect(80, 50, 70, 50), "over", z=3, crop=NormRect(0.25, 0.25, 0.5, 0.5))
    pictures = {f"{i}/camera": textured(i, 640 >> i, 360 >> i, (0, 90, 180, 270)[i % 4]) for i in range(5)}
    image = Tile("image/0", "image", Rect(200, 100, 90, 70), z=4, image="soft")
    pictures["over/camera"] = textured(9, 853, 479)
    return drawn([*grid, over, image], pictures, ["0", "3"], size=Size(320, 180))


def test_the_golden_frame(tmp_path: Path) -> None:
    frame = sample_frame()
    got = np.vstack([frame.y, np.hstack([frame.u, frame.v])])
    Image.fromarray(got).save(tmp_path / GOLDEN.name)
    wanted = np.asarray(Image.open(GOLDEN))
    worst = np.abs(got.astype(int) - wanted).max()
    assert worst <= GOLDEN_TOLERANCE, f"{worst} steps off {GOLDEN}; see {tmp_path / GOLDEN.name}"


def digest(frame: Picture) -> str:
    return hashlib.sha256(b"".join(plane.tobytes() for plane in frame.planes)).hexdigest()


def test_the_bytes_do_not_depend_on_the_processor() -> None:
    """OpenCV held to the instructions of an older processor draws the same frame."""
    older = {
        "OPENCV_CPU_DISABLE": "AVX,AVX2,FMA3,AVX512-SKX,FP16",
        "OPENCV_IPP": "disabled",
    }
    code = f"import runpy; m = runpy.run_path({__file__!r}); print(m['digest'](m['sample_frame']()))"
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **older}, capture_output=True, text=True, check=True
    )
    assert result.stdout.split()[-1] == digest(sample_frame())
