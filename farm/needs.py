"""What an export was made of: a small object in the cache that names the others, so that tidying up spares them.

Written anew by each run, before it looks what is there, so its age is that of the last export that needed the things
it names, whatever their own age.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from farm.compose import Composed
from renderer.spec import AudioChunk, VideoChunk
from storage.errors import ObjectNotFound
from storage.objects import ObjectStore
from storage.recordings import Recording

_VERSION = 1


def write_needs(
    recording: Recording, export_id: str, composed: Composed, video: Sequence[VideoChunk], audio: Sequence[AudioChunk]
) -> None:
    """Puts down what the export with this id is made of."""
    keys = recording.keys
    needed = [
        *(keys.chunk("video", chunk.key) for chunk in video),
        *(keys.chunk("audio", chunk.key) for chunk in audio),
        *(keys.raster(key) for key in composed.rasters),
        *(keys.intermediate(t.track_id, t.intermediate, 0) for t in composed.spec.tracks if t.intermediate),
    ]
    relative = [key.removeprefix(keys.cache) for key in needed]
    recording.store.put(keys.needs_of(export_id), json.dumps({"version": _VERSION, "keys": relative}).encode())


def read_needs(store: ObjectStore, key: str, cache: str) -> Iterator[str]:
    """The object keys that the list under `key` names; none where it is gone or cannot be read."""
    try:
        document = json.loads(store.get(key))
        if document["version"] == _VERSION:
            yield from (f"{cache}{name}" for name in document["keys"])
    except (ObjectNotFound, ValueError, KeyError, TypeError):
        return
