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

from tests.support.barcode import read_barcode
from tests.support.browser import Browser
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


def check_times(tiles: list[ShownTile], shown: Grey, expected: Grey) -> None:
    """Where a barcode can be read in both, it tells the same peer and the same time."""
    for tile in tiles:
        if tile.kind == "video":
            rect = tile.rect.x, tile.rect.y, tile.rect.w, tile.rect.h
            ours, theirs = read_barcode(shown, *rect), read_barcode(expected, *rect)
            assert ours is None or theirs is None or ours == theirs, (tile, ours, theirs)


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
