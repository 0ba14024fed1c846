"""Plans and stills while somebody composes: of recordings that were read before, with what was drawn before.

Takes the name of a recording and the bytes of a Composition State; gives the bytes of a plan or a still.
Keeps a few recordings understood, the least lately used forgotten first, each tied to the ETags of its documents and
to whether it is finished; that is looked up again when the answer is older than `FRESH_S`. Stills that a plan names
are stored before the plan is given, so that any process can serve them. One thread at a time.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from compositing.fonts import FontBook
from compositing.plan_json import plan_bytes
from compositing.state import parse_state
from compositing.stills import StillFormat
from compositing.times import Span
from farm.compose import Composer
from farm.executors.local import LocalExecutor
from farm.forecast import forecast_sound, forecast_video
from farm.prepare import Prepared
from farm.run import (
    Format,
    Surroundings,
    fonts_of,
    job_choices,
    read,
    stored_chunks,
)
from farm.settings import FarmSettings
from farm.stills import draw_still
from renderer.profiles import PresetName
from renderer.remembered import PictureMemory
from storage.errors import ObjectNotFound
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec, open_store
from storage.recordings import Recording, open_recording

MOST_RECORDINGS = 8
"""Recordings that are kept understood."""
FRESH_S = 2.0
"""How long a recording counts as unchanged without asking the store."""
PICTURE_BYTES = 64 << 20
"""Decoded pictures kept of each recording: some forty at 720p."""
RASTER_BYTES = 32 << 20
"""Stills kept of each recording; beyond, its composer begins anew."""
STORED_S = 600.0
"""How long a still counts as stored; somebody may tidy `cache/` meanwhile."""
_PUTTERS = 8
"""Stills that are stored at the same time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which recording, in which store."""

    store: StoreSpec
    room_id: str
    recording_id: str

    @property
    def keys(self) -> RecordingKeys:
        """Raises InvalidKey for ids that may not stand in a path."""
        return RecordingKeys(self.room_id, self.recording_id)


Stamp = tuple[str | None, ...]
"""The ETags of the documents that may change while a recording runs; None for one that is absent."""


class InteractiveSession:
    """What one process knows of the recordings that are being composed. Errors are those of the rooms below."""

    def __init__(self, settings: FarmSettings, clock: Callable[[], float]) -> None:
        """`clock` gives seconds from any fixed point."""
        self._around = Surroundings(settings, LocalExecutor(), lambda event: None)
        self._clock = clock
        self._fonts = fonts_of(settings)
        self._stores: dict[StoreSpec, ObjectStore] = {}
        self._open: OrderedDict[Place, _Understood] = OrderedDict()

    def plan(self, place: Place, state: bytes, window: Span | None = None) -> bytes:
        """The plan of `state`, or of what of it lies in `window`, as JSON."""
        parsed = parse_state(state)
        understood = self._understood(place)
        plan = understood.composer().plan(parsed, window)
        understood.store_rasters(self._clock())
        return plan_bytes(plan)

    def still(self, place: Place, state: bytes, at_s: float, form: StillFormat) -> bytes:
        """The composed picture at `at_s` seconds of recording time, as an image file."""
        parsed = parse_state(state)
        understood = self._understood(place)
        return draw_still(understood.composer(), parsed, at_s, form, self._around, understood.pictures)

    def forecast(
        self, place: Place, state: bytes, preset: PresetName, form: Format, workers: int
    ) -> bytes:
        """What an export of `state` by so many workers would cost, as JSON."""
        parsed = parse_state(state)
        understood = self._understood(place)
        composed = understood.composer().compose(parsed, job_choices(parsed, self._around.settings, preset, "auto"))
        stored = stored_chunks(understood.recording)
        if form == "m4a":
            found = forecast_sound(composed, stored, workers)
        else:
            found = forecast_video(composed, stored, preset, workers)
        return json.dumps(found.to_json()).encode()

    def _understood(self, place: Place) -> _Understood:
        """The recording as it is now; it is read where it was not, or has changed since."""
        now_s = self._clock()
        known = self._open.get(place)
        if known is None or now_s - known.checked_s > FRESH_S:
            stamp = _stamp(self._store(place.store), place.keys)
            if known is None or known.stamp != stamp:
                known = self._read(place, stamp)
            known.checked_s = now_s
        self._open[place] = known
        self._open.move_to_end(place)
        if len(self._open) > MOST_RECORDINGS:
            self._open.popitem(last=False)
        return known

    def _read(self, place: Place, stamp: Stamp) -> _Understood:
        recording = open_recording(place.store, place.room_id, place.recording_id, self._store(place.store))
        return _Understood(read(recording, self._around), self._fonts, stamp)

    def _store(self, spec: StoreSpec) -> ObjectStore:
        if spec not in self._stores:
            self._stores[spec] = open_store(spec)
        return self._stores[spec]


class _Understood:
    """A recording that was read, and what was made for compositions of it."""

    def __init__(self, prepared: Prepared, fonts: FontBook, stamp: Stamp) -> None:
        self.stamp = stamp
        self.checked_s = 0.0
        self.pictures = PictureMemory(PICTURE_BYTES)
        self._prepared = prepared
        self._fonts = fonts
        self._begin()

    @property
    def recording(self) -> Recording:
        """Where it is stored."""
        return self._prepared.recording

    def composer(self) -> Composer:
        """Its composer; a new one where the old one holds too many stills."""
        if sum(map(len, self._composer.rasters.values())) > RASTER_BYTES:
            self._begin()
        return self._composer

    def store_rasters(self, now_s: float) -> None:
        """Puts the stills that are not known to be stored, or were long ago, where every process finds them."""
        recording, made = self._prepared.recording, self._composer.rasters
        new = [key for key in made if now_s - self._stored.get(key, float("-inf")) > STORED_S]
        if not new:
            return
        with ThreadPoolExecutor(_PUTTERS) as pool:
            list(pool.map(lambda key: recording.store.put_if_absent(recording.keys.raster(key), made[key]), new))
        self._stored.update(dict.fromkeys(new, now_s))

    def _begin(self) -> None:
        self._composer = Composer(self._prepared, self._fonts)
        self._stored: dict[str, float] = {}   # when, by the session's clock


def _stamp(store: ObjectStore, keys: RecordingKeys) -> Stamp:
    with ThreadPoolExecutor(3) as pool:
        return tuple(pool.map(lambda key: _etag(store, key), (keys.metadata, keys.timeline, keys.completed)))


def _etag(store: ObjectStore, key: str) -> str | None:
    try:
        return store.stat(key).etag
    except ObjectNotFound:
        return None
