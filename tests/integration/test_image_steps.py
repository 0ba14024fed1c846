"""The steps of the Dockerfile without Docker: the wheel is built and installed into a fresh environment, and works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.recordings import KICKOFF, ROOT
from tests.support.s3 import free_port
from tests.support.serving import eventually

BARE = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
PIP = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")}


def script(*arguments: object, **env: str) -> str:
    """Runs a script of ours; what it printed."""
    done = subprocess.run(
        [str(a) for a in arguments], cwd=ROOT, env={**BARE, **PIP, "PYTHON": sys.executable, **env},
        capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    script("scripts/build-wheel", out, NO_ISOLATION="1")
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of the image's environment."""
    folder = tmp_path_factory.mktemp("image") / "farm"
    assert "farm, version" in script("scripts/install-runtime", folder, wheel)
    return folder / "bin"


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "scheduler_api", "farm", "renderer", "compositing", "storage"
    }  # fmt: skip
    assert not [name for name in names if "__pycache__" in name or "test" in name.lower()]
    for room in ("scheduler_api", "farm", "renderer", "compositing", "storage"):
        assert f"{room}/py.typed" in names


def test_the_command_line_is_whole(installed: Path, tmp_path: Path) -> None:
    shown = subprocess.run([installed / "farm", "--help"], cwd=tmp_path, env=BARE, capture_output=True, text=True,
                           check=True, timeout=120).stdout  # fmt: skip
    for command in ("export", "preview", "serve", "worker", "scheduler", "autoscale", "gc", "user-token"):
        assert re.search(rf"^  {command}\b", shown, re.MULTILINE), command


def test_what_only_developers_need_is_not_there(installed: Path) -> None:
    modules = ["pytest", "hypothesis", "mypy", "ruff", "playwright", "grpc_tools", "schemathesis"]
    code = f"import importlib.util as u; print([m for m in {modules} if u.find_spec(m)])"
    found = subprocess.run([installed / "python", "-c", code], env=BARE, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_it_serves_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    env = {**BARE, "HOME": str(tmp_path), "FARM_STATE_DIR": str(tmp_path / "s"), "FARM_WORKERS": "1"}
    command = [installed / "farm", "serve", "--storage", KICKOFF, "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
    try:
        def ready() -> bool:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
            except httpx.HTTPError:
                return False

        eventually(ready, "ready", 120)
        below = [child.cwd() for child in psutil.Process(process.pid).children(recursive=True)]
        assert len(below) > 2
        assert all(folder.startswith(str(tmp_path)) for folder in below), "it needs nothing of the checkout"
    finally:
        process.terminate()
        assert process.wait(40) == 0


def test_the_steps_are_those_of_the_dockerfile() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    steps = ("scripts/build-composer --installed", "scripts/build-wheel /wheel", "scripts/install-runtime /opt/farm")
    for step in steps:
        assert step in text
        assert os.access(ROOT / step.split()[0], os.X_OK)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert [name for name in source.split() if not (ROOT / name).exists()] == []
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["tini", "--"\]', text, re.MULTILINE), "the farm is not process 1"
