"""Chromium that plays HLS through hls.js, off the network, for tests.

    with Browser() as browser, browser.open([browser.url(folder, "peers/peer-1/av.m3u8")]) as stage:
        stage.seek(3.55)                  # all players; each shows the frame of that time now
        stage.shown()[0].luma             # what a canvas gives of it
        stage.play_until(8, rate=2)
        assert stage.states()[0].trouble == ""

A `Stage` is a page with one <video> and one hls.js for each playlist. All times are seconds of the media, which
is recording time. Playwright runs on a thread of its own: its event loop is nobody else's.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, Playwright, ViewportSize, async_playwright

from tests.support.barcode import Luma, read_barcode
from tests.support.media_server import MediaServer
from tests.support.recordings import ROOT

PAGES = Path(__file__).parent / "pages"
HLS_JS = ROOT / "tests" / "browser" / "node_modules" / "hls.js" / "dist"
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--autoplay-policy=no-user-gesture-required",
)
"""Besides those of Playwright, which switch off what Chromium does in the background."""
Times = float | Sequence[float]
"""One time for all players, or one for each."""
_ROWS = 25
"""Any height of which 46 % to 50 % are one row."""
_START_S, _CALL_S = 60.0, 300.0
T = TypeVar("T")


def missing_parts() -> str:
    """What a `Browser` needs and is not there, and the remedy; empty if nothing is missing."""
    if not shutil.which("chromium"):
        return "Chromium is not installed (apt-get install chromium)"
    if not (HLS_JS / "hls.min.js").exists():
        return "hls.js is not installed (scripts/browser-packages)"
    return ""


@dataclass(frozen=True, slots=True)
class PlayerError:
    """What hls.js reported."""

    kind: str
    details: str
    fatal: bool
    message: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Playing stopped for want of data, though no seek or start was under way."""

    cause: str
    at_s: float


@dataclass(frozen=True, slots=True)
class State:
    """One player, as it is now."""

    time_s: float
    duration_s: float
    """0 before it is known."""
    ended: bool
    paused: bool
    width: int
    height: int
    frames: int
    """Decoded so far."""
    dropped: int
    buffered_s: tuple[tuple[float, float], ...]
    errors: tuple[PlayerError, ...]
    stalls: tuple[Stall, ...]

    @property
    def trouble(self) -> str:
        """Fatal errors and stalls, to be asserted empty."""
        return "; ".join(str(t) for t in (*(e for e in self.errors if e.fatal), *self.stalls))


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a player shows, drawn to a canvas."""

    frame_s: float
    """The time of the frame, by `requestVideoFrameCallback`."""
    clock_s: float
    """`currentTime` when it was drawn."""
    luma: Luma
    """(H, W), full range."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame that was shown while playing: for each watched rectangle the (w,) luma of its barcode."""

    frame_s: float
    """The time of the frame."""
    early_s: float
    """How long before its time it was shown, by the player's clock and at the rate at which it plays."""
    rows: tuple[Luma, ...]

    def read(self, rect: int) -> tuple[int, int] | None:
        """What the barcode in that rectangle says: (index, time_ms)."""
        w = len(self.rows[rect])
        return read_barcode(np.broadcast_to(self.rows[rect], (_ROWS, w)), 0, 0, w, _ROWS)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """The sound of a player, mono, while it played without a break."""

    start_s: float
    """Time of the first sample."""
    samples: NDArray[np.float32]
    rate: int
    clock_spread_s: float
    """How far the readings of the player's clock, that `start_s` is the median of, are apart (p95 - p5)."""


@dataclass(frozen=True, slots=True)
class Rect:
    """Where a whole source picture lies, in pixels of the video."""

    x: int
    y: int
    w: int
    h: int


class Browser:
    """One Chromium and one web server. A context manager; ends both."""

    def __init__(self) -> None:
        self._server = MediaServer()
        self._loop = _Loop()
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None

    def __enter__(self) -> Browser:
        self._server.__enter__()
        self._loop.start()
        try:
            self._loop.run(self._launch(), _START_S)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._loop.run(self._quit(), _START_S)
        finally:
            self._loop.stop()
            self._server.__exit__(kind, error, at)

    def url(self, folder: Path, path: str) -> str:
        """Where the browser finds the file `path` below `folder`."""
        return self._server.url(folder, path)

    def open(self, playlists: Sequence[str], *, start_s: float = 0.0, sound: bool = False) -> Stage:
        """A page that plays those URLs, paused at `start_s`. With `sound` it can be heard (`Stage.hear_until`)."""
        assert self._chromium is not None
        page = self._loop.run(self._chromium.new_page(), _START_S)
        stage = Stage(self._loop, page, len(playlists))
        try:
            stage._load(self.url(PAGES, ""), self.url(HLS_JS, "hls.min.js"), playlists, start_s, sound)
        except BaseException:
            stage.close()
            raise
        return stage

    def visit(self, url: str, *, width: int = 1280, height: int = 800) -> Visit:
        """Any page, for tests that know its scripts."""
        assert self._chromium is not None
        size: ViewportSize = {"width": width, "height": height}
        visit = Visit(self._loop, self._loop.run(self._chromium.new_page(viewport=size), _START_S))
        try:
            visit.run(visit.page.goto(url))
        except BaseException:
            visit.close()
            raise
        return visit

    async def _launch(self) -> None:
        self._playwright = await async_playwright().start()
        self._chromium = await self._playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            headless=True,
            args=list(FLAGS),
            ignore_default_args=["--mute-audio"],
        )

    async def _quit(self) -> None:
        if self._chromium:
            await self._chromium.close()
        if self._playwright:
            await self._playwright.stop()


