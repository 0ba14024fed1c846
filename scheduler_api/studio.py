"""The studio: plans, stills, labels and uploaded images, made in worker processes and never in the API's own.

Takes the name of a recording and bytes from outside, gives bytes, or raises the errors of the rooms below as if they
had been raised here. What is uploaded or recorded may be hostile: it is decoded in processes with limits of memory
and time, and one that dies or hangs is replaced while only its own question fails. A recording goes to the worker
that has it understood, if that one is free.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import astuple, replace
from types import TracebackType
from typing import Literal, Self

from compositing.errors import AssetNotAnImage
from compositing.state import MAX_BYTES, MAX_TIME_MS
from compositing.times import Span
from farm.settings import FarmSettings
from renderer.profiles import PresetName
from scheduler_api.errors import NotFound, StudioBusy, StudioFailed, TooLarge, Unprocessable
from scheduler_api.image_header import ImageHeader, check_header
from scheduler_api.studio_process import Limits, StudioProcess, WorkerGone
from scheduler_api.studio_wire import Header, restore_error
from storage.errors import ObjectNotFound
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec, open_store

StillFormat = Literal["png", "jpeg"]
ExportFormat = Literal["mp4", "m4a"]
Answer = tuple[Header, bytes]

LIMITS = Limits()
Home = tuple[object, object]
"""Room and recording of a question; None for those about no recording."""

_MOST_HOMES = 1000
"""Recordings of which it is remembered who understands them."""

_RASTER_KEY = re.compile(r"[0-9a-f]{32}")

_log = logging.getLogger(__name__)


class Studio:
    """A pool of worker processes. `start` it, and `close` it when done."""

    def __init__(
        self,
        settings: FarmSettings,
        workers: int = 2,
        limits: Limits = LIMITS,
        patience_s: float = 10.0,
        cores: int = 1,
    ) -> None:
        """A question waits up to `patience_s` for a free worker. `cores`: how many exports have, unless it is set."""
        self._limits, self._patience_s = limits, patience_s
        self._farm_workers = settings.expected_workers or settings.workers or cores
        self._workers = tuple(StudioProcess(settings, limits) for _ in range(workers))
        self._idle = list(self._workers)
        self._free = asyncio.Semaphore(workers)
        self._homes: OrderedDict[Home, StudioProcess] = OrderedDict()
        self._stores: dict[StoreSpec, ObjectStore] = {}
        self._asking: set[asyncio.Task[Answer]] = set()
        self._closed = False

    async def start(self) -> None:
        """Starts the workers; they import beside what comes next."""
        for worker in self._workers:
            await worker.start()

    async def close(self) -> None:
        """Ends the workers; a question in work fails with StudioFailed."""
        self._closed = True
        await asyncio.gather(*(worker.stop() for worker in self._workers))
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def plan(
        self, store: StoreSpec, room_id: str, recording_id: str, state: bytes, window: Span | None = None
    ) -> bytes:
        """The plan of a Composition State, or of what lies in `window`, as JSON. Its stills are in the store.

        Raises InvalidState, UnknownPeer, WrongRecording, InvalidRange, AssetUnknown, RecordingNotFound and the other
        errors of storage; TooLarge, StudioBusy, StudioFailed.
        """
        asked = {"kind": "plan", "window_ms": None if window is None else (window.start_ms, window.end_ms)}
        return await self._ask("the plan", asked | _place(store, room_id, recording_id), _small(state))

    async def still(
        self, store: StoreSpec, room_id: str, recording_id: str, state: bytes, t_s: float, form: StillFormat
    ) -> bytes:
        """The composed picture at `t_s` seconds of recording time, an image file.

        Raises as `plan`, and Unprocessable for a time that is none.
        """
        if not (math.isfinite(t_s) and 0 <= t_s <= MAX_TIME_MS / 1000):
            raise Unprocessable((("", f"t is a time in seconds, from 0 to {MAX_TIME_MS // 1000}"),))
        asked = {"kind": "still", "at_s": t_s, "form": form}
        return await self._ask("the still", asked | _place(store, room_id, recording_id), _small(state))

    async def forecast(
        self, store: StoreSpec, room_id: str, recording_id: str, state: bytes, preset: PresetName, form: ExportFormat
    ) -> bytes:
        """What an export of a Composition State would have to render, and about how long that takes, as JSON.

        Raises as `plan`.
        """
        asked = {"kind": "forecast", "preset": preset, "format": form, "workers": self._farm_workers}
        return await self._ask("the forecast", asked | _place(store, room_id, recording_id), _small(state))

    async def label(self, store: StoreSpec, room_id: str, recording_id: str, key: str) -> bytes:
        """The PNG of a label, avatar, text or image, by the key that plans give it. Raises NotFound, StorageError.

        It was stored when it was drawn and is the same for ever, so no worker is asked.
        """
        if not _RASTER_KEY.fullmatch(key):
            raise NotFound("label", key[:80])
        name = RecordingKeys(room_id, recording_id).raster(key)
        if store not in self._stores:
            self._stores[store] = open_store(store)
        try:
            return await asyncio.to_thread(self._stores[store].get, name)
        except ObjectNotFound:
            raise NotFound("label", key) from None

    async def check_image(self, name: str, data: bytes) -> ImageHeader:
        """What an uploaded file is, after it was decoded once to its last pixel.

        Raises AssetNotAnImage, AssetTooLarge, StudioBusy.
        """
        header = await asyncio.to_thread(check_header, name, data)
        asked = {"kind": "image", "name": name}
        try:
            sides = await self._ask("the image", asked, data[: header.end], self._limits.image_seconds)
        except StudioFailed as failed:
            raise AssetNotAnImage(name, "decoding it takes too much time or memory") from failed
        width, height = map(int, sides.split())
        return replace(header, width=width, height=height)

    async def _ask(
        self, what: str, asked: Mapping[str, object], body: bytes, limit_s: float | None = None
    ) -> bytes:
        """What a worker answers. Who is cancelled leaves; the worker is free when it has answered all the same."""
        worker = await self._hire((asked.get("room_id"), asked.get("recording_id")))
        answer = asyncio.create_task(self._answer(worker, asked, body, limit_s or self._limits.seconds))
        self._asking.add(answer)
        answer.add_done_callback(self._answered)
        try:
            header, data = await asyncio.shield(answer)
        except WorkerGone as gone:
            _log.error("%s was not made: %s", what, gone)
            raise StudioFailed(what, str(gone)) from None
        if "error" in header:
            raise _error(what, header["error"])
        return data

    async def _hire(self, home: Home) -> StudioProcess:
        """A free worker: the one that knows the recording, if it may be."""
        if self._closed:
            raise StudioFailed("anything", "the studio is closed")
        try:
            async with asyncio.timeout(self._patience_s):
                await self._free.acquire()
        except TimeoutError:
            raise StudioBusy(self._patience_s) from None
        known = self._homes.pop(home, None)
        worker = self._idle.pop(self._idle.index(known) if known in self._idle else 0)
        self._homes[home] = worker
        if len(self._homes) > _MOST_HOMES:
            self._homes.popitem(last=False)
        return worker

    async def _answer(self, worker: StudioProcess, asked: Mapping[str, object], body: bytes, limit_s: float) -> Answer:
        try:
            return await worker.ask(asked, body, limit_s)
        finally:
            self._idle.append(worker)
            self._free.release()

    def _answered(self, answer: asyncio.Task[Answer]) -> None:
        self._asking.discard(answer)
        if not answer.cancelled():
            answer.exception()   # it was told, or nobody waits for it any more


def _place(store: StoreSpec, room_id: str, recording_id: str) -> dict[str, object]:
    """Raises InvalidKey for ids that may not stand in a path."""
    keys = RecordingKeys(room_id, recording_id)
    return {"store": astuple(store), "room_id": keys.room_id, "recording_id": keys.recording_id}


def _small(state: bytes) -> bytes:
    if len(state) > MAX_BYTES:
        raise TooLarge("a composition", MAX_BYTES)
    return state


def _error(what: str, described: object) -> Exception:
    known = restore_error(described)
    if known is None:
        _log.error("%s was not made: %s", what, described)
        return StudioFailed(what, str(described))
    return known
