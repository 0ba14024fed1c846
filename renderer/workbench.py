"""What a worker has open for one job: the recording, the indexes of its tracks, and stills. Opened when first used.

Built from a `RenderSpec`, which is all that travels. Hands out readers and the tracks behind a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from compositing.picture import Raster
from compositing.stills import decode_raster
from renderer.feeds import SeenTrack
from renderer.index import TrackIndex, load_index
from renderer.intermediate import IntermediateReader, parse_contents
from renderer.player import UnitReader
from renderer.rtp.units import AccessUnit
from renderer.sampler import showable
from renderer.soundtrack import HeardTrack
from renderer.sources import read_units
from renderer.spec import RenderSpec, TrackInput
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, open_store

CONTENTS_PIECE = 0
"""Number under which the table of contents of an intermediate lies; its pieces are numbered from 1."""


class Workbench:
    """One job's sources, on one worker."""

    def __init__(self, spec: RenderSpec, store: ObjectStore | None = None) -> None:
        self.spec = spec
        self.keys = RecordingKeys(spec.room_id, spec.recording_id)
        self._given_store = store
        self._indexes: dict[str, TrackIndex] = {}
        self._rasters: dict[str, Raster] = {}

    @cached_property
    def store(self) -> ObjectStore:
        return self._given_store or open_store(self.spec.store)

    def index(self, track: TrackInput) -> TrackIndex:
        """The track's index, read once."""
        if track.track_id not in self._indexes:
            self._indexes[track.track_id] = load_index(self.store.get(track.index_key))
        return self._indexes[track.track_id]

    def seen_tracks(self, peer_id: str, source: str) -> tuple[SeenTrack, ...]:
        """The video tracks behind a tile, in the order in which the planner had them."""
        return tuple(
            seen_track(t, self.index(t), self.spec)
            for t in self.spec.tracks
            if t.peer_id == peer_id and t.kind == source
        )

    def heard_tracks(self) -> Iterator[HeardTrack]:
        """All audio tracks."""
        for track in self.spec.tracks:
            if track.kind == "audio":
                index = self.index(track)
                yield HeardTrack(track.peer_id, index, track.nudge_us, SourceReader(self.store, self.keys, index).units)

    def reader(self, seen: SeenTrack) -> UnitReader:
        """Where the units of a video track come from."""
        if not seen.intermediate:
            return SourceReader(self.store, self.keys, seen.index)

        def fetch(number: int) -> bytes:
            key = self.keys.intermediate(seen.track_id, seen.intermediate, number)
            return self.store.get(key)

        return IntermediateReader(seen.index, parse_contents(fetch(CONTENTS_PIECE)), fetch)

    def raster(self, key: str) -> Raster:
        """A label, avatar, text or image by its content key."""
        if key not in self._rasters:
            self._rasters[key] = decode_raster(self.store.get(self.keys.raster(key)))
        return self._rasters[key]


def seen_track(track: TrackInput, index: TrackIndex, spec: RenderSpec) -> SeenTrack:
    """A video track as the feeds want it."""
    shown = showable(index, spec.loss)
    return SeenTrack(track.track_id, index, shown, track.live, track.nudge_us, track.intermediate)


class SourceReader:
    """Reads the recording itself; a `player.UnitReader`."""

    def __init__(self, store: ObjectStore, keys: RecordingKeys, index: TrackIndex) -> None:
        self._store = store
        self._keys = keys
        self._index = index
        self._keyframe_rows = np.flatnonzero(index.keyframe & index.complete)

    @property
    def codec(self) -> str:
        return self._index.codec

    def keyframe_before(self, row: int) -> int:
        at = int(np.searchsorted(self._keyframe_rows, row, side="right")) - 1
        return int(self._keyframe_rows[at]) if at >= 0 else -1

    def all_units(self) -> Iterator[AccessUnit]:
        """The whole track."""
        return self.units(0, len(self._index) - 1)

    def units(self, first_row: int, last_row: int) -> Iterator[AccessUnit]:
        return read_units(self._store, self._keys, self._index, first_row, last_row)
