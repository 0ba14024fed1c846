"""One sitting at the composer in Chromium: look, play, compose, save, come back, export, download.

Everything goes through what a person has: pointer, keys, words on the page. What was downloaded is judged by the
barcodes in its pictures and the beeps in its sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from playwright.async_api import Locator, expect

from compositing.geometry import Rect, Size
from compositing.scene import Tile
from tests.support.barcode import Luma, read_barcode
from tests.support.browser import Browser
from tests.support.composer import ComposerPage, composing, require_page, stored
from tests.support.exports import whole_picture
from tests.support.previews import Preview, Previews, SourceTruth
from tests.support.serving import Person, Serving
from tests.support.truth import beeps, luma_of

pytestmark = pytest.mark.browser

FROM_MS, TO_MS = 11_000, 19_000
PLACED_MS, TURNED_MS = 12_000, 15_000
SAVED_MS = 20_000
EXPORTED_S = 60
CAMERA = Size(640, 360)
"""What all cameras of the meeting send."""


@dataclass(frozen=True)
class Sitting:
    """Who sits where, before what."""

    preview: Preview
    person: Person
    folder: Path

    def peer(self, name: str) -> str:
        (peer,) = [p for p in self.preview.manifest["peers"] if p["display_name"] == name]
        return str(peer["peer_id"])

    def truth(self, name: str) -> SourceTruth:
        return self.preview.truths[self.peer(name), "camera"]


@pytest.fixture(scope="module")
def sitting(previews: Previews, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sitting]:
    require_page()
    preview = previews.of("meeting")
    folder = tmp_path_factory.mktemp("sitting")
    with Serving(folder, keys=stored(preview, folder / "store")) as farm:
        yield Sitting(preview, farm.person(), folder)


class Hands:
    """What a person does to the page."""

    def __init__(self, page: ComposerPage) -> None:
        self.page = page
        self._visit = page.visit
        self._shown = page.visit.page

    def press(self, key: str) -> None:
        self._visit.run(self._shown.keyboard.press(key))

    def click(self, role: Any, name: str, *, exact: bool = True, within: str = "body") -> None:
        place = self._shown.locator(within).get_by_role(role, name=name, exact=exact)
        self._visit.run(place.first.click())

    def choose(self, label: str, option: str) -> None:
        self._visit.run(self._shown.get_by_label(label, exact=True).select_option(label=option))

    def go_to(self, t_ms: int) -> None:
        """Types a time, and waits for its pictures."""
        field = self._shown.get_by_label("Time", exact=True)
        self._visit.run(field.fill(f"{t_ms / 1000:g}"))
        self._visit.run(field.press("Enter"))
        assert self.time_ms() == t_ms
        self.page.settle()

    def time_ms(self) -> float:
        return float(self._visit.call("() => __composer.timeMs()"))

    def tile(self, name: str) -> Locator:
        return self._shown.locator(".rc-tile").and_(self._shown.get_by_label(name, exact=False))

    def drag(self, grip: Locator, by_x: float, by_y: float) -> None:
        """With the left button, from the middle of `grip`, in steps as a hand makes them."""
        box = self._visit.run(grip.bounding_box())
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self._shown.mouse
        self._visit.run(mouse.move(x, y))
        self._visit.run(mouse.down())
        for step in range(1, 9):
            self._visit.run(mouse.move(x + by_x * step / 8, y + by_y * step / 8))
        self._visit.run(mouse.up())

    def sees(self, words: str, seconds: float = 10) -> None:
        self._visit.run(expect(self._shown.get_by_text(words).first).to_be_visible(timeout=1000 * seconds), seconds + 5)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self._visit.call("() => __composer.state()")
        return found

    def locator(self, selector: str) -> Locator:
        return self._shown.locator(selector)


def events(state: dict[str, Any]) -> list[tuple[int, str]]:
    return [(event["t"], event["type"]) for event in state["timeline"]]


def says(document: Any, part: Any) -> bool:
    """Whether `document` says all that `part` does; the server adds what was left to its defaults."""
    if isinstance(part, dict):
        return isinstance(document, dict) and all(says(document.get(name), value) for name, value in part.items())
    if isinstance(part, list):
        return len(document) == len(part) and all(map(says, document, part))
    return bool(document == part)


def test_a_sitting(sitting: Sitting, browser: Browser) -> None:
    with composing(browser, sitting.person) as page:
        hands = Hands(page)
        plays(hands)
        composes(hands, sitting)
        state = hands.state()
        assert events(state) == [
            (PLACED_MS, "pin"),
            (PLACED_MS, "place"),
            (TURNED_MS, "layout"),
            (TURNED_MS, "mute"),
        ]
        assert state["export"] == {"resolution": "1280x720", "start_ms": FROM_MS, "end_ms": TO_MS}
        comes_back(hands, state)
        film = exports(hands, sitting.folder / "film.mp4")
        earlier_ones_are_listed(hands)
    saved = sitting.person.ask("GET", f"/recordings/{sitting.person.recording_id}/composition").json()
    assert events(saved) == events(state)
    obeys(film, state, sitting)


def plays(hands: Hands) -> None:
    """Space plays, and pauses; what is seen moves on."""
    hands.press("Space")
    hands.page.visit.wait_until("() => __composer.isRunning() && __composer.timeMs() > 1500")
    hands.press("Space")
    hands.page.settle()
    at_ms = hands.time_ms()
    assert at_ms >= 1500
    hands.press("ArrowRight")
    assert hands.time_ms() == pytest.approx(at_ms + 1000 / 30, abs=0.5)


def composes(hands: Hands, sitting: Sitting) -> None:
    """Pins one, drags and resizes another, turns to another layout, mutes, trims."""
    visit = hands.page.visit
    hands.go_to(PLACED_MS)
    visit.run(hands.tile("Hana").click())
    hands.click("button", "Pin")
    visit.run(expect(hands.tile("Hana, pinned")).to_be_visible())
    vera = hands.tile("Vera").last
    before = hands.page.tiles()
    hands.drag(vera, -2000, -2000)
    placed = settled_event(hands, "place")
    assert (placed["rect"]["x"], placed["rect"]["y"]) == (0, 0)
    assert {tile.tile_id for tile in before} == {tile.tile_id for tile in hands.page.tiles()}
    hands.drag(hands.locator('[data-grip="1,1"]'), 150, 90)
    assert settled_event(hands, "place")["rect"]["w"] > placed["rect"]["w"] + 0.1

    hands.go_to(TURNED_MS)
    hands.click("button", "Sidebar")
    visit.run(expect(hands.locator(".rc-palette [aria-pressed=true]")).to_have_text("Sidebar"))
    hands.click("button", "Mute Hana from", exact=False, within=".rc-timeline")
    hands.choose("Resolution", "720p · 1280×720")
    hands.go_to(FROM_MS)
    hands.press("i")
    hands.go_to(TO_MS)
    hands.press("o")


def settled_event(hands: Hands, kind: str) -> dict[str, Any]:
    """The last event of that kind, when the plan that follows from it is drawn."""
    hands.page.settle()
    found: dict[str, Any] = [event for event in hands.state()["timeline"] if event["type"] == kind][-1]
    return found


def comes_back(hands: Hands, state: dict[str, Any]) -> None:
    """What was saved is there after a reload, without the token in the address."""
    visit = hands.page.visit
    hands.sees("Saved", SAVED_MS / 1000)
    visit.run(visit.page.wait_for_function("() => document.querySelector('.rc-save').textContent === 'Saved'"))
    assert "user_token" not in visit.page.url
    visit.run(visit.page.reload())
    visit.wait_until("() => globalThis.__composer !== undefined && __composer.tiles().length > 0")
    assert says(hands.state(), state)
    hands.click("tab", "Events")
    for words in ("Pin Hana", "Place Vera", "Sidebar", "Mute Hana"):
        hands.sees(words)


WATCH_PROGRESS = """() => {
  const told = (globalThis.__told = []);
  new MutationObserver(() => {
    const bar = document.querySelector('.rc-dialog [role=progressbar]');
    const percent = Number(bar?.getAttribute('aria-valuenow') ?? NaN);
    if (!Number.isNaN(percent) && percent !== told.at(-1)) told.push(percent);
  }).observe(document.body, { subtree: true, childList: true, attributeFilter: ['aria-valuenow'] });
}"""
"""Notes in `__told` each value that the dialog's progress bar takes; none is missed, however fast the export is."""


