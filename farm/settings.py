"""The settings of one process: environment variables that begin with FARM_, read once, at the edge.

Nothing below the entry points reads the environment; they are handed values from here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from farm.errors import BadSetting

PREFIX = "FARM_"

LossPolicy = Literal["freeze", "hold", "conceal"]


def installed_font_dirs() -> tuple[Path, ...]:
    """The usual folders of fonts that exist on this machine."""
    usual = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts")
    return tuple(folder for folder in usual if folder.is_dir())


class FarmSettings(BaseSettings):
    """What the farm needs to know of its surroundings."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    s3_endpoint: str | None = Field(
        default=None, description="Address of an S3 server (`http://…`), if it is not AWS."
    )
    s3_region: str | None = Field(default=None, description="Region of the buckets, if not in AWS_REGION.")
    scheduler: str | None = Field(
        default=None,
        description="Address of a Dask scheduler (`tcp://…`); without it workers are started here.",
    )
    workers: int | None = Field(
        default=None,
        ge=0,
        description="Worker processes to start; 0 works in this process. Default: one for each processor.",
    )
    connect_timeout_s: float = Field(
        default=10.0, gt=0, description="How long to try to reach the scheduler."
    )
    worker_wait_s: float = Field(
        default=300.0,
        gt=0,
        description="How long a run waits for a cluster without any worker (it may be scaling up), and a job of the "
        "service for a cluster that is away or being replaced.",
    )
    expected_workers: int | None = Field(
        default=None,
        ge=1,
        description="How many workers a cluster may grow to: work is cut for as many, though fewer are there yet.",
    )
    pools: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="Dask resources, separated by commas, that a cluster has even while no worker offers them: "
        "`nvenc`, `nvdec`. Exports use NVIDIA's encoder where it is among them.",
    )
    dashboard: bool = Field(default=True, description="Whether workers started here have a dashboard.")
    dashboard_port: int = Field(default=0, ge=0, le=65535, description="Its port on loopback; 0: a free one.")
    scratch_dir: Path | None = Field(
        default=None, description="Folder for temporary files; else the system's."
    )
    loss_policy: LossPolicy = Field(
        default="freeze",
        description="What a tile shows after lost packets: `freeze` the last good picture until decoding is "
        "clean again (at most 5 s), `hold` it without limit, `conceal`: show what the decoder makes of it.",
    )
    max_keyframe_interval_s: float = Field(
        default=120.0,
        gt=0,
        description="A track whose keyframes are further apart is first turned into an intermediate "
        "with regular ones.",
    )
    audio_level_extension_id: int = Field(
        default=10, ge=1, le=255, description="RTP header extension id of the audio level (RFC 6464)."
    )
    video_orientation_extension_id: int = Field(
        default=11, ge=1, le=255, description="RTP header extension id of the video orientation (3GPP CVO)."
    )
    font_dirs: Annotated[tuple[Path, ...], NoDecode] = Field(
        default_factory=installed_font_dirs,
        description="Folders searched for fonts, separated by `:`. Default: those of /usr/share/fonts, "
        "/usr/local/share/fonts and ~/.fonts that exist.",
    )

    @field_validator("font_dirs", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(filter(None, value.split(os.pathsep))) if isinstance(value, str) else value

    @field_validator("pools", mode="before")
    @classmethod
    def _listed_pools(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def load_settings() -> FarmSettings:
    """The settings of this process's environment. Raises BadSetting, which names the variable."""
    try:
        return FarmSettings()
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSetting(PREFIX + str(first["loc"][0]).upper(), str(first["msg"])) from error


def settings_table() -> str:
    """All settings as a Markdown table, for the documentation."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in FarmSettings.model_fields.items():
        has_default = field.default_factory is None and field.default is not None
        default = f"`{field.default}`" if has_default and field.default != frozenset() else ""
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"
