"""What an export would cost: which of its chunks are stored already, and about how long the others take.

Takes a composition that is planned, the keys of the stored chunks and the number of workers; gives a value. Nothing is
rendered. The costs are those of one core in `docs/measurements.md`, so the time is a guess, right to a factor of two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from compositing.times import Span, merge
from farm.compose import Composed
from renderer.profiles import PresetName
from renderer.soundtrack import window_span
from renderer.spec import VideoChunk

ENCODE_MS_PER_MEGAPIXEL = {"draft": 5.4, "standard": 8.3, "high": 15.2}
"""One frame, by preset."""
DRAW_MS_PER_TILE = 0.55
"""Decoding and scaling the tile of one frame."""
SOUND_MS_PER_S = 22.0
"""Mixing and encoding a second of sound."""
FIXED_S = 2.0
"""Beginning and joining, however little is rendered."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an export would render."""

    total: int
    """Its chunks: of the picture, or of the sound where there is no picture."""
    cached: int
    """Of these, the ones that are stored."""
    spans: tuple[Span, ...]
    """When in the recording the others lie."""
    seconds: float
    """About how long it takes."""

    def to_json(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "chunks": {"total": self.total, "cached": self.cached},
            "spans_ms": [[span.start_ms, span.end_ms] for span in self.spans],
            "seconds": round(self.seconds, 1),
        }


def forecast_video(composed: Composed, stored: Collection[str], preset: PresetName, workers: int) -> Forecast:
    """Of a video with its sound. `stored` holds keys of chunks."""
    chunks = composed.video_chunks()
    missing = [chunk for chunk in chunks if chunk.key not in stored]
    spans = merge(chunk.plan.span for chunk in missing)
    work_ms = sum(_picture_ms(chunk, preset) for chunk in missing) + _sound_ms(spans)
    return Forecast(len(chunks), len(chunks) - len(missing), spans, _seconds(work_ms, len(missing), workers))


def forecast_sound(composed: Composed, stored: Collection[str], workers: int) -> Forecast:
    """Of the sound alone; a wish for loudness, which is measured first, is left out."""
    chunks = composed.audio_chunks()
    missing = [chunk for chunk in chunks if chunk.key not in stored]
    spans = merge(window_span(chunk.number).clip(composed.plan.span) for chunk in missing)
    return Forecast(
        len(chunks), len(chunks) - len(missing), spans, _seconds(_sound_ms(spans), len(missing), workers)
    )


def _picture_ms(chunk: VideoChunk, preset: PresetName) -> float:
    plan = chunk.plan
    encode = ENCODE_MS_PER_MEGAPIXEL[preset] * plan.canvas.w * plan.canvas.h / 1e6
    draw = sum(
        DRAW_MS_PER_TILE * _length_ms(scene.span) * sum(tile.kind == "video" for tile in scene.tiles)
        for scene in plan.scenes
    )
    return (encode * _length_ms(plan.span) + draw) * plan.fps / 1000


def _sound_ms(spans: Iterable[Span]) -> float:
    return SOUND_MS_PER_S * sum(map(_length_ms, spans)) / 1000


def _length_ms(span: Span) -> int:
    return span.end_ms - span.start_ms


def _seconds(work_ms: float, tasks: int, workers: int) -> float:
    """A chunk is rendered by one worker."""
    return FIXED_S + work_ms / 1000 / max(1, min(workers, tasks))
