"""What dies during an export, at the worst moment: the job ends `ready`, and its file is the one of an undisturbed run.

One service lives through all of it. Before each fault the cache is emptied, so that there is work left to do.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.mp4_check import check_mp4
from tests.support.serving import Person, Serving, eventually

MEETING = {"layout": "grid", "export": {"resolution": "960x540", "fps": 30}}
"""Takes long enough for something to happen."""


@dataclass
class Scene:
    """A service, somebody who uses it, and what an export gives where nothing goes wrong."""

    farm: Serving
    person: Person
    expected: bytes
    undisturbed_s: float


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("faults")
    with Serving(folder, env={"FARM_WORKERS": "2"}) as farm:
        person = farm.person()
        began = time.monotonic()
        expected = finished(person, person.export(MEETING, preset="standard"), folder / "expected.mp4")
        yield Scene(farm, person, expected, time.monotonic() - began)


def finished(person: Person, job_id: str, to: Path) -> bytes:
    """The file of a job that has to end well, checked."""
    job = person.outcome(job_id)
    assert job["status"] == "ready", job
    person.download(job_id, to)
    assert check_mp4(to).problems == []
    return to.read_bytes()


def empty_cache(farm: Serving) -> None:
    shutil.rmtree(farm.store / farm.keys.prefix / "cache")


def stop_hard(process: psutil.Process) -> None:
    os.kill(process.pid, signal.SIGKILL)


def kill_dispatcher(farm: Serving) -> None:
    stop_hard(farm.find("scheduler_api.serve", "dispatcher"))


def kill_api(farm: Serving) -> None:
    stop_hard(farm.find("scheduler_api.serve", "all"))


def kill_worker(farm: Serving) -> None:
    server = farm.find("forkserver", "distributed.nanny")
    stop_hard(max(server.children(), key=lambda worker: worker.cpu_times().user))


def kill_valkey(farm: Serving) -> None:
    stop_hard(farm.find("valkey-server"))


def kill_valkey_and_its_data(farm: Serving) -> None:
    server = farm.find("valkey-server")
    shutil.rmtree(farm.state / "valkey" / "appendonlydir")   # what it still writes is in no folder any more
    stop_hard(server)


def kill_everything_below(farm: Serving) -> None:
    for process in farm.processes()[1:]:
        if process.is_running():
            stop_hard(process)


@pytest.mark.parametrize(
    "strike",
    [kill_worker, kill_api, kill_valkey, kill_valkey_and_its_data, kill_everything_below],
)
def test_the_job_ends_with_the_right_file(scene: Scene, tmp_path: Path, strike: Callable[[Serving], None]) -> None:
    person, farm = scene.person, scene.farm
    empty_cache(farm)
    job_id = person.export(MEETING, preset="standard")
    wait_for_work(person.listen(job_id))
    began = time.monotonic()
    strike(farm)
    got = finished(person, job_id, tmp_path / "got.mp4")
    took_s = time.monotonic() - began
    print(f"{strike.__name__}: {took_s:.1f} s to the end; undisturbed {scene.undisturbed_s:.1f} s in all")
    assert got == scene.expected
    eventually(farm.is_ready, "ready again", 60)


def wait_for_work(events: Iterator[dict[str, Any]]) -> None:
    """Returns when something has been rendered, but not all."""
    for event in events:
        assert event.get("status") not in ("ready", "failed"), "it ended too soon for this test"
        if event["type"] == "progress" and 0.1 < (event["fraction"] or 0) < 0.7:
            return
    raise AssertionError("no work was seen")


def test_a_dead_dispatchers_job_is_taken_over_within_30_s(scene: Scene, tmp_path: Path) -> None:
    person, farm = scene.person, scene.farm
    empty_cache(farm)
    job_id = person.export(MEETING, preset="standard")
    events = person.listen(job_id)
    wait_for_work(events)
    kill_dispatcher(farm)
    began = time.monotonic()
    next(event for event in events if event.get("status") == "processing")
    took_s = time.monotonic() - began
    print(f"taken over after {took_s:.1f} s")
    assert took_s < 30
    assert finished(person, job_id, tmp_path / "got.mp4") == scene.expected
