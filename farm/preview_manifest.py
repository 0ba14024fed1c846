"""What a preview tells its readers: `manifest.json` and `waveform.json`, as plain values. Pure.

The manifest is written last: where it is, all streams it names are whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compositing.facts import ShapeSpan
from compositing.geometry import Rect, Size, fit_picture
from compositing.times import SAMPLE_RATE, Span
from farm.prepare import Prepared
from farm.preview_plan import PlannedStream, PreviewChoices
from farm.run import notices_of
from renderer.peaks import SAMPLES_PER_PEAK
from renderer.preview import Rendition
from storage.keys import PreviewKeys

VERSION = 1


def manifest(
    prepared: Prepared,
    asked: PreviewChoices,
    streams: Sequence[PlannedStream],
    codecs: Mapping[Rendition, str],
    sizes: Mapping[str, int],
    engine: str,
) -> dict[str, Any]:
    """The document. `sizes` are bytes of objects by key below the preview's folder."""
    told = prepared.recording.manifest
    relative = PreviewKeys("")
    peers = [
        {
            "peer_id": peer.peer_id,
            "display_name": peer.name,
            "presence_ms": _spans(peer.presence),
            "speech_ms": _spans(peer.speech),
            "waveform": relative.waveform(peer.peer_id),
            "streams": [
                _rendition(planned, rendition, codecs[rendition], sizes)
                for planned in streams
                if planned.stream.peer_id == peer.peer_id
                for rendition in planned.stream.renditions
            ],
        }
        for peer in prepared.meeting.facts.peers
    ]
    return {
        "version": VERSION,
        "recording_id": told.recording_id,
        "room_id": told.room_id,
        "zero_unix_ms": round(told.zero_unix_ms),
        "duration_ms": prepared.meeting.facts.duration_ms,
        "preset": asked.preset,
        "segment_seconds": asked.segment_seconds,
        "engine": engine,
        "peers": peers,
        "events": [{"t_ms": round(e.t_ms), "type": e.type, "data": dict(e.data)} for e in told.events],
        "warnings": list(notices_of(prepared)),
    }


def _rendition(planned: PlannedStream, rendition: Rendition, codecs: str, sizes: Mapping[str, int]) -> dict[str, Any]:
    stream = planned.stream
    keys = PreviewKeys("")
    files = keys.stream(stream.peer_id, stream.source, rendition.name)
    bytes_of = [sizes.get(files.segment(k), 0) for k in range(1, stream.grid.count + 1)]
    peak = max((size / stream.grid.length_s(k) for k, size in enumerate(bytes_of, 1)), default=0)
    kinds = {"audio", stream.source} if rendition.audio else {stream.source}
    told: dict[str, Any] = {
        "name": rendition.name,
        "source": stream.source if rendition.size else "audio",
        "playlist": files.playlist,
        "codecs": codecs,
        "bandwidth": round(peak * 8),
        "segments": stream.grid.count,
        "tracks": [t.track_id for t in stream.render.tracks if t.kind in kinds],
    }
    if rendition.size:
        told |= {"width": rendition.size.w, "height": rendition.size.h, "fps": rendition.fps}
        told["spans_ms"] = _spans([shape.span for shape in planned.shapes])
        told["spans"] = [_shape(shape, rendition.size) for shape in planned.shapes]
        told["stills"] = f"{files.folder}/still_%04d.jpg"
        there = (k for k in range(1, stream.grid.count + 1) if keys.still(stream.peer_id, stream.source, k) in sizes)
        told["still_segments"] = _runs(there)
    return told


def _runs(numbers: Iterable[int]) -> list[list[int]]:
    """Rising numbers as runs without a hole, first and last of each."""
    runs: list[list[int]] = []
    for number in numbers:
        if not runs or runs[-1][1] != number - 1:
            runs.append([number, number])
        runs[-1][1] = number
    return runs


def _shape(shape: ShapeSpan, frame: Size) -> dict[str, Any]:
    """When the source has this shape, and where its picture lies in the frame."""
    _, place = fit_picture(Size(shape.w, shape.h), Rect(0, 0, frame.w, frame.h), "contain")
    rect = {"x": place.x, "y": place.y, "w": place.w, "h": place.h}
    return {"start_ms": shape.start_ms, "end_ms": shape.end_ms, "width": shape.w, "height": shape.h, "rect": rect}


def _spans(spans: Sequence[Span]) -> list[list[int]]:
    return [[span.start_ms, span.end_ms] for span in spans]


def waveform_json(drawn: NDArray[np.int8]) -> dict[str, Any]:
    """A waveform in the JSON form of the program audiowaveform (version 2), which waveform views read."""
    return {
        "version": 2,
        "channels": 1,
        "sample_rate": SAMPLE_RATE,
        "samples_per_pixel": SAMPLES_PER_PEAK,
        "bits": 8,
        "length": len(drawn),
        "data": drawn.ravel().tolist(),
    }
