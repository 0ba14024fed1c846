"""How the composer's page bears up in Chromium: `python -m benchmarks.composer [--rounds N] [--seconds N]`.

Nine peers and a shared screen (`bigroom`) from `farm serve` with real previews: time from opening the page to the first
picture and to all of them, dropped frames and drift between peers while playing, time from a seek to all pictures
right. Then two hours with 500 events: time between frames while scrubbing, dragging a marker, zooming and scrolling.
For these the page is told of two hours by stretched answers (manifest, waveforms, plans and stills of the one minute,
again and again), so that the page is measured and not the making of a long recording; videos end after a minute, and
beyond it the stage shows stills. Prints one JSON document.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.long_meeting import MINUTES, LongMeeting
from benchmarks.machine import describe_machine
from compositing.state import MAX_EVENTS
from tests.support.browser import Browser, Visit
from tests.support.composer import stored
from tests.support.previews import Previews
from tests.support.serving import Person, Serving

SEED = 7
SIZE = {"width": 1280, "height": 720}
FRAME_MS = 1000 / 60
_READY = "() => globalThis.__composer !== undefined && __composer.tiles().length > 0"
_WATCH_START = """() => {
  const seen = globalThis.firsts = { picture: null, all: null };
  const look = () => {
    const streams = globalThis.__composer?.streams().filter((stream) => stream.seen) ?? [];
    if (streams.some((stream) => stream.frames > 0)) seen.picture ??= performance.now();
    if (streams.length > 0 && streams.every((stream) => stream.frames > 0)) seen.all ??= performance.now();
    if (seen.all === null) setTimeout(look, 10);
  };
  look();
}"""
_FRAMES = """() => {
  const times = globalThis.frameTimes = [];
  globalThis.measuring = true;
  let last = performance.now();
  const next = (now) => {
    times.push(now - last);
    last = now;
    if (globalThis.measuring) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True, help="Seeks and openings.")
@click.option("--seconds", type=click.IntRange(2), default=30, show_default=True, help="Of playing.")
def main(rounds: int, seconds: int) -> None:
    """Measures the page."""
    with tempfile.TemporaryDirectory() as scratch:
        found = _measure(Path(scratch), rounds, seconds)
    print(json.dumps({**found, "machine": describe_machine()}, indent=2))


def _measure(scratch: Path, rounds: int, seconds: int) -> dict[str, Any]:
    _say("previews of bigroom")
    preview = Previews(scratch / "previews").of("bigroom")
    with ExitStack() as stack:
        farm = stack.enter_context(Serving(scratch, keys=stored(preview, scratch / "store")))
        browser = stack.enter_context(Browser())
        person = farm.person()
        person.save({"layout": "grid", "style": {"screenshare": "tile"}})
        _say("nine peers and a screen")
        nine = {
            "opening_ms": _opening(browser, person, min(rounds, 5)),
            "playing": _playing(browser, person, seconds),
            "seek_to_all_right_ms": _seeking(browser, person, rounds, preview.duration_ms),
        }
        _say("two hours, 500 events")
        return {"nine_peers": nine, "two_hours": _two_hours(browser, person)}


# ---- nine peers ----------------------------------------------------------------------------------------------


def _opening(browser: Browser, person: Person, rounds: int) -> dict[str, Any]:
    """From the beginning of the navigation until a picture is there, and until all are."""
    firsts = []
    for _ in range(rounds):
        with browser.visit("about:blank", **SIZE) as visit:
            visit.run(visit.page.add_init_script(f"({_WATCH_START})()"))
            visit.run(visit.page.goto(_url(person)))
            visit.wait_until("() => globalThis.firsts?.all !== null", 60)
            firsts.append(visit.call("() => globalThis.firsts"))
    return {name: _figures([first[name] for first in firsts]) for name in ("picture", "all")}


def _playing(browser: Browser, person: Person, seconds: int) -> dict[str, Any]:
    """Frames and drift of the streams that are seen, a second after the start and on."""
    with browser.visit(_url(person), **SIZE) as visit:
        visit.wait_until(_READY)
        visit.call("() => { __composer.seek(12000); return __composer.settled(); }")
        visit.call("() => __composer.play()")
        visit.wait_until("() => __composer.isRunning()")
        time.sleep(1)
        before = _streams(visit)
        began, first_ms = time.monotonic(), visit.call("() => __composer.timeMs()")
        drifts: list[float] = []
        held = 0
        while time.monotonic() < began + seconds:
            time.sleep(0.1)
            held += not visit.call("() => __composer.isRunning()")
            drifts += [s["driftMs"] for s in _streams(visit).values() if s["seen"] and s["driftMs"] is not None]
        after, played_ms = _streams(visit), visit.call("() => __composer.timeMs()") - first_ms
        paints = visit.call("() => __composer.paints().lastMs")
    both = [(before[name], after[name]) for name in before if name in after]
    frames = sum(b["frames"] - a["frames"] for a, b in both)
    dropped = sum(b["dropped"] - a["dropped"] for a, b in both)
    return {
        "streams": len(both),
        "played_s": round(played_ms / 1000, 2),
        "wall_s": seconds,
        "frames": frames,
        "dropped": dropped,
        "dropped_share": round(dropped / max(1, frames), 4),
        "drift_ms_p50": round(float(np.percentile(np.abs(drifts), 50)), 1),
        "drift_ms_p95": round(float(np.percentile(np.abs(drifts), 95)), 1),
        "readings_waiting": held,
        "paint_ms": _figures(paints),
    }


def _seeking(browser: Browser, person: Person, rounds: int, duration_ms: int) -> dict[str, float]:
    """From a seek while it stands until every tile shows the picture of that time."""
    moments = random.Random(SEED).sample(range(duration_ms - 1000), rounds)
    script = """async (t) => {
      const began = performance.now();
      __composer.seek(t);
      await __composer.settled();
      return performance.now() - began;
    }"""
    with browser.visit(_url(person), **SIZE) as visit:
        visit.wait_until(_READY)
        visit.call("() => __composer.settled()")
        return _figures([visit.call(script, t) for t in moments])


def _streams(visit: Visit) -> dict[str, dict[str, Any]]:
    return {stream["id"] + stream["rendition"]: stream for stream in visit.call("() => __composer.streams()")}


# ---- two hours -----------------------------------------------------------------------------------------------


def _two_hours(browser: Browser, person: Person) -> dict[str, Any]:
    meeting = LongMeeting(person)
    person.save({"layout": "speaker", "timeline": []})
    with browser.visit("about:blank", **SIZE) as visit:
        visit.run(meeting.answer_for(visit.page, events=MAX_EVENTS))
        visit.run(visit.page.goto(_url(person)))
        visit.wait_until(_READY)
        visit.wait_until(f"() => __composer.endMs() === {MINUTES * 60_000}")
        assert len(visit.call("() => __composer.state().timeline")) == MAX_EVENTS
        time.sleep(3)   # waveforms and the first stills
        hand = _Hand(visit)
        return {
            "scrubbing_frame_ms": hand.measured(lambda: hand.sweep(1040, 12, 220)),
            "dragging_a_marker_frame_ms": hand.measured(lambda: hand.sweep(*hand.marker(), 220)),
            "zooming_frame_ms": hand.measured(hand.zoom),
            "scrubbing_close_frame_ms": hand.measured(lambda: hand.sweep(1040, 12, 220)),
            "panning_frame_ms": hand.measured(hand.pan),
        }


class _Hand:
    """The mouse over the timeline."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._mouse = visit.page.mouse
        box = visit.run(visit.page.locator(".rc-timeline__head").bounding_box())
        assert box
        self._left, self._top = box["x"], box["y"]

    def measured(self, act: Callable[[], None]) -> dict[str, float]:
        """Time between frames while `act` goes on."""
        self._visit.call(_FRAMES)
        act()
        times = self._visit.call("() => { globalThis.measuring = false; return globalThis.frameTimes; }")[2:]
        late = sum(t > 1.5 * FRAME_MS for t in times)
        return {**_figures(times), "late_share": round(late / max(1, len(times)), 4), "frames": len(times)}

    def sweep(self, x: float, y: float, steps: int) -> None:
        """Presses there, goes to and fro, and lets go."""
        self._visit.run(self._mouse.move(self._left + x, self._top + y))
        self._visit.run(self._mouse.down())
        for step in range(steps):
            away = 420 * np.sin(step / steps * 4 * np.pi)
            self._visit.run(self._mouse.move(self._left + min(max(x + away, 10), 1080), self._top + y))
        self._visit.run(self._mouse.up())

    def marker(self) -> tuple[float, float]:
        """Where a layout event can be grasped, about the middle."""
        script = "() => __composer.state().timeline.filter(e => e.type === 'layout').map(e => e.t)"
        times: list[int] = self._visit.call(script)
        x = 14 + times[len(times) // 2] / (MINUTES * 60_000) * (1096 - 28)
        return x + 1, 41

    def zoom(self) -> None:
        self._wheel("Control", -60)

    def pan(self) -> None:
        self._wheel("Shift", 80)

    def _wheel(self, held: str, by: float) -> None:
        self._visit.run(self._mouse.move(self._left + 500, self._top + 120))
        self._visit.run(self._visit.page.keyboard.down(held))
        for step in range(120):
            self._visit.run(self._mouse.wheel(0, by if step % 60 < 40 else -by))
        self._visit.run(self._visit.page.keyboard.up(held))


def _figures(values: list[float]) -> dict[str, float]:
    return {
        name: round(float(np.percentile(values, share)), 1) for name, share in (("p50", 50), ("p95", 95), ("max", 100))
    }


def _url(person: Person) -> str:
    return f"{person.address}/composer/{person.recording_id}#user_token={person.user_token}"


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
