"""How long somebody who drags a tile waits: `python -m benchmarks.studio [--rounds N] [--minutes N]`.

Asks a studio with one worker for plans and stills of the small recording and of a long one made of it, with and
without 500 events, while one tile moves from question to question; and for stills at other times, as a scrubber
does. Times are wall time in the caller, process boundary included. Prints one JSON document.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.recordings import looped
from compositing.state import MAX_EVENTS
from compositing.times import Span
from farm.settings import load_settings
from scheduler_api.studio import Studio
from storage.objects import StoreSpec
from tests.support.recordings import KICKOFF

Ask = Callable[[int], Awaitable[bytes]]
Figures = dict[str, float]

CANVAS = {"resolution": "1280x720", "fps": 30}
WINDOW_MS = 3000
_POSITIONS = 350
"""Of the tile on its way over the canvas, a few pixels apart."""
LAYOUTS = ("grid", "speaker", "sidebar", "pip", "split", "spotlight")
SEED = 7


@click.command()
@click.option("--rounds", type=click.IntRange(10), default=60, show_default=True)
@click.option("--minutes", type=click.IntRange(1), default=60, show_default=True, help="Length of the long recording.")
def main(rounds: int, minutes: int) -> None:
    """Measures plans and stills."""
    with tempfile.TemporaryDirectory() as scratch:
        found = asyncio.run(_measure(Path(scratch), rounds, minutes))
    print(json.dumps({"rounds": rounds, "minutes": minutes, **found, "machine": describe_machine()}, indent=2))


async def _measure(scratch: Path, rounds: int, minutes: int) -> dict[str, Any]:
    source = next(KICKOFF.glob("rooms/*/*"))
    short = Path(shutil.copytree(source, scratch / "short" / "rooms" / source.parent.name / source.name))
    _say(f"writing {minutes} minutes")
    long = looped(source, scratch / "long", minutes=minutes)
    async with Studio(load_settings(), workers=1) as studio:
        found = {}
        for name, path, duration_ms in (("kickoff", short, 20_000), ("long", long, minutes * 60_000)):
            for events in (1, MAX_EVENTS):
                _say(f"{name}, {events} events")
                found[f"{name}_{events}_events"] = await _Drag(studio, path, duration_ms, events).measured(rounds)
    return found


class _Drag:
    """One tile that moves, in one composition of one recording."""

    def __init__(self, studio: Studio, path: Path, duration_ms: int, events: int) -> None:
        self._studio = studio
        self._where = StoreSpec(str(path.parents[2])), path.parent.name, path.name
        self._duration_ms = duration_ms
        metadata = json.loads((path / "metadata.json").read_text("utf-8"))
        self._peers = [person["peer_id"] for person in metadata["participants"]]
        self._events = _events(self._peers, duration_ms, events - 1)
        self._states = [self._state(i) for i in range(_POSITIONS)]

    async def measured(self, rounds: int) -> dict[str, Any]:
        """Times in ms, by kind of question; the first of all, with indexing, apart."""
        middle = self._duration_ms // 2
        window, at_s = Span(middle, middle + WINDOW_MS), middle / 1000 + 1
        first_ms, plan = await _timed(lambda i: self._plan(i), 0)
        first_still_ms, _ = await _timed(lambda i: self._still(i, at_s, "jpeg"), 0)
        rng = np.random.default_rng(SEED)
        return {
            "plan_bytes": len(plan),
            "scenes": len(json.loads(plan)["scenes"]),
            "first_plan_ms": first_ms,
            "first_still_ms": first_still_ms,
            "plan": await _percentiles(self._plan, rounds),
            "plan_window": await _percentiles(lambda i: self._plan(i, window), rounds),
            "still_png": await _percentiles(lambda i: self._still(i, at_s, "png"), rounds),
            "still_jpeg": await _percentiles(lambda i: self._still(i, at_s, "jpeg"), rounds),
            "still_elsewhere_jpeg": await _percentiles(
                lambda i: self._still(0, rng.uniform(0, self._duration_ms / 1000 - 1), "jpeg"), rounds // 2
            ),
        }

    def _plan(self, i: int, window: Span | None = None) -> Awaitable[bytes]:
        return self._studio.plan(*self._where, self._states[i % _POSITIONS], window)

    def _still(self, i: int, at_s: float, form: Any) -> Awaitable[bytes]:
        return self._studio.still(*self._where, self._states[i % _POSITIONS], at_s, form)

    def _state(self, i: int) -> bytes:
        rect = {"x": i * 0.7 / _POSITIONS, "y": 0.5, "w": 0.3, "h": 0.3}
        moved = {"t": self._duration_ms // 2, "type": "place", "peer_id": self._peers[0], "rect": rect}
        return json.dumps({"layout": "speaker", "timeline": [*self._events, moved], "export": CANVAS}).encode()


def _events(peers: list[str], duration_ms: int, count: int) -> list[dict[str, Any]]:
    """Events of all kinds, spread over the recording."""
    rng = random.Random(SEED)
    return [_event(rng, rng.choice(peers), n, n * duration_ms // max(count, 1)) for n in range(count)]


def _event(rng: random.Random, peer_id: str, n: int, t: int) -> dict[str, Any]:
    rect = {"x": rng.uniform(0, 0.6), "y": rng.uniform(0, 0.6), "w": 0.35, "h": 0.35}
    text = {"type": "text", "text": f"Chapter {n}", "rect": rect, "duration_ms": 2000}
    kinds: list[dict[str, Any]] = [
        {"type": "layout", "layout": rng.choice(LAYOUTS)},
        {"type": "place", "peer_id": peer_id, "rect": rect},
        *({"type": kind, "peer_id": peer_id} for kind in ("pin", "unplace", "hide", "show", "mute", "unmute")),
        {"type": "unpin"},
        text,
    ]
    return {"t": t, **rng.choice(kinds)}


async def _percentiles(ask: Ask, rounds: int) -> Figures:
    times = [(await _timed(ask, i + 1))[0] for i in range(rounds)]
    return {"p50_ms": round(float(np.percentile(times, 50)), 1), "p95_ms": round(float(np.percentile(times, 95)), 1)}


async def _timed(ask: Ask, i: int) -> tuple[float, bytes]:
    began = time.perf_counter()
    answer = await ask(i)
    return round((time.perf_counter() - began) * 1000, 1), answer


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
