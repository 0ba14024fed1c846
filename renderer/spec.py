"""What travels to a worker: plain frozen values that say what to render, with nothing open inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compositing.geometry import Size
from compositing.scene import Plan
from compositing.times import FrameGrid, Span
from renderer.decode import DecodePath
from renderer.profiles import AudioProfile, VideoProfile
from renderer.sampler import LossPolicy
from storage.objects import StoreSpec

MediaKind = Literal["camera", "screenshare", "audio"]


@dataclass(frozen=True, slots=True)
class TrackInput:
    """One source track as a job uses it."""

    track_id: str
    peer_id: str
    kind: MediaKind
    index_key: str
    """Object key of its saved index."""
    live: Span
    nudge_us: int
    """Microseconds by which its media is shifted later."""
    intermediate: str
    """Stamp of the intermediate that is played instead of the recording; empty if there is none."""


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """What all chunks of one job share."""

    store: StoreSpec
    room_id: str
    recording_id: str
    canvas: Size
    fps: int
    video: VideoProfile
    audio: AudioProfile
    loss: LossPolicy
    tracks: tuple[TrackInput, ...]
    decode: DecodePath = "software"

    @property
    def grid(self) -> FrameGrid:
        return FrameGrid(self.fps)


@dataclass(frozen=True, slots=True)
class VideoChunk:
    """Frames [first_frame, end_frame) of recording time, and where they go."""

    key: str
    """Content address: a digest of all that decides the bytes."""
    plan: Plan
    """Clipped to the chunk."""
    first_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Chunk number `number` of the soundtrack, and where it goes."""

    key: str
    plan: Plan
    """Clipped to what can be heard in it; only its audio matters."""
    number: int
    gain_db: float
    """Applied to the mix before the limiter, to reach a loudness target."""
