"""Dispatchers for tests: their work is scripted by the job's request, everything else is real.

A request may say: `seconds` it takes, `deaf` (it does not look whether it is cancelled), `errors` that its first tries
raise by name, `kill_at` the attempt in which it kills its own process. What it makes lies under the export's key of the
job: the epoch that made it. Each try leaves its epoch under `tries/` of the store.

`python -m tests.support.dispatching REDIS_URL FOLDER ID LEASE_S` is one in a process of its own, to be killed, stopped
and continued from outside; SIGTERM stops it in good order.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from farm.errors import ClusterUnreachable, PoisonTask, VersionMismatch
from farm.events import TaskDone, TaskProgress, TasksQueued, TaskStarted
from farm.executors.base import CancelToken, Observer
from farm.job import Job
from scheduler_api.jobs.dispatcher import Dispatcher, Rhythm
from scheduler_api.jobs.running import Outcome
from scheduler_api.jobs.turn import House
from scheduler_api.jobs.webhook import no_webhook
from scheduler_api.redis_client import redis_client
from storage.errors import RecordingNotFound, StoreUnavailable
from storage.keys import RecordingKeys
from storage.local import LocalStore
from storage.objects import ObjectStore
from tests.support.jobs import Office


def _refused() -> PoisonTask:
    """A task that each of its tries brought to a worker of another build."""
    error = PoisonTask("render-video-3", "the cluster runs recording-farm a (tried 3 times)")
    error.__cause__ = VersionMismatch("recording-farm", "b", "a")
    return error


ERRORS: dict[str, Callable[[str], BaseException]] = {
    "unreachable": lambda url: ClusterUnreachable("tcp://10.0.0.7:8786", "timed out"),
    "mismatch": lambda url: VersionMismatch("av", "14.0", "13.1"),
    "refused": lambda url: _refused(),
    "outage": lambda url: StoreUnavailable(url, "status 503"),
    "missing": lambda url: RecordingNotFound(f"{url}/rooms/room-1/rec-1", "nothing is stored there"),
    "poison": lambda url: PoisonTask("render-video-3", "its worker died each time (tcp://10.0.0.9:1)"),
    "bug": lambda url: KeyError("/secret/path"),
}

STEP_S = 0.02


class Script:
    """A RunJob that does what the job's request says, over one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._tries: dict[str, int] = {}

    def __call__(self, job: Job, observer: Observer, cancel: CancelToken, fence: Callable[[], None], /) -> Outcome:
        said = job.request
        tries = self._tries[job.job_id] = self._tries.get(job.job_id, 0) + 1
        self._store.put(f"tries/{job.job_id}/{job.epoch}-{tries}", b"")
        if said.get("kill_at", 0) >= job.attempts:
            os.kill(os.getpid(), signal.SIGKILL)
        if tries <= len(said.get("errors", ())):
            raise ERRORS[said["errors"][tries - 1]](self._store.url)
        self._work(said, observer, cancel)
        fence()
        key = RecordingKeys(job.room_id, job.recording_id).export(job.job_id)
        self._store.put(key, str(job.epoch).encode())
        return Outcome({"output": key}, ({"code": "segment-missing", "message": "…"},))

    def _work(self, said: dict[str, Any], observer: Observer, cancel: CancelToken) -> None:
        end_s, took_s = time.monotonic() + said.get("seconds", 0.0), max(said.get("seconds", 0.0), STEP_S)
        observer(TasksQueued(name="render-video", tasks=1))
        observer(TaskStarted(key="v", name="render-video", worker="w"))
        while (left_s := end_s - time.monotonic()) > 0:
            if not said.get("deaf"):
                cancel.check()
            done = round(100 * (1 - left_s / took_s))
            observer(TaskProgress(key="v", name="render-video", done=done, total=100, unit="frames"))
            time.sleep(STEP_S)
        observer(TaskDone(key="v", name="render-video", worker="w", seconds=took_s))


def house_of(office: Office, notify: Callable[[Job], Awaitable[None]] = no_webhook, **timing: Any) -> House:
    """A house over the office's store and Redis, in a hurry."""
    house = House(
        queue=office.queue,
        board=office.board,
        records=office.records,
        run_job=Script(office.store),
        notify=notify,
        now=time.time,
        store_url=office.store.url,
        retry_pauses_s=(0.05, 0.05),
        cluster_pauses_s=(0.05,) * 6,
        progress_every_s=0.05,
        redis_pause_s=0.1,
    )
    return replace(house, **timing)


def hurry(lease_s: float) -> Rhythm:
    """A rhythm for leases of this length."""
    return Rhythm(tick_s=0.05, renew_s=lease_s / 3, sweep_s=2 * lease_s, stop_s=3.0)


@contextmanager
def dispatcher_process(redis_url: str, folder: Path, name: str, lease_s: float) -> Iterator[subprocess.Popen[bytes]]:
    """A dispatcher in a process of its own; it is killed at the end, if it still lives."""
    command = [sys.executable, "-m", "tests.support.dispatching", redis_url, str(folder), name, str(lease_s)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as process:
        try:
            yield process
        finally:
            process.kill()


async def main(redis_url: str, folder: str, name: str, lease_s: str) -> None:
    office = Office(redis_client(redis_url), LocalStore(folder), float(lease_s))
    dispatcher = Dispatcher(house_of(office), name, slots=2, rhythm=hurry(float(lease_s)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, dispatcher.stop)
    await dispatcher.run()
    await office.redis.aclose()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    asyncio.run(main(*sys.argv[1:]))
