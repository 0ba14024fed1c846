"""A cluster of processes of its own: a worker that is told to go hands back; a pool from zero is waited for."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from farm.cluster import connect
from farm.errors import NoSuchPool, WorkerLost
from farm.events import ChunkStored, Event, TaskRetried
from farm.executors.base import CancelToken, Task, TaskContext
from farm.executors.dask import DaskExecutor
from farm.settings import FarmSettings
from tests.support.recordings import ROOT
from tests.support.s3 import free_port
from tests.support.serving import eventually


class Cluster:
    """A scheduler, and workers as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self.page_port = free_port(), free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.pages: dict[str, int] = {}
        self._scheduler = self._farm("scheduler", "--port", self.port, "--dashboard-port", self.page_port)
        eventually(lambda: self.demand() is not None, "the scheduler answers", 60)

    def start_worker(self, name: str, *options: object) -> None:
        self.pages[name] = free_port()
        self.workers[name] = self._farm("worker", "--scheduler", self.address, "--name", name, "--host", "127.0.0.1",
                                        "--dashboard-port", self.pages[name], "--grace", 20, *options)  # fmt: skip

    def demand(self) -> Any:
        try:
            with urlopen(f"http://127.0.0.1:{self.page_port}/farm/demand", timeout=10) as answer:
                return json.load(answer)["pools"]
        except OSError:
            return None

    def is_ready(self, name: str) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.pages[name]}/farm/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:   # also for 503
            return False

    def executor(self, **settings: Any) -> DaskExecutor:
        return connect(self.address, FarmSettings(**settings))

    def stop(self) -> None:
        for process in [*self.workers.values(), self._scheduler]:
            process.terminate()
        for process in [*self.workers.values(), self._scheduler]:
            process.wait(40)

    def _farm(self, *arguments: object) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "farm", *map(str, arguments)]
            return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path)
    yield running
    running.stop()


def pieces(context: TaskContext, folder: Path, count: int, seconds: float) -> list[int]:
    """Work in pieces: what a try finds done it does not do again."""
    mine = []
    for number in range(count):
        piece = folder / f"piece-{number}"
        if not piece.exists():
            time.sleep(seconds)
            piece.write_text("")
            with (folder / "made").open("a") as log:
                log.write(f"{number}\n")
            mine.append(number)
            context.stored({"chunk": str(number), "kind": "video", "bytes": 0, "seconds": {}})
            if number + 1 < count:
                context.hand_back()
    return mine


def test_a_worker_that_is_told_to_go_ends_its_piece_and_gives_the_rest_back(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start_worker("one")
    eventually(lambda: cluster.is_ready("one"), "the worker is ready", 60)
    events: list[Event] = []
    results: dict[str, Any] = {}
    with cluster.executor() as executor:
        task = Task("t", "render-video", pieces, (tmp_path, 12, 0.3))
        thread = threading.Thread(target=lambda: results.update(executor.run([task], events.append, CancelToken())))
        thread.start()
        eventually(lambda: any(isinstance(e, ChunkStored) for e in events), "a piece", 60)
        cluster.start_worker("two")
        eventually(lambda: cluster.is_ready("two"), "the other is ready", 60)
        began = time.monotonic()
        cluster.workers["one"].send_signal(signal.SIGTERM)
        assert cluster.workers.pop("one").wait(30) == 0
        assert time.monotonic() - began < 15, "it does not wait for the whole task"
        thread.join(60)
    assert (tmp_path / "made").read_text().split() == [str(n) for n in range(12)], "each piece once, in order"
    assert results["t"], "the other did the rest"
    assert [e.reason for e in events if isinstance(e, TaskRetried)] == ["one was told to go"]
    told = [e.worker for e in events if isinstance(e, ChunkStored)]
    assert sorted(set(told)) == ["one", "two"]
    assert cluster.demand()["cpu"]["workers"] == {"two": 0}


def test_a_declared_pool_is_waited_for_and_an_undeclared_one_fails_at_once(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start_worker("plain")
    eventually(lambda: cluster.is_ready("plain"), "the worker is ready", 60)
    task = Task("t", "render-video", pieces, (tmp_path, 1, 0.0), resources={"nvenc": 1.0, "nvdec": 1.0})
    with cluster.executor() as executor, pytest.raises(NoSuchPool, match="nvdec"):
        executor.run([task], lambda event: None, CancelToken())
    with cluster.executor(pools="nvenc,nvdec", worker_wait_s=1.0) as executor, pytest.raises(WorkerLost):
        executor.run([task], lambda event: None, CancelToken())

    results: dict[str, Any] = {}
    with cluster.executor(pools="nvenc,nvdec", expected_workers=7) as executor:
        assert executor.workers == 7
        thread = threading.Thread(
            target=lambda: results.update(executor.run([task], lambda event: None, CancelToken()))
        )
        thread.start()
        eventually(lambda: cluster.demand()["gpu"]["tasks"] == 1, "demand for the pool", 30)
        cluster.start_worker("gpu", "--threads", 4, "--resources", "nvenc=4,nvdec=4")
        thread.join(60)
    assert results == {"t": [0]}
