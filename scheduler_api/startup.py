"""What a process settles before it starts: its state folder, its secrets, its addresses.

Takes settings; reads the environment and the clock for them. Light to import: a supervisor and `farm user-token` need
no more of the door. Raises BadSetting, which names the variable.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from farm.errors import BadSetting
from farm.settings import PREFIX
from scheduler_api.auth.claims import UserTokens
from scheduler_api.secrets import NEEDED, Given, SecretName, Secrets, default_state_dir, resolve
from scheduler_api.settings import DoorSettings, ProcessRole
from storage.objects import StoreSpec

BACKLOG = 2048

_SECRETS = frozenset(PREFIX + name.upper() for name in Given._fields)


def state_dir_of(settings: DoorSettings) -> Path:
    """The folder of the development secrets and the embedded Valkey."""
    return (settings.state_dir or default_state_dir(os.environ, Path.home())).absolute()


def secrets_of(settings: DoorSettings, role: ProcessRole = "all") -> Secrets:
    """The secrets of a process with this role, checked against its addresses; in development made if there are none."""
    found = resolve(settings.given_secrets(), state_dir_of(settings), _needed(settings, role))
    for variable, host in _gates(settings, role):
        found.check_host(variable, host)
    return found


def _gates(settings: DoorSettings, role: ProcessRole) -> Iterator[tuple[str, str]]:
    """(variable, host) of what a process with this role listens on for others."""
    if role == "dispatcher":
        return
    yield "FARM_HOST", settings.host
    if role != "composition" and settings.tokens_port:
        yield "FARM_TOKENS_HOST", settings.tokens_host
    if role != "composition" and settings.shelf_port:
        yield "FARM_SHELF_HOST", settings.shelf_host


def _needed(settings: DoorSettings, role: ProcessRole) -> Sequence[SecretName]:
    if role == "dispatcher" or (role == "composition" and settings.tokens_address):
        return ()
    return NEEDED


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """What of an environment a process may inherit that reads foreign media, or starts such processes."""
    return {name: value for name, value in environ.items() if name.upper() not in _SECRETS}


def forget_secrets() -> None:
    """Takes the secrets, which the settings hold, out of the environment that this process hands on."""
    for name in os.environ.keys() - without_secrets(os.environ).keys():
        del os.environ[name]


def user_tokens(secrets: Secrets) -> UserTokens:
    """What verifies user tokens, and where their secret is at hand issues them."""
    if secrets.user_token_jwks:
        return UserTokens.with_jwks(secrets.user_token_jwks, time.time)
    if secrets.user_token_secret:
        return UserTokens.with_secret(secrets.user_token_secret, time.time)
    return UserTokens(lambda kid: None, time.time)   # of a composition service, which knows no users


def listen(settings: DoorSettings) -> socket.socket:
    """The API's listening socket."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadSetting("FARM_PORT", f"cannot listen on {settings.host}:{settings.port} ({reason})") from error


def spec_of(settings: DoorSettings) -> StoreSpec:
    """Where the recordings are."""
    return StoreSpec(settings.storage, endpoint=settings.s3_endpoint, region=settings.s3_region)


def redis_url_of(settings: DoorSettings) -> str:
    """The Redis that this process shares with the others."""
    if settings.redis is None:
        raise BadSetting("FARM_REDIS", "a process of its own needs the Redis that it shares with the others")
    return settings.redis
