"""Where the segments of a preview lie: the same grid of recording time for every peer, as arithmetic.

Segment k, from 1, covers recording time [(k-1)·d, k·d), the last one what is left. Its pictures are the frames that
stand in it, its sound the AAC frames that begin in it: 1024 samples do not divide a segment, so it begins at the first
AAC frame at or after the segment's start.
"""

from __future__ import annotations

from dataclasses import dataclass

from compositing.times import SAMPLE_RATE, FrameGrid, Span
from renderer.encode import AAC_FRAME
from renderer.peaks import PEAKS_PER_SECOND


@dataclass(frozen=True, slots=True)
class SegmentGrid:
    """The segments of a recording of `duration_ms`, of `seconds` each, with `fps` frames in a second."""

    seconds: int
    fps: int
    duration_ms: int

    @property
    def total_frames(self) -> int:
        """At least one, so that there is a stream of a recording without any duration."""
        return max(1, FrameGrid(self.fps).frames_in(Span(0, self.duration_ms)).stop)

    @property
    def count(self) -> int:
        return -(-self.total_frames // (self.seconds * self.fps))

    def frames(self, k: int) -> range:
        """The frames of recording time in segment `k`."""
        length = self.seconds * self.fps
        return range((k - 1) * length, min(k * length, self.total_frames))

    def span(self, k: int) -> Span:
        """Segment `k` in milliseconds, the end of the last one rounded up to a whole frame."""
        frames = self.frames(k)
        return Span(frames.start * 1000 // self.fps, -(-frames.stop * 1000 // self.fps))

    def aac_frames(self, k: int) -> range:
        """The AAC frames of recording time in segment `k`; frame j holds samples [j·1024, (j+1)·1024)."""
        return range(self._aac(self.frames(k).start), self._aac(self.frames(k).stop))

    def peaks(self, k: int) -> range:
        """The bins of the recording's waveform in segment `k`; the recording's last one need not be full."""
        frames = self.frames(k)
        return range(frames.start * PEAKS_PER_SECOND // self.fps, -(-frames.stop * PEAKS_PER_SECOND // self.fps))

    def length_s(self, k: int) -> float:
        return len(self.frames(k)) / self.fps

    def _aac(self, frame: int) -> int:
        return -(-frame * SAMPLE_RATE // (self.fps * AAC_FRAME))
