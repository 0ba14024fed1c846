"""What a job needs of the cache: a small object there that names the others, so that tidying up spares them.

Written anew by each run, before it looks what is there, so its age is that of the last job that needed the things it
names, whatever their own age.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from farm.compose import Composed
from renderer.spec import AudioChunk, TrackInput, VideoChunk
from storage.errors import ObjectNotFound
from storage.keys import RecordingKeys
from storage.objects import ObjectStore
from storage.recordings import Recording

_VERSION = 1
_PREVIEW = "preview"
"""A recording has one list for its previews: each run is of all of them."""


def write_needs(
    recording: Recording, export_id: str, composed: Composed, video: Sequence[VideoChunk], audio: Sequence[AudioChunk]
) -> None:
    """Puts down what the export with this id is made of."""
    keys = recording.keys
    needed = [
        *(keys.chunk("video", chunk.key) for chunk in video),
        *(keys.chunk("audio", chunk.key) for chunk in audio),
        *(keys.raster(key) for key in composed.rasters),
        *_intermediates(keys, composed.spec.tracks),
    ]
    _write(recording, export_id, needed)


def write_preview_needs(recording: Recording, tracks: Iterable[TrackInput]) -> None:
    """Puts down the intermediates that previews are rendered from, if there are any."""
    if needed := _intermediates(recording.keys, tracks):
        _write(recording, _PREVIEW, needed)


def _intermediates(keys: RecordingKeys, tracks: Iterable[TrackInput]) -> list[str]:
    return [keys.intermediate(t.track_id, t.intermediate, 0) for t in tracks if t.intermediate]


def _write(recording: Recording, name: str, needed: Iterable[str]) -> None:
    keys = recording.keys
    relative = [key.removeprefix(keys.cache) for key in needed]
    recording.store.put(keys.needs_of(name), json.dumps({"version": _VERSION, "keys": relative}).encode())


def read_needs(store: ObjectStore, key: str, cache: str) -> Iterator[str]:
    """The object keys that the list under `key` names; none where it is gone or cannot be read."""
    try:
        document = json.loads(store.get(key))
        if document["version"] == _VERSION:
            yield from (f"{cache}{name}" for name in document["keys"])
    except (ObjectNotFound, ValueError, KeyError, TypeError):
        return