def exports(hands: Hands, to: Path) -> Path:
    """Exports as a draft, follows it to its end, and downloads it."""
    visit = hands.page.visit
    hands.press("Control+e")
    hands.sees("As trimmed")
    visit.run(hands.locator(".rc-card").filter(has_text="Draft").click())
    hands.sees("everything, 0:08")
    visit.call(WATCH_PROGRESS)
    hands.click("button", "Start export")
    hands.sees("Your export is ready", EXPORTED_S)
    percents: list[int] = visit.call("() => __told")
    print(f"progress as shown: {percents}")
    assert percents == sorted(percents)
    assert len(percents) >= 3
    assert percents[-1] == 100

    async def download() -> None:
        async with visit.page.expect_download() as coming:
            await visit.page.get_by_role("link", name="Download").click()
        await (await coming.value).save_as(to)

    visit.run(download())
    return to


def earlier_ones_are_listed(hands: Hands) -> None:
    hands.click("button", "New export")
    hands.sees("nothing: all of it was rendered before")
    hands.sees("Earlier exports")


def obeys(film: Path, state: dict[str, Any], sitting: Sitting) -> None:
    """The file shows and says what was composed, and no more."""
    frames, rate = pictures(film)
    assert len(frames) == (TO_MS - FROM_MS) * rate // 1000
    assert frames[0].shape == (720, 1280)
    plan = sitting.person.ask(
        "POST", f"/recordings/{sitting.person.recording_id}/plan", json=state
    ).raise_for_status().json()  # fmt: skip
    hana = sitting.truth("Hana")

    def shown(t_ms: int, name: str) -> tuple[int, int] | None:
        (scene,) = [s for s in plan["scenes"] if s["start_ms"] <= t_ms < s["end_ms"]]
        (tile,) = [t for t in scene["tiles"] if t["tile_id"] == f"{sitting.peer(name)}/camera"]
        rect = Rect(**tile["rect"])
        lies = whole_picture(Tile(tile["tile_id"], "video", rect, fit=tile["fit"]), CAMERA)
        assert name != "Hana" or rect.w > 600, rect   # pinned, so she is large
        return read_barcode(frames[(t_ms - FROM_MS) * rate // 1000], *lies)

    looked_at = {12_500: ["Vera"], 14_500: ["Vera"], 16_000: ["Vera", "Hana"], 18_000: ["Vera", "Hana"]}
    # until the layout turns, Vera lies on Hana's barcode; later, loss may have frozen her
    read = [(t_ms, n) for t_ms, names in looked_at.items() for n in names if sitting.truth(n).is_seen(t_ms, 100)]
    assert {(12_500, "Vera"), (16_000, "Hana"), (18_000, "Hana")} <= set(read)
    for t_ms, name in read:
        index, told_ms = shown(t_ms, name) or (None, 0)
        assert index == sitting.truth(name).index, (t_ms, name)
        assert told_ms == pytest.approx(t_ms, abs=120), name
    heard = FROM_MS + beeps(film, hana.beep_hz)
    expected = [at for at in hana.beeps_ms if FROM_MS < at < TURNED_MS]
    assert expected
    assert np.round(heard / 1000).tolist() == [round(at / 1000) for at in expected]


def pictures(film: Path) -> tuple[list[Luma], int]:
    """All pictures, and how many there are in a second."""
    with av.open(str(film)) as container:
        rate = container.streams.video[0].average_rate
        assert rate is not None
        return [luma_of(frame) for frame in container.decode(video=0)], int(rate)


def test_a_stranger_is_told_so(sitting: Sitting, browser: Browser) -> None:
    address = f"{sitting.person.address}/composer/{sitting.person.recording_id}"
    for fragment, words in (
        ("", "This link has no key"),
        ("#user_token=nonsense", "Your access has expired"),
    ):
        with browser.visit(address + fragment) as visit:
            visit.run(expect(visit.page.get_by_role("heading", name=words)).to_be_visible())
    elsewhere = sitting.person.address + "/composer/0e9b1b8e-0000-4000-8000-000000000000"
    with browser.visit(f"{elsewhere}#user_token={sitting.person.user_token}") as visit:
        visit.run(expect(visit.page.get_by_text("There is no such recording")).to_be_visible())


def test_two_who_save_are_asked_whose_counts(sitting: Sitting, browser: Browser) -> None:
    sitting.person.save({"layout": "grid"})
    with composing(browser, sitting.person) as page:
        hands = Hands(page)
        hands.go_to(3_000)
        sitting.person.save({"layout": "spotlight"})
        hands.press("2")
        hands.sees("Somebody else has saved this composition")
        hands.click("button", "Keep mine")
        page.visit.wait_until("() => document.querySelector('.rc-save')?.textContent === 'Saved'")
        assert events(loaded(sitting)) == [(3_000, "layout")]

        sitting.person.save({"layout": "split"})
        hands.press("p")   # nothing is selected: nothing changes
        hands.go_to(5_000)
        hands.press("4")
        hands.sees("Somebody else has saved this composition")
        hands.click("button", "Take theirs")
        page.visit.wait_until("() => __composer.state().layout === 'split'")
        hands.press("Control+z")
        assert events(hands.state()) == [(3_000, "layout"), (5_000, "layout")]


def loaded(sitting: Sitting) -> dict[str, Any]:
    answer: httpx.Response = sitting.person.ask("GET", f"/recordings/{sitting.person.recording_id}/composition")
    found: dict[str, Any] = answer.raise_for_status().json()
    return found
