"""Spans of time and the grid of frames; all rounding of time lives here.

Spans are half-open and in milliseconds of recording time. Frame n of a grid stands at n / fps seconds of
recording time and is shown until frame n + 1. Integers only: the grid is exact at any length.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SAMPLE_RATE = 48_000
"""Audio samples per second, everywhere."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Recording time [start_ms, end_ms)."""

    start_ms: int
    end_ms: int

    def __contains__(self, t_ms: float) -> bool:
        return self.start_ms <= t_ms < self.end_ms

    def __bool__(self) -> bool:
        return self.end_ms > self.start_ms

    def clip(self, other: Span) -> Span:
        """The part of this span inside `other`; empty (falsy) where they do not meet."""
        return Span(max(self.start_ms, other.start_ms), min(self.end_ms, other.end_ms))


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The union of `spans`, sorted, touching and overlapping ones joined, empty ones dropped."""
    merged: list[Span] = []
    for span in sorted(s for s in spans if s):
        if merged and span.start_ms <= merged[-1].end_ms:
            merged[-1] = Span(merged[-1].start_ms, max(merged[-1].end_ms, span.end_ms))
        else:
            merged.append(span)
    return tuple(merged)


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """What is left of `spans` where no hole lies."""
    gaps = merge(holes)
    left: list[Span] = []
    at = 0
    for span in merge(spans):
        start_ms = span.start_ms
        while at < len(gaps) and gaps[at].start_ms < span.end_ms:
            if start_ms < gaps[at].start_ms:
                left.append(Span(start_ms, gaps[at].start_ms))
            start_ms = max(start_ms, gaps[at].end_ms)
            if gaps[at].end_ms > span.end_ms:
                break   # it may reach into the next span
            at += 1
        if start_ms < span.end_ms:
            left.append(Span(start_ms, span.end_ms))
    return tuple(left)


def clip_all(spans: Iterable[Span], window: Span) -> tuple[Span, ...]:
    """The parts of `spans` inside `window`, empty ones dropped."""
    return tuple(piece for piece in (span.clip(window) for span in spans) if piece)


def clip_sorted(spans: Sequence[Span], window: Span) -> tuple[Span, ...]:
    """`clip_all` of sorted and disjoint spans: finds those in the window without looking at the others."""
    first = bisect_right(spans, window.start_ms, key=lambda span: span.end_ms)
    last = bisect_left(spans, window.end_ms, key=lambda span: span.start_ms)
    return clip_all(spans[first:last], window)


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """The instants n / fps of recording time."""

    fps: int

    def first_at_or_after(self, t_ms: int) -> int:
        """The first frame that stands at or after `t_ms`."""
        return -(-t_ms * self.fps // 1000)

    def shown_at(self, t_ms: int) -> int:
        """The frame that is on screen at `t_ms`."""
        return t_ms * self.fps // 1000

    def frames_in(self, span: Span) -> range:
        """The frames that stand inside `span`."""
        return range(self.first_at_or_after(span.start_ms), self.first_at_or_after(span.end_ms))

    def time_us(self, n: int) -> int:
        """When frame n stands, in microseconds of recording time, rounded down."""
        return n * 1_000_000 // self.fps

    def time_ms(self, n: int) -> float:
        """When frame n stands, in milliseconds of recording time."""
        return n * 1000 / self.fps

    def first_sample(self, n: int) -> int:
        """The audio sample at which frame n begins, rounded down."""
        return n * SAMPLE_RATE // self.fps