class Visit:
    """A page that is open. A context manager. `page` is Playwright's: `visit.run(visit.page.click("text=Export"))`."""

    def __init__(self, loop: _Loop, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        """Errors that nothing on the page caught."""
        self._loop = loop
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._loop.run(self.page.close(), _START_S)

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = _START_S) -> T:
        """What a coroutine of `page` gives."""
        return self._loop.run(work, timeout_s)

    def call(self, script: str, argument: Any = None, timeout_s: float = _START_S) -> Any:
        """What a function of the page gives, awaited."""
        answer = self.run(self.page.evaluate(script, argument), timeout_s)
        assert not self.complaints, self.complaints
        return answer

    def wait_until(self, script: str, timeout_s: float = _START_S) -> None:
        """Returns when a function of the page is true."""
        self.run(self.page.wait_for_function(script, timeout=1000 * timeout_s), timeout_s + 5)


class Stage:
    """Players side by side. A context manager. Calls fail with what the page says if it takes too long."""

    def __init__(self, loop: _Loop, page: Page, players: int) -> None:
        self._loop, self._page, self._players = loop, page, players
        self._complaints: list[str] = []
        page.on("pageerror", lambda error: self._complaints.append(str(error)))

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._loop.run(self._page.close(), _START_S)

    def seek(self, time_s: Times) -> None:
        """Takes all players there, playing or not; returns when each shows the frame of its time."""
        self._call("times => stage.each((player, i) => player.seek(times[i]))", self._each(time_s))

    def play(self, rate: float = 1.0) -> None:
        """Starts all players."""
        self._call("rate => stage.each(player => player.play(rate))", rate)

    def pause(self) -> None:
        self._call("() => stage.each(player => player.pause())")

    def play_until(self, time_s: Times | None = None, *, rate: float = 1.0, patience_s: float = 60.0) -> None:
        """Plays up to that time, or to the end; each player pauses when it is there. A fatal error ends it too."""
        self._call(
            "([times, rate, ms]) => stage.each((player, i) => player.playUntil(times[i], rate, ms))",
            [self._each(time_s), rate, 1000 * patience_s],
        )

    def wait_until(self, time_s: float, *, patience_s: float = 60.0) -> None:
        """Returns when all players that play have got there; they play on."""
        self._call("([time, ms]) => stage.each(player => player.reaches(time, ms))", [time_s, 1000 * patience_s])

    def wait_for_length(self, longer_than_s: float, *, patience_s: float = 60.0) -> None:
        """Returns when all playlists have grown to more than that."""
        self._call("([time, ms]) => stage.each(player => player.grows(time, ms))", [longer_than_s, 1000 * patience_s])

    def states(self) -> list[State]:
        return [_state(told) for told in self._call("() => stage.states()")]

    def shown(self, at_most_wide: int | None = None) -> list[Shown]:
        """What each player shows now, all drawn at one time; drawn smaller where that is given and it is wider."""
        return [_shown(told) for told in self._call("width => stage.shown(width)", at_most_wide)]

    def watch(self, rects: Sequence[Sequence[Rect]]) -> None:
        """From now on, keeps the barcodes of every frame shown: for each player, in these rectangles."""
        told = [[{"x": r.x, "y": r.y, "w": r.w, "h": r.h} for r in own] for own in rects]
        self._call("rects => stage.watch(rects)", told)

    def watched(self) -> list[list[Frame]]:
        """What was shown since `watch`, which ends here."""
        return [[_frame(told) for told in frames] for frames in self._call("() => stage.watched()")]

    def hear_until(self, time_s: float, *, patience_s: float = 60.0) -> list[Heard]:
        """Plays up to that time, and gives the sound of each player. Needs `sound` of `Browser.open`."""
        told = self._call("([time, ms]) => stage.heard(time, ms)", [time_s, 1000 * patience_s])
        return [_heard(of_player) for of_player in told]

    def _each(self, time_s: Times | None) -> list[float | None]:
        return list(time_s) if isinstance(time_s, Sequence) else [time_s] * self._players

    def _load(self, pages: str, hls_js: str, playlists: Sequence[str], start_s: float, sound: bool) -> None:
        self._loop.run(self._page.goto(pages + "players.html"), _START_S)
        for script in (hls_js, pages + "players.js"):
            self._loop.run(self._page.add_script_tag(url=script), _START_S)
        self._call("([urls, start]) => stage.open(urls, start)", [list(playlists), start_s])
        if sound:
            self._call("url => stage.listen(url)", pages + "recorder.js")

    def _call(self, script: str, argument: Any = None) -> Any:
        answer = self._loop.run(self._page.evaluate(script, argument), _CALL_S)
        assert not self._complaints, self._complaints
        return answer


class _Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="playwright")

    def start(self) -> None:
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _state(told: dict[str, Any]) -> State:
    lists = {
        "buffered_s": tuple((a, b) for a, b in told["buffered_s"]),
        "errors": tuple(PlayerError(**error) for error in told["errors"]),
        "stalls": tuple(Stall(**stall) for stall in told["stalls"]),
    }
    return State(**{**told, **lists})


def _shown(told: dict[str, Any]) -> Shown:
    luma = _bytes(told["luma"]).reshape(told["height"], told["width"])
    return Shown(told["frame_s"], told["clock_s"], luma)


def _frame(told: dict[str, Any]) -> Frame:
    return Frame(told["frame_s"], told["early_s"], tuple(_bytes(row) for row in told["rows"]))


def _heard(told: dict[str, Any]) -> Heard:
    offsets = told["offsets_s"] or [float("nan")]
    low, middle, high = np.percentile(offsets, (5, 50, 95))
    samples = _bytes(told["samples"]).view(np.float32)
    return Heard(told["first_s"] + float(middle), samples, round(told["rate"]), float(high - low))


def _bytes(told: str) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(told), np.uint8)
