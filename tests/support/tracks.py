"""One track of a synthetic meeting: encoded, packetised, carried over its network, and the truth about it.

Takes the declared camera or microphone and when it is on; gives a `Track`: the records to be stored and
everything that a test may want to know of them. Writes no file.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support import payloads, pictures, sounds
from tests.support.network import Arrival, Delivery, Packet, deliver
from tests.support.spec import Camera, Kind, Microphone, Network, Rotation, Spans, VideoCodec

PAYLOAD_TYPES = {"opus": 111, "vp8": 96, "vp9": 98, "h264": 102, "av1": 45}
_AUDIO_LEVEL_ID, _ORIENTATION_ID = 10, 11
_VOICE_BELOW = 50
"""Packets louder than that many -dBov say that they hold voice."""
_PACE_MS = 0.05
"""Time between two packets of one frame."""
_PACKETISERS: dict[VideoCodec, payloads.Packetiser] = {
    "vp8": payloads.vp8,
    "vp9": payloads.vp9,
    "h264": payloads.h264,
    "av1": payloads.av1,
}


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """One encoded picture, or one Opus packet, as the sender made it."""

    content_ms: float
    """When it was drawn, or when the packet's first sample was heard: recording time."""
    ticks: int
    """RTP timestamp before it wraps."""
    data: bytes
    keyframe: bool
    w: int
    h: int
    """Coded size; 0 for sound."""
    rotation: Rotation
    sequences: tuple[int, ...]
    """Its packets' sequence numbers before they wrap."""
    lost: tuple[int, ...]
    """Those of them that were never stored."""
    arrival_ms: float | None
    """Recording time at which the last of its stored packets came first; None if none did."""

    @property
    def whole(self) -> bool:
        return not self.lost


@dataclass(frozen=True, slots=True)
class Track:
    """A track: what is stored, and the truth about it. All `*_ms` are recording time."""

    track_id: str
    producer_id: str
    peer_id: str
    kind: Kind
    codec: str
    index: int
    """Told by the barcode (a screen's differs from its peer's); for sound that of the peer."""
    beep_hz: int
    ssrc: int
    payload_type: int
    start_ms: int
    end_ms: int
    pauses: Spans
    frames: tuple[FrameTruth, ...]
    beeps_ms: tuple[int, ...]
    arrivals: tuple[Arrival, ...]

    @property
    def content_ms(self) -> list[float]:
        """When each frame was drawn."""
        return [frame.content_ms for frame in self.frames]

    @property
    def keyframes_ms(self) -> list[float]:
        """When each keyframe was drawn."""
        return [frame.content_ms for frame in self.frames if frame.keyframe]

    @property
    def lost_sequences(self) -> list[int]:
        """Sequence numbers, before they wrap, of the packets with media that were never stored."""
        return [sequence for frame in self.frames for sequence in frame.lost]


@dataclass(frozen=True, slots=True)
class Ids:
    """Who and what a track is called."""

    peer_id: str
    producer_id: str
    kind: Kind
    index: int
    beep_hz: int

    @property
    def track_id(self) -> str:
        return f"{self.peer_id}-{self.kind}-{self.producer_id}"


@dataclass(frozen=True, slots=True)
class _Made:
    """A frame with the packets it became, before the network."""

    content_ms: float
    data: bytes
    keyframe: bool
    w: int
    h: int
    rotation: Rotation
    packets: tuple[Packet, ...]
    recorded: bool = True


def video_track(camera: Camera, ids: Ids, start_ms: int, end_ms: int) -> Track:
    """The track of a camera or a screen that is on over [start_ms, end_ms)."""
    shots = list(_shots(camera, start_ms, end_ms))
    mode_0 = camera.codec == "h264" and camera.h264_mode == 0
    coded = pictures.encode(
        shots,
        ids.index,
        camera.codec,
        fps=camera.fps,
        bitrate=camera.bitrate,
        moving=camera.moving,
        max_slice=payloads.MAX_PAYLOAD if mode_0 else 0,
    )
    packetiser = payloads.h264_single_nal if mode_0 else _PACKETISERS[camera.codec]
    made = [
        _video_frame(number, picture, packetiser, camera, start_ms) for number, picture in enumerate(coded)
    ]
    return _track(ids, camera.codec, made, camera.network, camera.ssrc, (start_ms, end_ms), camera.pauses, ())


