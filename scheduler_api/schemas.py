"""What goes over the wire as JSON: bodies that come in, answers that go out, with examples.

Names and statuses are the seed's. Bodies are read strictly: unknown fields, wrong types and numbers that are none are
refused with their JSON pointer. The Composition State has its own schema, `compositing.state`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema

from compositing.state import MAX_TIME_MS, LayoutName, TimeMs
from farm.job import JobKind, Progress
from renderer.profiles import PresetName, PreviewPreset
from scheduler_api.auth.access import Scope
from scheduler_api.errors import Unprocessable

Status = Literal["queued", "processing", "ready", "failed"]
MAX_TIME_S = MAX_TIME_MS / 1000

_M = TypeVar("_M", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class TokenRequest(_Body):
    """Optional: what the token shall permit; without it, all that the user may do."""

    scope: Annotated[list[Scope], Field(min_length=1, max_length=3)] | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"scope": ["preview:read"]}]})


class PreviewRequest(_Body):
    """How the preview is made."""

    preset: PreviewPreset = "standard"
    segment_seconds: Literal[2, 4] = 4
    mux_per_peer: Literal[True] = True
    audio: bool = Field(default=False, description="Whether each peer gets a stream of the sound alone as well.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"preset": "standard", "segment_seconds": 4, "mux_per_peer": True}]}
    )


class TimeRange(_Body):
    """A part of the recording, in ms of recording time; `end_ms` null is its end."""

    start_ms: TimeMs = 0
    end_ms: TimeMs | None = None

    @model_validator(mode="after")
    def _some_length(self) -> Self:
        if self.end_ms is not None and self.end_ms <= self.start_ms:
            raise ValueError(f"end_ms must be after start_ms, got {self.start_ms} to {self.end_ms}")
        return self


class ExportRequest(_Body):
    """Which saved composition becomes a file, and how."""

    composition_id: Annotated[str, Field(pattern=r"^(latest|[0-9a-f]{32})$")] = "latest"
    preset: PresetName = "standard"
    format: Literal["mp4", "m4a"] = "mp4"
    range: TimeRange | None = Field(default=None, description="Over what the composition's `export` says.")
    thumbnails_every_s: Annotated[float, Field(ge=1, le=3600)] | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"composition_id": "latest", "preset": "high", "format": "mp4"}]}
    )


class PartRequest(_Body):
    """The Recording Service's own call: a part of the recording, in seconds of recording time, to a key of its own."""

    job_type: Literal["quick_access", "late_composite"]
    format: Literal["mp4"] = "mp4"
    start_time_sec: Annotated[float, Field(ge=0, le=MAX_TIME_S)]
    end_time_sec: Annotated[float, Field(gt=0, le=MAX_TIME_S)]
    layout: LayoutName
    output_key: Annotated[str, Field(min_length=1, max_length=1024)]
    tiles: Annotated[list[Any], Field(max_length=0)] | None = None
    spotlight_key: Annotated[str, Field(max_length=0)] | None = None
    audio_source_key: Annotated[str, Field(max_length=0)] | None = None

    @model_validator(mode="after")
    def _some_length(self) -> Self:
        if self.end_time_sec <= self.start_time_sec:
            raise ValueError("end_time_sec must be after start_time_sec")
        return self

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_type": "quick_access",
                    "format": "mp4",
                    "start_time_sec": 0,
                    "end_time_sec": 720,
                    "layout": "grid",
                    "output_key": "quick_access/part-0001.mp4",
                }
            ]
        }
    )


class TokenIssued(BaseModel):
    """A single-use token."""

    token: str = Field(examples=["eyJhbGciOi..."])
    expires_at: str = Field(examples=["2026-02-01T10:30:00Z"])
    scope: list[Scope]
    recording_id: str
    room_id: str


class JobAccepted(BaseModel):
    """A job that was taken on; `status` is what it is now, for a repeated request."""

    job_id: str = Field(examples=["job-123"])
    status: Status = Field(examples=["queued"])


