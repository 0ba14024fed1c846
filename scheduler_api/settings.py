"""The settings of the door's processes: those of the farm and more, from variables that begin with FARM_.

What is secret hides in the repr; `scheduler_api.secrets` checks it, and makes in development what is not given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode

from farm.errors import BadSetting
from farm.settings import PREFIX, FarmSettings
from scheduler_api.secrets import Given

ProcessRole = Literal["all", "api", "gateway", "composition", "dispatcher"]
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
        default=None,
        ge=1,
        le=65535,
        description="Port of the Prometheus metrics; without it there are none. With the role `all` that of the API: "
        "its dispatcher takes the next one.",
    )
    shelf_host: str = Field(
        default="127.0.0.1",
        description="Address of the gRPC service RecordingShelfBridge. It has no TLS: keep it behind a network policy.",
    )
    shelf_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of RecordingShelfBridge; without it, it is not there."
    )
    tokens_host: str = Field(default="127.0.0.1", description="Address of the gRPC service CompositionTokens.")
    tokens_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of CompositionTokens; without it, it is not there."
    )
    tokens_address: str | None = Field(
        default=None,
        description="Where the role `composition` has tokens verified, `host:port`; else its own keys and Redis.",
    )
    tokens_tls_cert: Path | None = Field(
        default=None, description="This side's certificate (PEM) for CompositionTokens; with it both sides show one."
    )
    tokens_tls_key: Path | None = Field(default=None, description="The certificate's private key (PEM).")
    tokens_tls_ca: Path | None = Field(
        default=None, description="Who must have signed the other side's certificate (PEM)."
    )
    media_ttl_s: int = Field(
        default=900,
        ge=360,
        le=900,
        description="Life of a signed media URL, 6 to 15 minutes; up to one minute less, so that it stays the same.",
    )
    editor_roles: Annotated[frozenset[EditorRole], NoDecode] = Field(
        default=frozenset({"host", "co_host"}),
        description="Room roles, separated by commas, that may compose, export and cancel.",
    )
    state_dir: Path | None = Field(
        default=None, description="Folder of the development secrets and the embedded Redis; else the user's own."
    )
    kubernetes_account: Path = Field(
        default=Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        description="Folder of the service account by which `farm autoscale` calls Kubernetes, as a pod has it.",
    )
    studio_workers: int = Field(default=2, ge=1, description="Processes that plan, draw stills and check images.")
    user_token_secret: SecretStr | None = Field(
        default=None, description="What Shelves signs user tokens with (HS256), at least 32 characters."
    )
    user_token_jwks: str | None = Field(
        default=None, description="Instead of the secret: Shelves' public keys (RS256), a JWKS document."
    )
    composition_keys: SecretStr | None = Field(
        default=None, description="Keys of composition tokens, `id:secret,id:secret`, the newest first."
    )
    media_keys: SecretStr | None = Field(default=None, description="Keys of signed media URLs, in the same form.")
    service_key: SecretStr | None = Field(
        default=None, description="X-Compositer-Service-Key of the Recording Service; without it, it may not export."
    )
    webhook_key: SecretStr | None = Field(default=None, description="What webhooks are signed with (HMAC-SHA256).")
    webhook_url: str | None = Field(default=None, description="Address that is told when a job has ended.")
    log_format: Literal["json", "text"] = Field(default="json", description="How log lines look.")

    def given_secrets(self) -> Given:
        """The secrets that are set, in the clear."""
        values = {name: getattr(self, name) for name in Given._fields}
        return Given(**{n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items()})

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