def audio_track(microphone: Microphone, ids: Ids, start_ms: int, end_ms: int) -> Track:
    """The track of a microphone that is on over [start_ms, end_ms)."""
    speech = tuple(
        (max(a, start_ms), min(b, end_ms))
        for a, b in (microphone.speech if microphone.speech is not None else ((start_ms, end_ms),))
        if max(a, start_ms) < min(b, end_ms)
    )
    beeps = sounds.beep_times(speech, microphone.pauses, start_ms)
    soft = speech if microphone.soft_tone else ()
    heard = sounds.encode(microphone, start_ms, (end_ms - start_ms) // 20, ids.beep_hz, beeps, soft)
    frames = (_audio_frame(number, packet, microphone, start_ms) for number, packet in enumerate(heard))
    made = [frame for frame in frames if not _within(frame.content_ms, microphone.pauses)]
    return _track(
        ids, "opus", made, microphone.network, microphone.ssrc, (start_ms, end_ms), microphone.pauses, beeps
    )


def _shots(camera: Camera, start_ms: int, end_ms: int) -> Iterator[pictures.Shot]:
    """The pictures that the camera takes: a fixed cadence from its start, less its pauses."""
    wanted = sorted(at for at in camera.keyframes_at_ms if at >= start_ms)
    due, resumed = float(start_ms), False
    count = math.ceil((end_ms - start_ms) * camera.fps / 1000 - 1e-9)
    for content in (start_ms + number * 1000 / camera.fps for number in range(count)):
        if _within(content, camera.pauses):
            resumed = True
            continue
        asked = bool(wanted) and wanted[0] <= content
        keyframe = content >= due - 1e-6 or resumed or asked
        if keyframe:
            due = content + camera.keyframe_every_ms if camera.keyframe_every_ms else float("inf")
            wanted = [at for at in wanted if at > content]
            resumed = False
        yield _shot(camera, content, keyframe)


def _shot(camera: Camera, content_ms: float, keyframe: bool) -> pictures.Shot:
    shape = next((c for c in reversed(camera.changes) if c.at_ms <= content_ms), camera)
    return pictures.Shot(content_ms, shape.w, shape.h, shape.rotation, keyframe)


def _video_frame(
    number: int, picture: pictures.Coded, packetise: payloads.Packetiser, camera: Camera, start_ms: int
) -> _Made:
    shot = picture.shot
    w, h = shot.coded_size
    parts = packetise(payloads.Frame(picture.data, picture.keyframe, number, w, h))
    ticks = _ticks(shot.content_ms - start_ms, shot.content_ms, 90, camera.network)
    turned = picture.keyframe or shot.rotation != 0 or bool(camera.changes)
    orientation = ((_ORIENTATION_ID, bytes([shot.rotation // 90])),) if turned else ()
    packets = tuple(
        Packet(
            sent_ms=shot.content_ms + _PACE_MS * place,
            ticks=ticks,
            payload=part,
            marker=place == len(parts) - 1,
            frame=number,
            extensions=orientation if place == len(parts) - 1 else (),
        )
        for place, part in enumerate(parts)
    )
    recorded = not (camera.starts_mid_gop and number == 0)
    return _Made(shot.content_ms, picture.data, picture.keyframe, w, h, shot.rotation, packets, recorded)


def _audio_frame(number: int, heard: sounds.Heard, microphone: Microphone, start_ms: int) -> _Made:
    network = microphone.network
    content = start_ms + heard.number * 20 / (1 + network.drift_ppm * 1e-6)
    voice = 0x80 if heard.level < _VOICE_BELOW else 0
    level = ((_AUDIO_LEVEL_ID, bytes([voice | heard.level])),) if microphone.audio_level else ()
    ticks = _ticks(content - start_ms, content, 48, network)
    packet = Packet(content, ticks, heard.data, number == 0, number, level)
    return _Made(content, heard.data, True, 0, 0, 0, (packet,))


def _ticks(since_start_ms: float, content_ms: float, per_ms: int, network: Network) -> int:
    jumped = sum(ticks for at, ticks in network.timestamp_jumps if content_ms >= at)
    return network.first_timestamp + round(since_start_ms * per_ms * (1 + network.drift_ppm * 1e-6)) + jumped


def _track(
    ids: Ids,
    codec: str,
    made: list[_Made],
    network: Network,
    ssrc: int | None,
    span: tuple[int, int],
    pauses: Spans,
    beeps: tuple[int, ...],
) -> Track:
    made = [frame for frame in made if frame.recorded]
    ssrc = zlib.crc32(ids.track_id.encode()) if ssrc is None else ssrc
    delivery = deliver(
        (packet for frame in made for packet in frame.packets),
        network,
        ssrc=ssrc,
        payload_type=PAYLOAD_TYPES[codec],
    )
    return Track(
        track_id=ids.track_id,
        producer_id=ids.producer_id,
        peer_id=ids.peer_id,
        kind=ids.kind,
        codec=codec,
        index=ids.index,
        beep_hz=ids.beep_hz,
        ssrc=ssrc,
        payload_type=PAYLOAD_TYPES[codec],
        start_ms=span[0],
        end_ms=span[1],
        pauses=tuple((max(a, span[0]), min(b, span[1])) for a, b in pauses if a < span[1] and b > span[0]),
        frames=tuple(_truths(made, delivery, network)),
        beeps_ms=beeps,
        arrivals=delivery.arrivals,
    )


def _truths(made: list[_Made], delivery: Delivery, network: Network) -> Iterator[FrameTruth]:
    lost = set(delivery.lost)
    arrived: dict[int, float] = {}
    for arrival in delivery.arrivals:
        arrived.setdefault(arrival.number, arrival.arrival_ms)
    numbers: dict[int, list[int]] = {}
    for number, packet in enumerate(delivery.packets):
        if not packet.padding:
            numbers.setdefault(packet.frame, []).append(number)
    for frame in made:
        own = numbers[frame.packets[0].frame]
        yield FrameTruth(
            content_ms=frame.content_ms,
            ticks=frame.packets[0].ticks,
            data=frame.data,
            keyframe=frame.keyframe,
            w=frame.w,
            h=frame.h,
            rotation=frame.rotation,
            sequences=tuple(network.first_sequence + n for n in own),
            lost=tuple(network.first_sequence + n for n in own if n in lost),
            arrival_ms=max((arrived[n] for n in own if n in arrived), default=None),
        )


def _within(t_ms: float, spans: Spans) -> bool:
    return any(a <= t_ms < b for a, b in spans)