class JobStatus(BaseModel):
    """A job's state."""

    job_id: str = Field(examples=["job-789"])
    kind: JobKind
    recording_id: str
    room_id: str
    status: Status = Field(examples=["processing"])
    progress: Progress | None
    reason: str | None = Field(description="Why it failed, in one word: `cancelled`, …")
    message: str | None = Field(description="The same for people.")
    warnings: list[dict[str, str]]
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None


class CompositionSaved(BaseModel):
    """The composition is stored."""

    status: Literal["ok"] = "ok"
    updated_at: str = Field(examples=["2026-02-01T10:05:00Z"])
    composition_id: str = Field(examples=["3f1b0c6a9d2e4b7f8a5c1d0e6b9f2a4c"])


def _plain(schema: dict[str, Any]) -> None:
    del schema["default"]


_Text = Annotated[str | SkipJsonSchema[None], Field(default=None, json_schema_extra=_plain)]
"""A text that is there, or the whole field is not."""


class PeerStreams(BaseModel):
    """The playlists of one peer, signed; those that exist."""

    av: _Text
    low: _Text
    audio: _Text


class ScreenStreams(BaseModel):
    """The playlist of one shared screen, signed."""

    video: str


class Preview(BaseModel):
    """By peer id. `job_id`: the preview's newest job. `manifest`: what there is in it, once it is whole."""

    peers: dict[str, PeerStreams]
    screenshare: dict[str, ScreenStreams]
    job_id: str | None
    manifest: _Text


class NewestExport(BaseModel):
    """The newest export; `url` once it is ready."""

    url: str | None
    job_id: str | None


class ExportListed(BaseModel):
    """One export; its id is its job's."""

    export_id: str
    status: Status
    composition_id: str
    url: str | None
    thumbnails: list[str]
    created_at: str


class RecordingStatus(BaseModel):
    """What there is of a recording. A status is null before any job."""

    recording_id: str
    room_id: str
    preview_status: Status | None
    export_status: Status | None
    preview: Preview
    export: NewestExport
    exports: list[ExportListed]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "recording_id": "rec-123",
                    "room_id": "room-456",
                    "preview_status": "ready",
                    "export_status": "processing",
                    "preview": {
                        "peers": {
                            "peer-1": {
                                "av": "https://…/preview/peers/peer-1/av.m3u8",
                                "low": "https://…/preview/peers/peer-1/av_low.m3u8",
                            }
                        },
                        "screenshare": {},
                        "job_id": "job-123",
                    },
                    "export": {"url": None, "job_id": "job-789"},
                    "exports": [],
                }
            ]
        }
    )


class ChunkCounts(BaseModel):
    """Pieces of 8 s; `cached` are stored already."""

    total: int
    cached: int


class Forecast(BaseModel):
    """What an export would cost. `spans_ms`: what has to be rendered; `seconds`: a guess."""

    chunks: ChunkCounts
    spans_ms: list[tuple[int, int]]
    seconds: float


class AssetSaved(BaseModel):
    """An uploaded image, by the name that `style.image.asset` uses."""

    asset: str
    width: int
    height: int
    url: str


class FieldProblem(BaseModel):
    """What is wrong with one field: `pointer` into the body, or a `parameter` of the URL, or a `header`."""

    detail: str
    pointer: _Text
    parameter: _Text
    header: _Text


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["urn:recording-farm:problem:unprocessable"])
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


def read_body(model: type[_M], raw: bytes) -> _M:
    """The body as `model`; nothing at all counts as an empty object. Raises Unprocessable with every problem."""
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise Unprocessable(tuple(_problem(detail) for detail in error.errors(include_url=False))) from None


_PLAIN = {"extra_forbidden": "unknown field", "missing": "is required"}


def _problem(detail: Any) -> tuple[str, str]:
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in detail["loc"])
    if detail["type"] == "value_error":
        return pointer, str(detail["ctx"]["error"])
    return pointer, _PLAIN.get(detail["type"]) or detail["msg"].replace("Input should", "should", 1)
