"""Secrets: given or made once for development, strong, each for one use, and never shown."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from farm.errors import BadSetting
from scheduler_api.secrets import (
    Given,
    SecretName,
    Secrets,
    default_state_dir,
    development_secrets,
    parse_ring,
    resolve,
)
from tests.support.auth import secret

GIVEN = Given(
    user_token_secret=secret("user"),
    composition_keys=f"c2:{secret('c2')}, c1:{secret('c1')}",
    media_keys=f"m1:{secret('m1')}",
)


def test_given_secrets_are_used_and_nothing_is_made(tmp_path: Path) -> None:
    secrets = resolve(GIVEN, tmp_path / "state")
    assert secrets.user_token_secret == secret("user")
    assert secrets.composition_keys == (("c2", secret("c2")), ("c1", secret("c1")))
    assert secrets.media_keys == (("m1", secret("m1")),)
    assert (secrets.service_key, secrets.webhook_key, secrets.development) == (None, None, False)
    assert not (tmp_path / "state").exists()


def test_without_settings_development_secrets_are_made_once(tmp_path: Path) -> None:
    first, second = resolve(Given(), tmp_path), resolve(Given(), tmp_path)
    assert first == second
    assert first.development
    assert first != resolve(Given(), tmp_path / "elsewhere")
    assert None not in (first.user_token_secret, first.service_key, first.webhook_key)
    assert len(first.composition_keys) == len(first.media_keys) == 1


def test_what_is_given_goes_before_what_is_made(tmp_path: Path) -> None:
    secrets = resolve(Given(user_token_secret=secret("user"), service_key=""), tmp_path)
    assert secrets.user_token_secret == secret("user")
    assert secrets.development
    assert secrets.service_key == development_secrets(tmp_path)["service_key"]


def test_public_keys_take_the_place_of_the_user_token_secret(tmp_path: Path) -> None:
    secrets = resolve(GIVEN._replace(user_token_secret=None, user_token_jwks='{"keys": []}'), tmp_path)
    assert (secrets.user_token_secret, secrets.user_token_jwks) == (None, '{"keys": []}')
    assert not secrets.development
    in_development = resolve(Given(user_token_jwks='{"keys": []}'), tmp_path)
    assert in_development.user_token_secret is None


def test_both_public_keys_and_a_secret_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="FARM_USER_TOKEN_SECRET is set too"):
        resolve(GIVEN._replace(user_token_jwks='{"keys": []}'), tmp_path)


def test_a_process_that_needs_fewer_secrets_is_no_development(tmp_path: Path) -> None:
    needed: tuple[SecretName, ...] = ("user_token_secret",)
    secrets = resolve(Given(user_token_secret=secret("user")), tmp_path / "state", needed)
    assert not secrets.development
    assert (secrets.composition_keys, secrets.media_keys) == ((), ())
    assert not (tmp_path / "state").exists()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    development_secrets(tmp_path / "a" / "state")
    (path,) = (tmp_path / "a" / "state").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_an_unfinished_file_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "development-secrets.new").write_text("{")
    assert development_secrets(tmp_path) == development_secrets(tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o620])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    development_secrets(tmp_path)
    (path,) = tmp_path.iterdir()
    path.chmod(mode)
    with pytest.raises(BadSetting, match="chmod 600"):
        development_secrets(tmp_path)


def test_a_file_of_someone_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    development_secrets(tmp_path)
    someone = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: someone)
    with pytest.raises(BadSetting, match="owner alone"):
        development_secrets(tmp_path)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    development_secrets(tmp_path / "real")
    (path,) = (tmp_path / "real").iterdir()
    (tmp_path / "trap").mkdir()
    (tmp_path / "trap" / path.name).symlink_to(path)
    with pytest.raises(BadSetting, match="FARM_STATE_DIR"):
        development_secrets(tmp_path / "trap")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"user_token_secret": "x"}', "\x00"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, text: str) -> None:
    development_secrets(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    with pytest.raises(BadSetting, match="remove it"):
        development_secrets(tmp_path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match=r"FARM_STATE_DIR: .* cannot be used"):
        development_secrets(tmp_path / "file" / "state")


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        made = pool.map(development_secrets, [tmp_path / "state"] * 16, chunksize=1)
    assert all(secrets == made[0] for secrets in made)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_token_secret", "short"),
        ("user_token_secret", "x" * 64),
        ("user_token_secret", "abcabc" * 10),
        ("user_token_secret", "changeme-changeme-changeme-1234567890"),
        ("user_token_secret", "django-INSECURE-0123456789abcdefghijkl"),
        ("user_token_secret", "this-is-my-secret-key-for-production-01"),
        ("service_key", "0123456789abcdef"),
        ("webhook_key", secret("m1")),
        ("webhook_key", secret("user")),
        ("composition_keys", f"c1:{secret('m1')}"),
        ("composition_keys", f"c1:{secret('c1')},c2:{secret('c1')}"),
        ("composition_keys", f"c1:{secret('c1')},c1:{secret('c2')}"),
        ("composition_keys", secret("c1")),
        ("composition_keys", f":{secret('c1')}"),
        ("composition_keys", f"c.1:{secret('c1')}"),
        ("composition_keys", "c1:"),
        ("media_keys", "m1:short"),
        ("media_keys", f"m1:{secret('m1')},m2"),
    ],
)
def test_a_weak_or_shared_secret_is_refused_and_not_shown(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(BadSetting) as refused:
        resolve(GIVEN._replace(**{name: value}), tmp_path)
    assert "FARM_" in str(refused.value)
    for part in value.replace(",", ":").split(":"):
        assert len(part) < 8 or part not in str(refused.value)


@pytest.mark.parametrize("text", [None, "", " ", ",", " , "])
def test_a_ring_of_nothing_is_empty(text: str | None) -> None:
    assert parse_ring("media_keys", text) == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_development_stays_on_loopback(tmp_path: Path, host: str) -> None:
    resolve(Given(), tmp_path).check_host("FARM_HOST", host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.example.org"])
def test_development_secrets_are_refused_elsewhere(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadSetting, match="set FARM_USER_TOKEN_SECRET, FARM_COMPOSITION_KEYS, FARM_MEDIA_KEYS"):
        resolve(Given(), tmp_path).check_host("FARM_HOST", host)
    resolve(GIVEN, tmp_path).check_host("FARM_HOST", host)


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    secrets = resolve(GIVEN, tmp_path)
    shown = f"{secrets} {secrets!r} {GIVEN} {GIVEN!r}"
    for name in ("user", "c1", "c2", "m1"):
        assert secret(name) not in shown
    assert pickle.loads(pickle.dumps(secrets)) == secrets


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({}, "/home/ada/.local/state/recording-farm"),
        ({"XDG_STATE_HOME": "/var/state"}, "/var/state/recording-farm"),
        ({"XDG_STATE_HOME": ""}, "/home/ada/.local/state/recording-farm"),
        ({"XDG_STATE_HOME": "relative"}, "/home/ada/.local/state/recording-farm"),
    ],
)
def test_the_state_folder_is_the_users_own(environ: dict[str, str], folder: str) -> None:
    assert default_state_dir(environ, Path("/home/ada")) == Path(folder)


def test_secrets_cannot_be_changed(tmp_path: Path) -> None:
    changed: Any = resolve(GIVEN, tmp_path)
    with pytest.raises(AttributeError):
        changed.development = True
    assert isinstance(changed, Secrets)
