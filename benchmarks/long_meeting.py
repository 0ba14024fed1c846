"""Two hours for the composer's page, out of a recording of one minute: what the server answers is stretched on its way.

    meeting = LongMeeting(person)
    await meeting.answer_for(page, events=500)

The manifest, the waveforms and the plan of the minute are repeated; a still of a later minute is that of the first.
Only the page is told so: the server knows its minute, and nothing is saved.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, Route

from tests.support.serving import Person

MINUTES = 120
MINUTE_MS = 60_000
SEED = 7
_KINDS = ("layout", "pin", "place", "hide", "show", "mute", "unmute")
_LAYOUTS = ("grid", "speaker", "sidebar", "pip", "split", "spotlight")


class LongMeeting:
    """Answers to one page."""

    def __init__(self, person: Person) -> None:
        self._path = f"/recordings/{person.recording_id}"
        self._plan: dict[str, Any] = person.ask("POST", f"{self._path}/plan", json={"layout": "speaker"}).json()
        self._peers = sorted({str(audio["peer_id"]) for audio in self._plan["audio"]})

    async def answer_for(self, page: Page, *, events: int) -> None:
        """From now on `page` sees two hours, and a composition of so many events."""
        composition = {"layout": "speaker", "timeline": self._timeline(events)}
        await page.route("**/preview/manifest.json", self._manifest)
        await page.route("**/waveform.json", self._waveform)
        await page.route(re.compile(r"/still_\d{4}\.jpg$"), self._still)
        await page.route("**/plan?*", self._planned)
        await page.route("**/composition", lambda route: _composition(route, composition))

    def _timeline(self, count: int) -> list[dict[str, Any]]:
        dice = random.Random(SEED)
        return [self._event(dice, n * MINUTES * MINUTE_MS // count) for n in range(count)]

    def _event(self, dice: random.Random, t: int) -> dict[str, Any]:
        kind, peer_id = dice.choice(_KINDS), dice.choice(self._peers)
        if kind == "layout":
            return {"t": t, "type": kind, "layout": dice.choice(_LAYOUTS)}
        rect = {"x": dice.uniform(0, 0.6), "y": dice.uniform(0, 0.6), "w": 0.3, "h": 0.3}
        return {"t": t, "type": kind, "peer_id": peer_id, **({"rect": rect} if kind == "place" else {})}

    async def _manifest(self, route: Route) -> None:
        told = await (await route.fetch()).json()
        for peer in told["peers"]:
            peer["presence_ms"] = _repeated(peer["presence_ms"])
            peer["speech_ms"] = _repeated(peer["speech_ms"])
            for stream in peer["streams"]:
                stream["segments"] *= MINUTES
                count = MINUTE_MS // 1000 // told["segment_seconds"]
                stream["still_segments"] = [
                    [first + n * count, last + n * count]
                    for n in range(MINUTES)
                    for first, last in stream.get("still_segments", [])
                ]
                stream["spans"] = [
                    {**span, "start_ms": span["start_ms"] + n * MINUTE_MS, "end_ms": span["end_ms"] + n * MINUTE_MS}
                    for n in range(MINUTES)
                    for span in stream.get("spans", [])
                ]
        await route.fulfill(json={**told, "duration_ms": MINUTES * MINUTE_MS})

    async def _waveform(self, route: Route) -> None:
        told = await (await route.fetch()).json()
        await route.fulfill(json={**told, "length": told["length"] * MINUTES, "data": told["data"] * MINUTES})

    async def _still(self, route: Route) -> None:
        head, number = route.request.url.removesuffix(".jpg").rsplit("_", 1)
        await route.continue_(url=f"{head}_{(int(number) - 1) % 15 + 1:04}.jpg")

    async def _planned(self, route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        from_ms, to_ms = int(query["from_ms"][0]), int(query["to_ms"][0])
        scenes = [
            {**scene, "start_ms": max(start, from_ms), "end_ms": min(end, to_ms), "transition": None}
            for scene in self._plan["scenes"]
            for n in range(from_ms // MINUTE_MS, -(-to_ms // MINUTE_MS))
            for start, end in [(scene["start_ms"] + n * MINUTE_MS, scene["end_ms"] + n * MINUTE_MS)]
            if start < to_ms and end > from_ms
        ]
        window = {"start_ms": from_ms, "end_ms": to_ms, "scenes": sorted(scenes, key=lambda s: s["start_ms"])}
        spans = {name: [_all_along(peer) for peer in self._plan[name]] for name in ("speech", "audio")}
        await route.fulfill(json={**self._plan, **window, **spans})


async def _composition(route: Route, composition: dict[str, Any]) -> None:
    """Loads ours; saving changes nothing."""
    if route.request.method == "GET":
        await route.fulfill(body=json.dumps(composition), headers={"ETag": '"1"', "Content-Type": "application/json"})
    else:
        saved = {"status": "ok", "updated_at": "2026-01-01T00:00:00Z", "composition_id": "0" * 32}
        await route.fulfill(json=saved, headers={"ETag": '"1"'})


def _all_along(peer: dict[str, Any]) -> dict[str, Any]:
    return {**peer, "spans_ms": _repeated(peer["spans_ms"])}


def _repeated(spans: list[list[int]]) -> list[list[int]]:
    """Every minute again, spans that then touch joined."""
    joined: list[list[int]] = []
    for start, end in ([a + n * MINUTE_MS, b + n * MINUTE_MS] for n in range(MINUTES) for a, b in spans):
        if joined and joined[-1][1] >= start:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return joined
