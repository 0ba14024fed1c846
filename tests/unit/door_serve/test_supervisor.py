"""The supervisor over real processes: started again when they die, none left whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from tests.support.recordings import ROOT

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def begin(*what: str) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-m", "tests.support.supervised", str(tmp_path), *what]
        running.append(
            subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        )
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)


def pid(path: Path) -> int:
    eventually(path.exists)
    return int(path.read_text())


def gone(number: int) -> bool:
    return not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def pids(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in folder.iterdir()]


def test_first_lines_are_printed_in_order_and_a_restart_says_nothing(start: Start, tmp_path: Path) -> None:
    supervisor = start("steady")
    assert supervisor.stdout is not None
    assert [supervisor.stdout.readline().strip() for _ in range(2)] == ["API steady 1", "Composer steady"]
    os.kill(pid(tmp_path / "steady.1"), signal.SIGKILL)
    pid(tmp_path / "steady.2")
    supervisor.terminate()
    assert supervisor.communicate(timeout=20)[0] == ""
    assert supervisor.returncode == 0


def test_what_a_dead_program_has_left_behind_is_ended(start: Start, tmp_path: Path) -> None:
    start("steady")
    child = pid(tmp_path / "steady-child.1")
    os.kill(pid(tmp_path / "steady.1"), signal.SIGKILL)
    eventually(lambda: gone(child))
    pid(tmp_path / "steady.2")


def test_a_program_that_keeps_dying_is_started_ever_more_slowly(start: Start, tmp_path: Path) -> None:
    start("crashing", "steady")
    pid(tmp_path / "steady.1")
    pid(tmp_path / "crashing.4")
    times = [(tmp_path / f"crashing.{n}").stat().st_mtime for n in (1, 2, 3, 4)]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits[2] > waits[1] > waits[0]
    assert not (tmp_path / "steady.2").exists()


def test_an_unusable_program_ends_the_whole(start: Start, tmp_path: Path) -> None:
    supervisor = start("unusable", "steady")
    supervisor.communicate(timeout=20)
    assert supervisor.returncode == 1
    assert all(map(gone, pids(tmp_path)))


def test_a_program_that_does_not_heed_is_killed_in_the_end(start: Start, tmp_path: Path) -> None:
    supervisor = start("stubborn")
    stubborn = pid(tmp_path / "stubborn.1")
    assert supervisor.stdout is not None
    supervisor.stdout.readline()
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=30) == 0
    assert gone(stubborn)


@pytest.mark.parametrize("what", ["steady", "stubborn"])
def test_nothing_is_left_of_a_killed_supervisor(start: Start, tmp_path: Path, what: str) -> None:
    supervisor = start(what)
    assert supervisor.stdout is not None
    supervisor.stdout.readline()
    supervisor.kill()
    eventually(lambda: all(map(gone, pids(tmp_path))))
