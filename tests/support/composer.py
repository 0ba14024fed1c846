"""The composer's page over a recording with its preview, served by `farm serve`, driven through its hooks.

    with composing(browser, farm, person) as page:
        page.seek(12_500)               # returns when every tile shows the picture of that time
        page.snapshot()                 # the stage at the plan's own resolution
        page.tiles()[0].rect

`window.__composer` is what composer/src/engine/hooks.ts says.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scheduler_api.routes.composer import PAGE
from storage.keys import RecordingKeys
from tests.support.browser import Browser, Rect, Visit
from tests.support.previews import Preview
from tests.support.serving import Person
from tests.support.similarity import Grey

SETTLED_S = 30.0
NOT_BUILT = "the composer's page is not built (cd composer && npm ci && npm run build)"


def require_page() -> None:
    """Skips where the page was not built; in CI that is a failure."""
    if (PAGE / "index.html").exists():
        return
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(NOT_BUILT)
    pytest.skip(NOT_BUILT)


def stored(preview: Preview, store: Path) -> RecordingKeys:
    """The recording below `store`, with its preview under its own keys."""
    source = preview.source
    target = store / "rooms" / source.parent.name / source.name
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("cache", "preview", "jobs", "composition"))
    shutil.copytree(preview.folder, target / "preview", ignore=shutil.ignore_patterns(".*"))
    return RecordingKeys(source.parent.name, source.name)


@dataclass(frozen=True, slots=True)
class ShownTile:
    """One tile that the stage shows."""

    tile_id: str
    kind: str
    peer_id: str | None
    source: str | None
    rect: Rect


class ComposerPage:
    """A page that is open."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    def settle(self) -> None:
        """Returns when it stands, and every tile shows the picture of its time."""
        self.visit.call("() => __composer.settled()", timeout_s=SETTLED_S)

    def seek(self, t_ms: float) -> None:
        """As `settle`, at that time."""
        self.visit.call("t => __composer.seek(t)", t_ms)
        self.settle()

    def snapshot(self) -> Grey:
        """What the stage shows, at the plan's own resolution."""
        url: str = self.visit.call("() => __composer.snapshot()")
        return grey(base64.b64decode(url.partition(",")[2]))

    def tiles(self) -> list[ShownTile]:
        """In drawing order."""
        told: list[dict[str, Any]] = self.visit.call("() => __composer.tiles()")
        return [
            ShownTile(t["tile_id"], t["kind"], t["peer_id"], t["source"], Rect(**t["rect"])) for t in told
        ]

    def streams(self) -> list[dict[str, Any]]:
        """How each attached stream is doing."""
        told: list[dict[str, Any]] = self.visit.call("() => __composer.streams()")
        return told


@contextmanager
def composing(browser: Browser, person: Person, *, width: int = 1280, height: int = 800) -> Iterator[ComposerPage]:
    """The page of the person's recording, once it shows something."""
    url = f"{person.address}/composer/{person.recording_id}#user_token={person.user_token}"
    with browser.visit(url, width=width, height=height) as visit:
        visit.wait_until("() => globalThis.__composer !== undefined && __composer.tiles().length > 0")
        page = ComposerPage(visit)
        visit.call("() => __composer.setQuality('full')")
        page.settle()
        yield page


def still(person: Person, state: dict[str, Any], t_ms: int) -> Grey:
    """The export engine's own picture."""
    path = f"/recordings/{person.recording_id}/still"
    return grey(person.ask("POST", path, json=state, params={"t": t_ms}).raise_for_status().content)


def grey(image: bytes) -> Grey:
    """An image file as (H, W) uint8."""
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)
