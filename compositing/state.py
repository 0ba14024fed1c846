"""The Composition State: what the browser saves and the export renders. The one schema of it.

Takes JSON, gives frozen values. Everything a stranger could write is refused here with the JSON pointer of
the place: unknown fields, wrong types, numbers that are not finite, rectangles outside the canvas, layouts
nobody registered, documents too large or too deep. Absent fields have their defaults, so two documents that
mean the same have one canonical form and one id. Whether the peers it names exist is asked separately
(`check_peers`), because only the recording knows. Times are milliseconds of recording time.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from compositing.errors import InvalidState, Problem, UnknownPeer, WrongRecording
from compositing.geometry import Fit, NormRect, Size
from compositing.layouts import LAYOUTS
from compositing.scene import SourceKind

MAX_BYTES = 1_000_000
MAX_EVENTS = 500
MAX_TRACKS = 500
MAX_TIME_MS = 30 * 24 * 3600 * 1000
MAX_Z = 1000
SIDE_MIN, SIDE_MAX = 16, 4096

_EDGE_TOLERANCE = 1e-6
"""By how much x + w may exceed 1: the sum of two decimal fractions is not exact."""


def _layout_name(name: str) -> str:
    if name not in LAYOUTS:
        raise ValueError(f"unknown layout {name!r}; known are {', '.join(sorted(LAYOUTS))}")
    return name


def _one_line(text: str) -> str:
    if any(unicodedata.category(c) == "Cc" for c in text):
        raise ValueError("must not hold control characters")
    return text


def _lines(text: str) -> str:
    _one_line(text.replace("\n", ""))
    return text


def _resolution(text: str) -> str:
    sides = [int(side) for side in text.split("x")] if re.fullmatch(r"[0-9]{2,4}x[0-9]{2,4}", text) else [0]
    if any(not SIDE_MIN <= side <= SIDE_MAX or side % 2 for side in sides):
        raise ValueError(
            f"must be WIDTHxHEIGHT in pixels, such as 1920x1080: each side even, {SIDE_MIN} to {SIDE_MAX}"
        )
    return text


Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
TimeMs = Annotated[int, Field(ge=0, le=MAX_TIME_MS)]
LayoutName = Annotated[str, Field(max_length=100), AfterValidator(_layout_name)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
AssetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Extent = Annotated[float, Field(gt=0.0, le=1.0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class NormRectState(_Model):
    """A rectangle in fractions of its frame, wholly inside it."""

    x: Fraction
    y: Fraction
    w: Extent
    h: Extent

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if max(self.x + self.w, self.y + self.h) > 1.0 + _EDGE_TOLERANCE:
            raise ValueError("reaches over the edge: x + w and y + h must not exceed 1")
        return self

    @property
    def norm(self) -> NormRect:
        return NormRect(self.x, self.y, self.w, self.h)


class LayoutEvent(_Model):
    """From `t` on, tiles are arranged by `layout`."""

    t: TimeMs
    type: Literal["layout"]
    layout: LayoutName


class PinEvent(_Model):
    """From `t` on, the large tile is this peer's camera, or what `source` says."""

    t: TimeMs
    type: Literal["pin"]
    peer_id: Id
    source: SourceKind | None = None


class UnpinEvent(_Model):
    """From `t` on, nothing is pinned."""

    t: TimeMs
    type: Literal["unpin"]


class PlaceEvent(_Model):
    """From `t` on, a peer's tile stands free at `rect`, above the arranged ones, in order of `z`."""

    t: TimeMs
    type: Literal["place"]
    peer_id: Id
    source: SourceKind = "camera"
    rect: NormRectState
    z: Annotated[int, Field(ge=0, le=MAX_Z)] = 1
    fit: Fit | None = None
    crop: NormRectState | None = None


class UnplaceEvent(_Model):
    """From `t` on, the tile is arranged with the others again."""

    t: TimeMs
    type: Literal["unplace"]
    peer_id: Id
    source: SourceKind = "camera"


class PeerEvent(_Model):
    """From `t` on, a peer is seen or not (`hide`, `show`), is heard or not (`mute`, `unmute`)."""

    t: TimeMs
    type: Literal["hide", "show", "mute", "unmute"]
    peer_id: Id


class TextEvent(_Model):
    """A text over the picture, for `duration_ms`."""

    t: TimeMs
    type: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_lines)]
    rect: NormRectState
    duration_ms: Annotated[int, Field(gt=0, le=MAX_TIME_MS)]


Event = Annotated[
    LayoutEvent | PinEvent | UnpinEvent | PlaceEvent | UnplaceEvent | PeerEvent | TextEvent,
    Field(discriminator="type"),
]


class TrackState(_Model):
    """What holds for one peer from the start: sound, visibility, name, and a correction of the clock."""

    peer_id: Id
    muted: bool = False
    volume_db: Annotated[float, Field(ge=-60.0, le=20.0)] = 0.0
    hidden: bool = False
    label: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)] | None = None
    nudge_ms: Annotated[int, Field(ge=-60_000, le=60_000)] = 0


class ImageState(_Model):
    """An uploaded image over everything."""

    asset: AssetName
    rect: NormRectState
    opacity: Fraction = 1.0


class StyleState(_Model):
    """How tiles look. `gap` and `corner_radius` are pixels of a 1080-line canvas and scale with it."""

    background: Colour = "#101418"
    gap: Annotated[int, Field(ge=0, le=200)] = 8
    corner_radius: Annotated[int, Field(ge=0, le=540)] = 0
    labels: bool = True
    highlight_speaker: bool = True
    fit: Fit = "auto"
    screenshare_fit: Fit = "contain"
    screenshare: Literal["stage", "tile", "off"] = "stage"
    transition_ms: Annotated[int, Field(ge=0, le=5000)] = 0
    max_tiles: Annotated[int, Field(ge=1, le=100)] = 25
    image: ImageState | None = None


