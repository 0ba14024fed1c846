"""The settings of the door's processes: those of the farm and more, from variables that begin with FARM_.

Secrets are not here: `scheduler_api.secrets` reads or makes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import NoDecode

from farm.errors import BadSetting
from farm.settings import PREFIX, FarmSettings

ProcessRole = Literal["all", "gateway", "composition", "dispatcher"]
EditorRole = Literal["host", "co_host", "participant"]


class DoorSettings(FarmSettings):
    """What the API and the dispatcher need to know of their surroundings."""

    storage: str = Field(default=".", description="Folder or `s3://bucket[/prefix]` that contains `rooms/`.")
    redis: str | None = Field(
        default=None, description="Redis 7 or Valkey, `redis://host:port/0`; without it one is started here."
    )
    host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port of the API; 0: a free one.")
    public_url: str | None = Field(
        default=None, description="How browsers reach the API, for the URLs it gives; else as the request came."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins, separated by commas, whose pages may call the API; `*` is any."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of the Prometheus metrics.")
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the Prometheus metrics; without it there are none."
    )
    media_ttl_s: int = Field(default=900, ge=300, le=900, description="Life of a signed media URL, 5 to 15 minutes.")
    editor_roles: Annotated[frozenset[EditorRole], NoDecode] = Field(
        default=frozenset({"host", "co_host"}),
        description="Room roles, separated by commas, that may compose, export and cancel.",
    )
    state_dir: Path | None = Field(
        default=None, description="Folder of the development secrets and the embedded Redis; else the user's own."
    )
    studio_workers: int = Field(default=2, ge=1, description="Processes that plan, draw stills and check images.")
    webhook_url: str | None = Field(default=None, description="Address that is told when a job has ended.")
    log_format: Literal["json", "text"] = Field(default="json", description="How log lines look.")

    @field_validator("cors_origins", "editor_roles", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def load_door_settings(**given: Any) -> DoorSettings:
    """The settings of this process's environment, `given` ones before them. Raises BadSetting, which names one."""
    try:
        return DoorSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSetting(PREFIX + str(first["loc"][0]).upper(), str(first["msg"])) from error
