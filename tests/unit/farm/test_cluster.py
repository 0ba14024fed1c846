"""Clusters come up, are refused with a clear word, and leave nothing behind however they end."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from farm.build import engine_id
from farm.cluster import check_versions, connect, open_executor
from farm.errors import ClusterUnreachable, PoisonTask, VersionMismatch, WorkerLost
from farm.events import TaskStarted
from farm.executors.base import CancelToken, Task
from farm.executors.local import LocalExecutor
from farm.settings import FarmSettings
from tests.support import farm_tasks as do

ROOT = Path(__file__).parents[3]

Session = Callable[[Path, str], "subprocess.Popen[str]"]


@pytest.fixture
def python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `python -m …` in a process group of its own; what is left of it is killed at the end."""
    started: list[subprocess.Popen[str]] = []
    scratch = tempfile.TemporaryDirectory()   # who is killed leaves things behind; a socket's path must be short

    def start(*args: str, cwd: Path = ROOT, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", *args],
            cwd=cwd,
            env=os.environ | {"TMPDIR": scratch.name} | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    scratch.cleanup()


@pytest.fixture
def session(python: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Session:
    return lambda folder, what: python("tests.support.farm_session", str(folder), what, FARM_WORKERS="2")


def wait_for(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def members(group: int) -> list[int]:
    """The living processes of a process group."""

    def group_of(pid: int) -> int | None:
        try:
            return os.getpgid(pid)
        except ProcessLookupError:
            return None

    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if group_of(pid) == group and is_alive(pid)]


class TestEndOfASession:
    def test_it_closes_quickly_and_in_silence(self, session: Session, tmp_path: Path) -> None:
        process = session(tmp_path, "finish")
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
        wait_for(lambda: not members(process.pid), limit_s=5.0)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("to_the_whole_group", [True, False])
    def test_a_signal_ends_it_in_order(
        self, session: Session, tmp_path: Path, number: signal.Signals, to_the_whole_group: bool
    ) -> None:
        process = session(tmp_path, "work")
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        start_s = time.monotonic()
        (os.killpg if to_the_whole_group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - start_s < 8.0
        assert (out, err) == ("", "stopped before the end: interrupted\n")
        assert process.returncode == 1
        wait_for(lambda: not members(process.pid), limit_s=5.0)

    def test_a_kill_takes_its_workers_along(self, session: Session, tmp_path: Path) -> None:
        process = session(tmp_path, "work")
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_for(lambda: not members(process.pid), limit_s=10.0)


class TestNoWorkersHere:
    def test_zero_workers_is_this_process(self) -> None:
        assert isinstance(open_executor(FarmSettings(), workers=0), LocalExecutor)
        assert isinstance(open_executor(FarmSettings(workers=0)), LocalExecutor)
        elsewhere = FarmSettings(scheduler="tcp://127.0.0.1:1")
        assert isinstance(open_executor(elsewhere, workers=0), LocalExecutor)

    def test_an_address_where_nobody_listens_is_reported_in_time(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            start_s = time.monotonic()
            with pytest.raises(ClusterUnreachable, match=address):
                open_executor(FarmSettings(connect_timeout_s=0.5), scheduler=address)
        assert time.monotonic() - start_s < 5.0

    @pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:1", "tcp://", "tcp://127.0.0.1:port"])
    def test_a_strange_address_is_reported(self, address: str) -> None:
        with pytest.raises(ClusterUnreachable):
            connect(address, FarmSettings(connect_timeout_s=0.3))

    def test_nothing_is_left_of_a_client_that_found_nobody(self) -> None:
        gc.collect()
        gc.disable()
        try:
            with pytest.raises(ClusterUnreachable):
                connect("tcp://127.0.0.1:1", FarmSettings(connect_timeout_s=0.3))
            assert [o for o in gc.get_objects() if isinstance(o, Client)] == []
        finally:
            gc.enable()


class TestARemoteCluster:
    @pytest.fixture
    def scheduler(self, python: Callable[..., Any], tmp_path: Path) -> tuple[subprocess.Popen[str], str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"]
        return python("distributed.cli.dask_scheduler", *options), f"tcp://127.0.0.1:{port}"

    def test_without_any_worker_a_run_gives_up(self, scheduler: tuple[Any, str]) -> None:
        with (
            open_executor(FarmSettings(worker_wait_s=0.3), scheduler=scheduler[1]) as executor,
            pytest.raises(WorkerLost, match="double-a"),
        ):
            executor.run([Task("a", "double", do.double, (1,))], lambda event: None, CancelToken())

    def test_work_goes_there_and_a_dead_scheduler_ends_the_run(
        self, scheduler: tuple[subprocess.Popen[str], str], python: Callable[..., Any], tmp_path: Path
    ) -> None:
        process, address = scheduler
        python("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        killed_s: list[float] = []

        def kill_scheduler(event: Any) -> None:
            if isinstance(event, TaskStarted) and event.key == "run":
                process.kill()
                killed_s.append(time.monotonic())

        with open_executor(FarmSettings(), scheduler=address) as executor:
            tasks = [
                Task("n", "double", do.double, (4,)),
                Task("run", "run", do.run_until_cancelled, (tmp_path / "log",), after=("n",)),
            ]
            with pytest.raises(ClusterUnreachable, match=address):
                executor.run(tasks, kill_scheduler, CancelToken())
        assert time.monotonic() - killed_s[0] < 10.0

    def test_work_stops_when_who_asked_for_it_has_died(
        self, scheduler: tuple[Any, str], python: Callable[..., subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        address = scheduler[1]
        python("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        asked = python("tests.support.farm_session", str(tmp_path), "work", FARM_SCHEDULER=address)
        wait_for(lambda: any(tmp_path.iterdir()))
        asked.kill()
        start_s = time.monotonic()
        with open_executor(FarmSettings(), scheduler=address) as executor:
            tasks = [Task("n", "double", do.double, (4,))]
            assert executor.run(tasks, lambda event: None, CancelToken()) == {"n": 8}
        assert time.monotonic() - start_s < 10.0, "the only worker was still busy"

    def test_a_worker_of_another_build_that_joins_later_runs_nothing(
        self, scheduler: tuple[Any, str], python: Callable[..., subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        """Same libraries, other code: its pixels would lie under our keys."""
        build, log = tmp_path / "build", tmp_path / "log"
        for room in ("compositing", "renderer", "storage", "farm", "tests/support"):
            shutil.copytree(ROOT / room, build / room, ignore=shutil.ignore_patterns("__pycache__"))
        with (build / "renderer" / "encode.py").open("a") as code:
            code.write("# of yesterday\n")
        with open_executor(FarmSettings(), scheduler=scheduler[1]) as executor:
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
            python("distributed.cli.dask_worker", scheduler[1], *options, cwd=build)
            task = Task("n", "write", do.write_line, (log, "rendered"))
            with pytest.raises(PoisonTask, match="runs recording-farm") as caught:
                executor.run([task], lambda event: None, CancelToken())
        assert isinstance(caught.value.__cause__, VersionMismatch)
        assert caught.value.__cause__.here == engine_id()
        assert not log.exists()


class TestVersions:
    @staticmethod
    def build(**packages: str | None) -> dict[str, Any]:
        all_packages = {"distributed": "2026.8.0", "av": "18.1.0"} | packages
        return {"host": {"python": "3.11.4.final.0"}, "packages": all_packages}

    def test_equal_builds_pass_and_what_the_scheduler_lacks_does_not_matter(self) -> None:
        versions = {"client": self.build(), "scheduler": self.build(av=None), "workers": {"w": self.build()}}
        check_versions(versions)

    def test_another_version_on_one_worker_is_named(self) -> None:
        workers = {"w1": self.build(), "w2": self.build(av="17.0.0")}
        with pytest.raises(VersionMismatch, match=r"av 17\.0\.0.*18\.1\.0"):
            check_versions({"client": self.build(), "scheduler": self.build(), "workers": workers})

    def test_another_python_is_named(self) -> None:
        other = self.build() | {"host": {"python": "3.12.1.final.0"}}
        with pytest.raises(VersionMismatch, match=r"python 3\.12"):
            check_versions({"client": self.build(), "scheduler": other, "workers": {}})
