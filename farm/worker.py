"""A worker of a cluster as a process of its own: one Dask worker, without a nanny, that goes in order.

Whoever started the process (a kubelet, a person, a test) starts it again; a nanny would only be in the way of signals.
Told to go (SIGTERM, SIGINT) it takes nothing more, lets the tasks that run end the chunk in work and give the rest of
their span back (`TaskContext.hand_back`), and leaves the cluster as one that was expected to: its tasks run elsewhere,
and nobody holds its going against them. A task that is not done in time is given back as it is: what it has stored
stays.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
from distributed import Status, Worker

from farm.cluster import CONFIG
from farm.errors import ClusterUnreachable
from farm.plugins import WarmUp
from farm.scratch import own_folder

FIND_SCHEDULER_S = 60
"""How long a worker looks for its scheduler before it gives up, to be started again."""

READY_ROUTES = "farm.worker_ready"
"""Module with the pages that this worker has beside Dask's own."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker is and where it listens."""

    scheduler: str
    name: str | None = None
    host: str | None = None
    """Where other workers and the scheduler reach it; None finds out."""
    port: int = 0
    dashboard_port: int = 0
    threads: int = 1
    resources: Mapping[str, float] = field(default_factory=dict)
    grace_s: float = 120.0
    """How long it may take to go."""
    scratch: Path | None = None


class LeavingWorker(Worker):
    """A worker that can be told to go."""

    leaving = False
    """Tasks look at it between chunks (farm.executors.on_worker)."""
    heard_s = 0.0
    """When the scheduler answered last, on the monotonic clock."""

    async def leave(self, grace_s: float) -> bool:
        """Takes nothing more, waits for what runs, and leaves; whether all that ran had ended."""
        self.leaving = True
        self.status = Status.paused
        until_s = asyncio.get_running_loop().time() + grace_s
        while self.state.executing_count and asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(0.05)
        idle = not self.state.executing_count
        with suppress(OSError, TimeoutError, RuntimeError):   # the scheduler is going, too
            await self.scheduler.retire_workers(workers=[self.address], close_workers=False, remove=True)
        await self.close(executor_wait=idle, reason="told to go")
        return idle

    def _update_latency(self, latency: float) -> None:   # called with each answer of the scheduler's
        self.heard_s = time.monotonic()
        super()._update_latency(latency)


def run_worker(options: WorkerOptions) -> None:
    """Works until told to go, or until its scheduler has gone. Raises ClusterUnreachable."""
    routes = [*dask.config.get("distributed.worker.http.routes"), READY_ROUTES]
    with own_folder(options.scratch) as folder, dask.config.set({**CONFIG, "distributed.worker.http.routes": routes}):
        idle = asyncio.run(_work(options, folder))
        if not idle:
            os._exit(0)   # a thread is still at a task that others have by now


async def _work(options: WorkerOptions, folder: Path) -> bool:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    try:
        worker: Any = await LeavingWorker(**_arguments(options, folder))
    except (OSError, TimeoutError) as error:
        raise ClusterUnreachable(options.scheduler, str(error) or type(error).__name__) from error
    waiting = asyncio.create_task(told.wait())
    finished = asyncio.create_task(worker.finished())
    await asyncio.wait((waiting, finished), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return True if finished.done() else bool(await worker.leave(options.grace_s))


def _arguments(options: WorkerOptions, folder: Path) -> dict[str, Any]:
    return {
        "scheduler_ip": options.scheduler,
        "nthreads": options.threads,
        "name": options.name,
        "host": options.host,
        "port": options.port,
        "dashboard": False,
        "dashboard_address": f"{_bracketed(options.host or '')}:{options.dashboard_port}",
        "resources": dict(options.resources),
        "local_directory": str(folder),
        "death_timeout": FIND_SCHEDULER_S,
        "plugins": (WarmUp(),),
    }


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
