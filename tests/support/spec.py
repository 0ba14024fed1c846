"""What a synthetic meeting holds, declared: peers, cameras, microphones, screens, and their networks.

Frozen values only; `tests.support.meetings.write_meeting` makes the recording. All `*_ms` are recording time,
spans are half-open pairs of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

VideoCodec = Literal["vp8", "vp9", "h264", "av1"]
Kind = Literal["audio", "video", "screenshare"]
Rotation = Literal[0, 90, 180, 270]
Spans = tuple[tuple[int, int], ...]

BEEP_BASE_HZ, BEEP_STEP_HZ = 500, 150
SCREEN_INDEX_OFFSET = 10
"""The barcode index of a peer's screen is that of the peer plus this."""


@dataclass(frozen=True, slots=True)
class Network:
    """How the packets of one track are clocked, numbered and carried to the recorder."""

    delay_ms: float = 0.0
    """What the fastest packet takes from being drawn or heard to being stored."""
    jitter_ms: float = 0.0
    """Mean of the (exponential) extra delay; packets keep their order."""
    bursts: tuple[tuple[int, int], ...] = ()
    """(at_ms, hold_ms): what is sent in that time arrives in one go at its end."""
    loss: float = 0.0
    """Share of packets that never arrive."""
    loss_burst: float = 1.0
    """Mean length of a run of lost packets."""
    lose_sequences: tuple[int, ...] = ()
    """Sequence numbers, as they stand in the packets, that never arrive."""
    outages: Spans = ()
    """Spans in which all that is sent is lost."""
    reorder: float = 0.0
    """Share of packets that arrive 2 to 6 packets late."""
    duplicates: float = 0.0
    """Share of packets that arrive a second time, up to 6 packets later."""
    padding_every: int = 0
    """A padding-only packet, with a sequence number of its own, follows the first frame that ends after so
    many packets; 0 is none."""
    drift_ppm: float = 0.0
    """How much faster than the recorder's the sender's clock runs."""
    first_sequence: int = 1000
    first_timestamp: int = 10_000
    timestamp_jumps: tuple[tuple[int, int], ...] = ()
    """(at_ms, ticks): from that time on RTP timestamps are that much further."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """From `at_ms` on the upright picture is `w` x `h` and is sent turned by `rotation`."""

    at_ms: int
    w: int
    h: int
    rotation: Rotation = 0


@dataclass(frozen=True, slots=True)
class Camera:
    """A source of pictures that carry the barcode on a moving background.

    `w` and `h` are those of the upright picture; with a rotation of 90 or 270 it is coded `h` x `w`. A change
    of the coded size starts with a keyframe, one of the rotation alone does not. A keyframe follows a pause.
    """

    codec: VideoCodec = "vp8"
    w: int = 320
    h: int = 180
    fps: float = 30.0
    bitrate: int = 400_000
    rotation: Rotation = 0
    """Degrees clockwise by which the coded picture must be turned (CVO, header extension 11)."""
    keyframe_every_ms: int | None = 3000
    """None: only the first frame, those after pauses and changes, and `keyframes_at_ms`."""
    keyframes_at_ms: tuple[int, ...] = ()
    starts_mid_gop: bool = False
    """The recorder missed the first frame, the keyframe."""
    pauses: Spans = ()
    changes: tuple[Change, ...] = ()
    moving: bool = True
    """Whether the background moves; a still one costs next to no bits."""
    h264_mode: Literal[0, 1] = 1
    ssrc: int | None = None
    network: Network = field(default_factory=Network)


@dataclass(frozen=True, slots=True)
class Microphone:
    """Opus, 20 ms packets: beeps on the whole seconds of `speech`, between them a soft voice-like tone."""

    speech: Spans | None = None
    """Outside of these spans there is digital silence; None is all the time."""
    soft_tone: bool = True
    dtx: bool = False
    """Whether digital silence sends next to no packets."""
    channels: Literal[1, 2] = 1
    """With 2 the right channel has half the amplitude of the left."""
    bitrate: int = 32_000
    audio_level: bool = True
    """RFC 6464 header extension 10."""
    pauses: Spans = ()
    ssrc: int | None = None
    network: Network = field(default_factory=Network)


@dataclass(frozen=True, slots=True)
class Screen:
    """A shared screen; its barcode index is that of the peer plus 10."""

    start_ms: int
    end_ms: int
    camera: Camera = field(default_factory=lambda: Camera(w=640, h=360, fps=8.0, keyframe_every_ms=None))
    own_peer_id: bool = False
    """Whether the track's peer is `sharescreen_{peer_id}`."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A participant. `index` 1..5 is told by the barcode and by the pitch of the beeps."""

    index: int
    name: str
    stays: tuple[tuple[int, int | None], ...] = ((0, None),)
    """(join_ms, leave_ms); None stays to the end. Each stay has tracks of its own."""
    camera: Camera | None = field(default_factory=Camera)
    microphone: Microphone | None = field(default_factory=Microphone)
    screens: tuple[Screen, ...] = ()
    id: str | None = None
    """`peer-{index}` by default."""
    listed: bool = True
    """Whether metadata.json has the peer among its participants and the timeline its joining."""

    @property
    def peer_id(self) -> str:
        return self.id or f"peer-{self.index}"

    @property
    def beep_hz(self) -> int:
        return beep_hz(self.index)


@dataclass(frozen=True, slots=True)
class Meeting:
    """A whole recording. The defaults of `Network` put a picture's recording time at its barcode's time."""

    peers: tuple[Peer, ...]
    duration_ms: int = 10_000
    room_id: str = "room-1"
    recording_id: str = "3f2c9a54-0000-4000-8000-000000000001"
    start_unix_ms: int = 1_773_307_804_217
    rotate_at_ms: tuple[int, ...] = ()
    """When the recorder closes each track's segment file and opens the next."""
    active_speaker: bool = True
    """Whether timeline.json tells who speaks."""
    running: bool = False
    """`.recording` and status `recording`, with no end times, instead of a finished recording."""


def beep_hz(index: int) -> int:
    """The pitch of the beeps of the peer with that barcode index."""
    return BEEP_BASE_HZ + BEEP_STEP_HZ * index
