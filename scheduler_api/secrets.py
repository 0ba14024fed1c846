"""The secrets of this service: given by settings, or made once for development and kept in the state folder.

Takes what the settings hold (None: not set) and the state folder; gives `Secrets`, whose repr shows none of them.
Raises BadSetting, which names the variable, for secrets that are short, well known, or used for two things.
Development secrets are random, in a file that only its owner can read (0600), made once however many processes ask at
the same time, so that `farm serve` and `farm user-token` agree. `development` says that some come from there: such a
service may listen on loopback only, which `check_host` enforces. Nothing in here reads the environment.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import re
import secrets as dice
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from farm.errors import BadSetting

Ring = tuple[tuple[str, str], ...]
"""(key id, secret) pairs: the first signs, all verify. A new key goes in front; an old one leaves when all that it
signed has expired."""

SecretName = Literal["user_token_secret", "composition_keys", "media_keys", "service_key", "webhook_key"]

STATE_DIR: Final = "FARM_STATE_DIR"
MIN_SECRET_CHARS: Final = 32
MIN_DISTINCT_CHARS: Final = 8
NEEDED: Final[tuple[SecretName, ...]] = ("user_token_secret", "composition_keys", "media_keys")
"""Without these a gateway cannot work; a process of another role may need fewer."""

_FILE: Final = "development-secrets.json"
_RINGS: Final[tuple[SecretName, ...]] = ("composition_keys", "media_keys")
_SINGLE: Final[tuple[SecretName, ...]] = ("user_token_secret", "service_key", "webhook_key")
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_WELL_KNOWN: Final = re.compile(r"change[-_ ]?me|secret[-_ ]?key|your[-_ ]secret|password|insecure", re.IGNORECASE)


class Given(NamedTuple):
    """What the settings hold. Rings are written `id:secret,id:secret`, the signing key first."""

    user_token_secret: str | None = None
    user_token_jwks: str | None = None  # public: a JWKS document in place of the secret
    composition_keys: str | None = None
    media_keys: str | None = None
    service_key: str | None = None
    webhook_key: str | None = None

    def __repr__(self) -> str:
        return "Given(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """The secrets in use. What is None (a ring: empty) is not there, and what it is for is off."""

    user_token_secret: str | None = None
    user_token_jwks: str | None = None
    composition_keys: Ring = ()
    media_keys: Ring = ()
    service_key: str | None = None
    webhook_key: str | None = None
    development: bool = False

    def __post_init__(self) -> None:
        if self.user_token_secret and self.user_token_jwks:
            raise BadSetting(_variable("user_token_jwks"), f"{_variable('user_token_secret')} is set too; set one")
        taken: dict[str, str] = {}
        for variable, secret in self._each():
            _check_strength(variable, secret)
            if secret in taken:
                raise BadSetting(variable, f"the same secret is in {taken[secret]}; each use needs its own")
            taken[secret] = variable

    def __repr__(self) -> str:
        return f"Secrets(development={self.development})"

    def check_host(self, variable: str, host: str) -> None:
        """Raises BadSetting if `host`, set by `variable`, can be reached from elsewhere while development secrets are
        in use."""
        if self.development and not _is_loopback(host):
            needed = ", ".join(_variable(name) for name in NEEDED)
            raise BadSetting(variable, f"{host!r} is not loopback: development secrets stay there; set {needed}")

    def _each(self) -> Iterator[tuple[str, str]]:
        for name in _SINGLE:
            if (secret := getattr(self, name)) is not None:
                yield _variable(name), secret
        for name in _RINGS:
            for _, secret in getattr(self, name):
                yield _variable(name), secret


def resolve(given: Given, state_dir: Path, needed: Collection[SecretName] = NEEDED) -> Secrets:
    """The secrets that were given; if one that is needed was not, what is missing comes from `state_dir`.

    Public keys of Shelves count as a user token secret. Raises BadSetting.
    """
    present = {name for name, value in given._asdict().items() if value}
    if given.user_token_jwks:
        present.add("user_token_secret")
    development = not present.issuperset(needed)
    made = development_secrets(state_dir) if development else {}
    texts = given._replace(**{name: made.get(name) for name in (*_SINGLE, *_RINGS) if name not in present})
    return Secrets(
        texts.user_token_secret or None,
        texts.user_token_jwks or None,
        parse_ring("composition_keys", texts.composition_keys),
        parse_ring("media_keys", texts.media_keys),
        texts.service_key,
        texts.webhook_key,
        development,
    )


def parse_ring(name: SecretName, text: str | None) -> Ring:
    """`id:secret,id:secret` as a ring; raises BadSetting."""
    ring = tuple(_key(name, part.strip()) for part in (text or "").split(",") if part.strip())
    if len({key_id for key_id, _ in ring}) < len(ring):
        raise BadSetting(_variable(name), "two keys have the same id")
    return ring


def default_state_dir(environ: Mapping[str, str], home: Path) -> Path:
    """Where this user's state lies, by the XDG base directory specification."""
    base = environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home / ".local" / "state") / "recording-farm"


def development_secrets(state_dir: Path) -> dict[str, str]:
    """The development secrets, as settings would give them; made if this is the first call. Raises BadSetting."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(state_dir):
            path = state_dir / _FILE
            if not path.exists():
                _make(path)
            return _read(path)
    except OSError as error:
        raise BadSetting(STATE_DIR, f"{state_dir} cannot be used ({error.strerror}); name another folder") from error


def _key(name: str, part: str) -> tuple[str, str]:
    key_id, colon, secret = part.partition(":")
    if not colon or not _KEY_ID.fullmatch(key_id):
        raise BadSetting(_variable(name), "keys are written id:secret,id:secret, an id of A-Z a-z 0-9 _ -")
    return key_id, secret


def _variable(name: str) -> str:
    return f"FARM_{name.upper()}"


def _check_strength(variable: str, secret: str) -> None:
    remedy = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    if len(secret) < MIN_SECRET_CHARS:
        raise BadSetting(variable, f"a secret has at least {MIN_SECRET_CHARS} characters; {remedy}")
    if len(set(secret)) < MIN_DISTINCT_CHARS or _WELL_KNOWN.search(secret):
        raise BadSetting(variable, f"this secret can be guessed; {remedy}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make(path: Path) -> None:
    document = {name: dice.token_urlsafe(32) for name in _SINGLE}
    document |= {name: f"dev:{dice.token_urlsafe(32)}" for name in _RINGS}
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
    half.replace(path)


def _read(path: Path) -> dict[str, str]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor) as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o077:
            raise BadSetting(STATE_DIR, f"{path} must be readable by its owner alone: chmod 600, or remove it")
        text = file.read()
    try:
        document = json.loads(text)
        return {name: str(document[name]) for name in (*_SINGLE, *_RINGS)}
    except (ValueError, TypeError, KeyError):
        raise BadSetting(STATE_DIR, f"{path} is damaged; remove it, and a new one is made") from None
