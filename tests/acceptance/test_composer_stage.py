"""What you see is what you get: the composer's stage in Chromium against the pictures of the export's own engine.

Real previews, served by `farm serve`; states with every layout in motion, read at random moments. The figures are
printed (`pytest -rP`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.barcode import read_barcode
from tests.support.browser import Browser, Rect
from tests.support.composer import ComposerPage, ShownTile, composing, require_page, still, stored
from tests.support.previews import Preview, Previews, skip_without
from tests.support.serving import Person, Serving
from tests.support.similarity import Grey, ssim

pytestmark = pytest.mark.browser

RECORDINGS = skip_without(("meeting", "standup"))
ALIKE = 0.95
MOMENTS = 7
PLAYED_S = 8.0
HOLD_MS = 40.0
MARGIN_PX = 3
"""How far around a tile its edges are looked for: less than half of the narrowest gap."""
UNLIKE = 24
"""Steps of luma between a tile and the ground."""


@dataclass(frozen=True, slots=True)
class Served:
    preview: Preview
    person: Person


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest, previews: Previews, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A recording with its preview, and a host of its room."""
    require_page()
    preview = previews.of(request.param)
    folder = tmp_path_factory.mktemp("composer")
    with Serving(folder, keys=stored(preview, folder / "store")) as farm:
        yield Served(preview, farm.person())


def states(preview: Preview) -> dict[str, dict[str, Any]]:
    """Compositions that show what a stage must be able to."""
    first, second, *_ = (peer["peer_id"] for peer in preview.manifest["peers"])
    return {
        "grid": {"layout": "grid", "style": {"corner_radius": 16, "transition_ms": 400}},
        "speaker with a pin and a placed tile": {
            "layout": "speaker",
            "style": {"background": "#e8e8ee", "gap": 16},
            "timeline": [
                {"t": 1000, "type": "pin", "peer_id": first},
                {
                    "t": 2000, "type": "place", "peer_id": second, "z": 3, "fit": "contain",
                    "rect": {"x": 0.6, "y": 0.55, "w": 0.35, "h": 0.4},
                },
                {
                    "t": 4000, "type": "text", "text": "Weekly review", "duration_ms": 9000,
                    "rect": {"x": 0.05, "y": 0.8, "w": 0.5, "h": 0.1},
                },
            ],
        },
        "portrait, with the screen as a tile": {
            "layout": "sidebar",
            "style": {"screenshare": "tile", "fit": "contain"},
            "export": {"resolution": "720x1280", "fps": 30},
        },
    }  # fmt: skip


@pytest.mark.parametrize("served", RECORDINGS, indirect=True)
@pytest.mark.parametrize("state", range(3))
def test_the_stage_shows_what_the_export_renders(served: Served, state: int, browser: Browser) -> None:
    name, composition = list(states(served.preview).items())[state]
    served.person.save(composition)
    moments = random.Random(f"{served.preview.name} {name}").sample(range(served.preview.duration_ms), MOMENTS)
    measured = 0
    with composing(browser, served.person) as page:
        for t_ms in moments:
            began = time.monotonic()
            page.seek(t_ms)
            took_s = time.monotonic() - began
            shown, expected = page.snapshot(), still(served.person, composition, t_ms)
            alike = ssim(shown, expected)
            print(f"{name}, {t_ms} ms: SSIM {alike:.4f}, settled in {took_s:.2f} s")
            assert alike >= ALIKE, (name, t_ms, alike)
            check_times(page.tiles(), shown, expected)
            measured += check_edges(page.tiles(), shown, expected)
    print(f"{name}: {measured} tiles measured to the pixel")
    assert measured >= MOMENTS // 2


def check_times(tiles: list[ShownTile], shown: Grey, expected: Grey) -> None:
    """Where a barcode can be read in both, it tells the same peer and the same time."""
    for tile in tiles:
        if tile.kind == "video":
            rect = tile.rect.x, tile.rect.y, tile.rect.w, tile.rect.h
            ours, theirs = read_barcode(shown, *rect), read_barcode(expected, *rect)
            assert ours is None or theirs is None or ours == theirs, (tile, ours, theirs)


def check_edges(tiles: list[ShownTile], shown: Grey, expected: Grey) -> int:
    """Tiles whose edges can be told in the export's picture have the same in the browser; how many these are."""
    plain = [tile for tile in tiles if not any(near(tile.rect, other.rect) for other in tiles if other is not tile)]
    seen = [(tile, edges(expected, tile.rect)) for tile in plain]
    told = [(tile, found) for tile, found in seen if found == corners(tile.rect)]
    for tile, found in told:
        assert edges(shown, tile.rect) == found, tile
    return len(told)


def near(one: Rect, other: Rect) -> bool:
    """Whether one is nearer to the other than their edges are looked for."""
    apart_x = max(one.x, other.x) - min(one.x + one.w, other.x + other.w)
    apart_y = max(one.y, other.y) - min(one.y + one.h, other.y + other.h)
    return max(apart_x, apart_y) < 2 * MARGIN_PX


def corners(rect: Rect) -> tuple[int, int, int, int]:
    return rect.x, rect.x + rect.w, rect.y, rect.y + rect.h


def edges(image: Grey, rect: Rect) -> tuple[int, int, int, int]:
    """Left, right, top and bottom of what differs from the pixels around `rect`, along its middle lines."""
    x, y = rect.x + rect.w // 2, rect.y + rect.h // 2
    across = reach(image[y - 2 : y + 3].mean(axis=0), rect.x, rect.w)
    down = reach(image[:, x - 2 : x + 3].mean(axis=1), rect.y, rect.h)
    return *across, *down


def reach(line: NDArray[np.float64], start: int, length: int) -> tuple[int, int]:
    """First and last + 1 place, near [start, start + length), that is unlike the ground outside."""
    first = max(0, start - MARGIN_PX)
    part = line[first : start + length + MARGIN_PX]
    ground = np.where(np.arange(len(part)) < len(part) // 2, part[0], part[-1])
    places = np.flatnonzero(np.abs(part - ground) > UNLIKE)
    return (first + int(places[0]), first + int(places[-1]) + 1) if len(places) else (start, start)


@pytest.mark.parametrize("served", skip_without(("standup",)), indirect=True)
def test_peers_play_in_step(served: Served, browser: Browser) -> None:
    served.person.save({"layout": "grid"})
    with composing(browser, served.person) as page:
        page.seek(5000)
        page.visit.call("() => __composer.play()")
        drifts, held = watched(page, PLAYED_S)
        page.visit.call("() => __composer.pause()")
        page.settle()
        at_ms = page.visit.call("() => __composer.timeMs()")
        p95 = float(np.percentile(np.abs(drifts), 95))
        print(f"drift p95 {p95:.1f} ms of {len(drifts)} readings, held {held}, at {at_ms:.0f} ms")
        assert held <= 2
        assert p95 <= HOLD_MS
        assert [stream["error"] for stream in page.streams() if stream["error"]] == []


def watched(page: ComposerPage, seconds: float) -> tuple[list[float], int]:
    """Drifts of streams that are seen, after a second to start; and how often it was found waiting."""
    script = """async seconds => {
      const drifts = [], began = performance.now();
      let held = 0;
      for (let now = began; now - began < 1000 * seconds; now = performance.now()) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        if (now - began < 1000) continue;
        if (!__composer.isRunning()) held++;
        for (const { seen, driftMs } of __composer.streams()) if (seen && driftMs !== null) drifts.push(driftMs);
      }
      return [drifts, held];
    }"""
    drifts, held = page.visit.call(script, seconds)
    return drifts, held
