"""Where an export failed for good: which stretch of the recording, who was to be seen, and a drawing of it.

Takes the error of a task that rendered pictures and what the task was to make; gives the error with its place. The
drawing goes into the recording's cache. It is made of the plan alone: what was poison to a worker is not decoded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compositing.times import Span
from farm.compose import Composed
from farm.errors import PoisonTask
from farm.show.axis import Cast, short
from farm.show.storyboard import place_in
from renderer.spec import VideoChunk
from storage.errors import StorageError
from storage.recordings import Recording


def placed(
    error: PoisonTask,
    recording: Recording,
    composed: Composed,
    spans: Mapping[str, Sequence[VideoChunk]],
) -> PoisonTask:
    """`error` with its place, if it is of one of the tasks that were to render `spans`, by their name."""
    chunk = _first_missing(recording, spans.get(error.task, ()))
    if chunk is None:
        return error
    cast = Cast({peer.peer_id: peer.name for peer in composed.prepared.meeting.facts.peers})
    place, when = _place(composed, chunk)
    who = ", ".join(_seen(chunk, cast)) or "nobody"
    told = f"it failed between {when} of the recording, where {who} can be seen"
    key = recording.keys.failure(chunk.key)
    lines = (f"Given up between {when}", error.reason, f"task {error.task}, chunk {chunk.key[:16]}")
    try:
        recording.store.put(key, place_in(composed.plan, cast, place, lines).encode())
    except StorageError:
        return PoisonTask(error.task, error.reason, error.blame, told)
    told += f"; a drawing of the place is in {composed.spec.store.url}/{key}"
    return PoisonTask(error.task, error.reason, error.blame, told)


def _first_missing(recording: Recording, span: Sequence[VideoChunk]) -> VideoChunk | None:
    """The chunk of a span that did not get done: they are made one after the other, each stored when it is done."""
    try:
        return next((c for c in span if not recording.store.exists(recording.keys.chunk("video", c.key))), None)
    except StorageError:
        return None


def _place(composed: Composed, chunk: VideoChunk) -> tuple[Span, str]:
    fps = composed.spec.fps
    place = Span(chunk.first_frame * 1000 // fps, -(-chunk.end_frame * 1000 // fps))
    return place, f"{short(place.start_ms / 1000)} and {short(place.end_ms / 1000)}"


def _seen(chunk: VideoChunk, cast: Cast) -> list[str]:
    """Whose pictures the chunk shows."""
    tiles = (tile for scene in chunk.plan.scenes for tile in scene.tiles if tile.kind == "video")
    return list(dict.fromkeys(cast.name(tile.peer_id) for tile in tiles))