class ExportState(_Model):
    """The shape of the result, and the part of the recording it shows; null is from the start, to the end."""

    resolution: Annotated[str, AfterValidator(_resolution)] = "1920x1080"
    fps: Annotated[int, Field(ge=1, le=60)] = 30
    start_ms: TimeMs | None = 0
    end_ms: TimeMs | None = None
    loudness: Annotated[float, Field(ge=-40.0, le=-5.0)] | None = None
    """Integrated loudness of the soundtrack in LUFS (ITU-R BS.1770); null leaves it as it is."""

    @model_validator(mode="after")
    def _some_length(self) -> Self:
        if self.end_ms is not None and self.end_ms <= (self.start_ms or 0):
            raise ValueError(f"end_ms must be after start_ms, got {self.start_ms or 0} to {self.end_ms}")
        return self

    @property
    def canvas(self) -> Size:
        w, h = self.resolution.split("x")
        return Size(int(w), int(h))


class CompositionState(_Model):
    """One saved composition."""

    version: Literal[1] = 1
    recording_id: Id | None = None
    room_id: Id | None = None
    layout: LayoutName = "grid"
    timeline: Annotated[tuple[Event, ...], Field(max_length=MAX_EVENTS)] = ()
    tracks: Annotated[tuple[TrackState, ...], Field(max_length=MAX_TRACKS)] = ()
    style: StyleState = StyleState()
    export: ExportState = ExportState()


def parse_state(data: bytes | str | dict[str, Any]) -> CompositionState:
    """The state in a JSON document (or its parsed object). Raises InvalidState with every problem found."""
    raw = _bytes(data)
    if len(raw) > MAX_BYTES:
        raise InvalidState([("", f"{len(raw)} bytes are too many; at most {MAX_BYTES}")])
    try:
        state = CompositionState.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidState([_problem(detail) for detail in error.errors(include_url=False)]) from None
    if problems := list(_twice(state.tracks)):
        raise InvalidState(problems)
    return state


def default_state() -> CompositionState:
    """What is rendered while nobody has composed anything: a grid of the whole recording."""
    return CompositionState()


def canonical_json(state: CompositionState) -> bytes:
    """The one form of a state: all fields, keys sorted, no spaces, UTF-8."""
    return json.dumps(
        state.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def composition_id(state: CompositionState) -> str:
    """32 hexadecimal digits, derived from the content alone."""
    return hashlib.sha256(canonical_json(state)).hexdigest()[:32]


def check_peers(state: CompositionState, known_peer_ids: Sequence[str]) -> None:
    """Raises UnknownPeer for the first peer of `state` who is not one of `known_peer_ids`."""
    known = set(known_peer_ids)
    for path, peer_id in _named_peers(state):
        if peer_id not in known:
            raise UnknownPeer(path, peer_id, tuple(known_peer_ids))


def check_recording(state: CompositionState, room_id: str, recording_id: str) -> None:
    """Raises WrongRecording if `state` says that it belongs to another room or recording."""
    for path, given, expected in (
        ("/recording_id", state.recording_id, recording_id),
        ("/room_id", state.room_id, room_id),
    ):
        if given is not None and given != expected:
            raise WrongRecording(path, given, expected)


def schema() -> dict[str, Any]:
    """The JSON Schema of a Composition State."""
    return CompositionState.model_json_schema()


def _bytes(data: bytes | str | dict[str, Any]) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return (data if isinstance(data, str) else json.dumps(data)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidState([("", f"is not JSON: {error}")]) from None


def _named_peers(state: CompositionState) -> Iterator[tuple[str, str]]:
    for i, event in enumerate(state.timeline):
        if isinstance(event, PinEvent | PlaceEvent | UnplaceEvent | PeerEvent):
            yield f"/timeline/{i}/peer_id", event.peer_id
    for i, track in enumerate(state.tracks):
        yield f"/tracks/{i}/peer_id", track.peer_id


def _twice(tracks: Iterable[TrackState]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for i, track in enumerate(tracks):
        if first.setdefault(track.peer_id, i) != i:
            yield f"/tracks/{i}/peer_id", f"{track.peer_id!r} has an entry at /tracks/{first[track.peer_id]}"


_PLAIN = {
    "extra_forbidden": "unknown field",
    "missing": "is required",
    "finite_number": "must be a finite number",
}


def _problem(detail: Any) -> Problem:
    """A pydantic error in this room's words."""
    kind, context = detail["type"], detail.get("ctx", {})
    pointer = _pointer(detail["loc"])
    if kind == "union_tag_invalid":
        pointer += "/type"
        message = f"unknown event type {context['tag']!r}; known are {context['expected_tags']}"
    elif kind == "union_tag_not_found":
        pointer, message = pointer + "/type", "is required"
    elif kind == "value_error":
        message = str(context["error"])
    elif kind == "json_invalid":
        message = f"is not JSON: {context['error']}"
    else:
        message = _PLAIN.get(kind) or _lower(detail["msg"])
    return pointer, message


def _lower(message: str) -> str:
    return message.replace("Input should", "should", 1)


def _pointer(location: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a pydantic location, which names an event's type after its index."""
    steps = [*location[:2], *location[3:]] if location[:1] == ("timeline",) else list(location)
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
