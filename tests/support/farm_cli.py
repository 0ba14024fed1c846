"""The command line for tests: in this process where it can be, as a process of its own where signals are the point.

    ran = farm("export", truth.path, *SMALL, "--output", out)
    assert ran.exit_code == 0, ran.stderr
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from farm.cli import main
from tests.support.recordings import ROOT

SMALL = ("--preset", "draft", "--resolution", "160x90", "--fps", "10")
HERE = ("--workers", "0")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The document on standard output."""
        return json.loads(self.stdout)

    @property
    def codes(self) -> set[str]:
        """Of the warnings."""
        return {warning["code"] for warning in self.json["warnings"]}


def farm(*arguments: object, env: Mapping[str, str] | None = None) -> Ran:
    """Runs `farm ARGUMENTS` in this process."""
    result = CliRunner().invoke(main, [str(a) for a in arguments], env=dict(env or {}), prog_name="farm")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def start_farm(*arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Starts `farm ARGUMENTS` as a process, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "farm", *(str(a) for a in arguments)],
        cwd=ROOT,
        env={**os.environ, "FARM_DASHBOARD": "false", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Returns once `ready()`; fails if the process ends before, or it takes longer than `seconds`."""
    until = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)


def leftovers(folder: Path) -> list[str]:
    """Temporary files below `folder`."""
    return [str(path) for path in folder.rglob(".*.part")]


def stored(recording: Path, kind: str) -> dict[str, tuple[int, int]]:
    """(inode, time of change) of each chunk of that kind in the cache of a recording, by key."""
    folder = recording / "cache" / "chunks" / kind
    found = ((path.name, path.stat()) for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found}
