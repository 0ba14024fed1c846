"""From a prepared recording and a Composition State to an export that is planned to the last chunk.

Resolves the composition, has its stills rasterised, decides which tracks play from an intermediate, and gives
chunks with their keys. Reads uploaded images from the store; renders nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compositing.fonts import FontBook
from compositing.labels import LabelBook
from compositing.scene import Plan
from compositing.state import CompositionState, check_peers, check_recording
from compositing.timeline import Planner
from compositing.times import Span
from farm.build import engine_id
from farm.plan import HeardBy, audio_chunks, video_chunks
from farm.prepare import Prepared
from renderer.decode import DecodePath
from renderer.feeds import SeenTrack
from renderer.index import TrackIndex
from renderer.intermediate import is_needed, stamp
from renderer.meeting import MeetingTrack
from renderer.profiles import AudioProfile, VideoProfile
from renderer.sampler import LossPolicy
from renderer.spec import AudioChunk, MediaKind, RenderSpec, TrackInput, VideoChunk
from renderer.workbench import seen_track
from storage.errors import ObjectNotFound
from storage.recordings import Recording

_KINDS: dict[str, MediaKind] = {"video": "camera", "screenshare": "screenshare", "audio": "audio"}


@dataclass(frozen=True, slots=True)
class RenderChoices:
    """What a job chooses beyond the Composition State."""

    video: VideoProfile
    audio: AudioProfile
    loss: LossPolicy = "freeze"
    max_keyframe_interval_s: float = 120.0
    decode: DecodePath = "software"


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """A composition of one recording, ready to be rendered."""

    prepared: Prepared
    state: CompositionState
    plan: Plan
    spec: RenderSpec
    rasters: Mapping[str, bytes]
    """PNG of every still, by content key."""
    notices: tuple[tuple[str, str], ...]
    """(code, message) of what the stills lack."""

    @property
    def frames(self) -> range:
        """The frames of the export."""
        return self.spec.grid.frames_in(self.plan.span)

    @property
    def samples(self) -> range:
        """The audio samples under these frames."""
        grid = self.spec.grid
        return range(grid.first_sample(self.frames.start), grid.first_sample(self.frames.stop))

    def video_chunks(self, frames: range | None = None) -> tuple[VideoChunk, ...]:
        """The chunks of the picture, of the whole export or of some of its frames."""
        seen: dict[tuple[str, str], list[SeenTrack]] = {}
        for track in self.spec.tracks:
            if track.kind != "audio":
                mine = seen.setdefault((track.peer_id, track.kind), [])
                mine.append(seen_track(track, self._index(track), self.spec))
        return video_chunks(self.plan, self.frames if frames is None else frames, self.spec, seen, engine_id())

    def audio_chunks(self, gain_db: float = 0.0) -> tuple[AudioChunk, ...]:
        """The chunks of the sound, with `gain_db` applied before the limiter."""
        heard = [HeardBy(t.peer_id, self._index(t), t.nudge_us) for t in self.spec.tracks if t.kind == "audio"]
        return audio_chunks(self.plan, self.frames, self.spec, heard, engine_id(), gain_db)

    def _index(self, track: TrackInput) -> TrackIndex:
        return self.prepared.indexes[track.track_id]


def compose(
    prepared: Prepared,
    state: CompositionState,
    fonts: FontBook,
    choices: RenderChoices,
    window: Span | None = None,
) -> Composed:
    """Plans `state` for a recording, or only what lies in `window`.

    Raises the errors of compositing: unknown peer, empty range, no such asset.
    """
    return Composer(prepared, fonts).compose(state, choices, window)


class Composer:
    """Compositions of one recording, one after another: what they have in common is planned and drawn once."""

    def __init__(self, prepared: Prepared, fonts: FontBook) -> None:
        self.prepared = prepared
        self._book = LabelBook(fonts, StoredAssets(prepared.recording))
        self._planner = Planner(prepared.meeting.facts, self._book)

    @property
    def rasters(self) -> Mapping[str, bytes]:
        """PNG of every still made so far, by content key."""
        return self._book.images

    def plan(self, state: CompositionState, window: Span | None = None) -> Plan:
        """Who is where when. Raises as the function `compose`."""
        keys, facts = self.prepared.recording.keys, self.prepared.meeting.facts
        check_recording(state, keys.room_id, keys.recording_id)
        check_peers(state, [peer.peer_id for peer in facts.peers])
        return self._planner.plan(state, window)

    def compose(self, state: CompositionState, choices: RenderChoices, window: Span | None = None) -> Composed:
        """As the function `compose`."""
        recording = self.prepared.recording
        plan = self.plan(state, window)
        spec = RenderSpec(
            recording.spec,
            recording.keys.room_id,
            recording.keys.recording_id,
            state.export.canvas,
            state.export.fps,
            choices.video,
            choices.audio,
            choices.loss,
            track_inputs(self.prepared, dict(plan.nudge_ms), choices),
            choices.decode,
        )
        return Composed(self.prepared, state, plan, spec, self.rasters, tuple(self._book.notices))


class StoredAssets(Mapping[str, bytes]):
    """The images uploaded for a recording, by name; each is read when it is asked for."""

    def __init__(self, recording: Recording) -> None:
        self._store, self._keys = recording.store, recording.keys

    def __getitem__(self, name: str) -> bytes:
        try:
            return self._store.get(self._keys.asset(name))
        except ObjectNotFound:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return (info.key.removeprefix(self._keys.assets) for info in self._store.list(self._keys.assets))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def track_inputs(
    prepared: Prepared, nudge_ms: Mapping[str, int], choices: RenderChoices
) -> tuple[TrackInput, ...]:
    """The source tracks of a job by their start, each shifted by what its peer is nudged."""
    ordered = sorted(prepared.meeting.tracks, key=lambda t: (t.live.start_ms, t.ref.track_id))
    return tuple(
        TrackInput(
            t.ref.track_id,
            t.ref.peer_id,
            _KINDS[t.ref.kind],
            prepared.index_keys[t.ref.track_id],
            t.live,
            nudge_ms.get(t.ref.peer_id, 0) * 1000,
            _intermediate(t, choices),
        )
        for t in ordered
    )


def _intermediate(track: MeetingTrack, choices: RenderChoices) -> str:
    if track.ref.kind == "audio" or not is_needed(track.index, choices.max_keyframe_interval_s):
        return ""
    return stamp(track.index, choices.loss)

