"""The limits of a real Dask scheduler under this farm's own messages: tasks a second, memory a task, lag of its loop.

    python -m benchmarks.scheduler_limits [--workers 16 --workers 256 --workers 512] [--output FILE.json]

The scheduler is a process of its own with the farm's configuration. Workers are real `distributed.Worker`s, hundreds in
a process, and their tasks are stubs: they carry as many bytes as a span and report progress as one, but render nothing.
They are driven by the farm's own executor, so everything that a real job sends is sent. On a machine with few cores the
stub workers compete with the scheduler for them: what is told per task is the processor time of the scheduler's process
alone, which they do not inflate much; rates per second are what this machine gave, not a limit of Dask.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import dask
import psutil
from distributed import Client, Scheduler, Worker

from benchmarks.machine import describe_machine
from farm.cluster import CONFIG
from farm.executors.base import CancelToken, Task, TaskContext
from farm.executors.dask import DaskExecutor

SPAN_BYTES = 8_000
"""What the arguments of a span weigh, pickled (benchmarks.scale_costs measures it)."""
WORKERS_A_PROCESS = 128
LAG_EVERY_S = 0.02


# ---- stubs: what runs in the scheduler's and the workers' processes ------------------------------------------


def stub(context: TaskContext, payload: bytes, seconds: float) -> int:
    """A task that does nothing for so long, and tells of its progress as a span does: asked for each frame."""
    frames = round(seconds * 10)
    for n in range(frames):
        time.sleep(0.1)
        context.progress(n + 1, frames)
    return len(payload)


async def serve_scheduler() -> None:
    """A scheduler that can be asked how late its event loop has been, in seconds, since it was last asked."""
    lags: list[float] = []

    def lag() -> list[float]:
        found = lags.copy()
        lags.clear()
        return found

    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        scheduler.handlers["lag"] = lag
        print(scheduler.address, flush=True)
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LAG_EVERY_S)
            lags.append(time.perf_counter() - began - LAG_EVERY_S)


async def serve_workers(address: str, first: int, count: int) -> None:
    """`count` workers in this process."""
    workers = [
        Worker(address, nthreads=1, name=f"w{first + n}", memory_limit=0, dashboard=False, host="127.0.0.1")
        for n in range(count)
    ]
    for piece in range(0, count, 32):   # all at once would wait longer for the scheduler than they are patient
        await asyncio.gather(*workers[piece : piece + 32])
    print("ready", flush=True)
    await asyncio.gather(*(worker.finished() for worker in workers))


# ---- the bench -------------------------------------------------------------------------------------------


class Bench:
    """A scheduler with its workers, and the farm's executor on it."""

    def __init__(self, address: str, process: psutil.Process, workers: int) -> None:
        self.client: Any = Client(address, set_as_default=False)
        self.executor = DaskExecutor(self.client, address=address, dashboard=False)
        self.process = process
        self.workers = workers

    @property
    def rss_mb(self) -> float:
        return float(self.process.memory_info().rss / 1e6)

    @contextmanager
    def measured(self, into: dict[str, Any]) -> Iterator[None]:
        """Writes wall time, the scheduler's processor time and the lag of its loop into `into`."""
        self._lags()
        before, began = self._cpu_s(), time.perf_counter()
        yield
        into["wall_s"] = time.perf_counter() - began
        into["scheduler_cpu_s"] = self._cpu_s() - before
        lags = sorted(self._lags())
        if lags:
            into["lag_ms"] = {"median": 1e3 * statistics.median(lags), "p99": 1e3 * lags[int(len(lags) * 0.99)],
                              "max": 1e3 * lags[-1]}  # fmt: skip

    def _cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def _lags(self) -> list[float]:
        return list(self.client.sync(self.client.scheduler.lag))


@contextmanager
def bench(workers: int) -> Iterator[Bench]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    children: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "benchmarks.scheduler_limits", *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        children.append(child)
        assert child.stdout is not None
        return child, child.stdout.readline().strip()

    try:
        scheduler, address = start("--scheduler")
        for first in range(0, workers, WORKERS_A_PROCESS):
            start("--stubs", address, str(first), str(min(WORKERS_A_PROCESS, workers - first)))
        made = Bench(address, psutil.Process(scheduler.pid), workers)
        try:
            yield made
        finally:
            made.executor.close()
    finally:
        for child in reversed(children):
            child.kill()
            child.wait()


def throughput(on: Bench, count: int) -> dict[str, Any]:
    """`count` tasks that return at once, through the farm's executor, with the bytes of spans."""
    tasks = [Task(f"t{n}", "stub", stub, (os.urandom(SPAN_BYTES), 0.0)) for n in range(count)]
    found: dict[str, Any] = {"tasks": count}
    with on.measured(found):
        on.executor.run(tasks, lambda event: None, CancelToken())
    found["tasks_per_s"] = count / found["wall_s"]
    found["scheduler_ms_per_task"] = 1e3 * found["scheduler_cpu_s"] / count
    return found


def progress_load(on: Bench, seconds: float) -> dict[str, Any]:
    """Every worker runs one task that reports its progress; what that costs the scheduler."""
    tasks = [Task(f"p{n}", "stub", stub, (b"", seconds)) for n in range(on.workers)]
    found: dict[str, Any] = {"seconds": seconds}
    with on.measured(found):
        on.executor.run(tasks, lambda event: None, CancelToken())
    found["scheduler_load"] = found["scheduler_cpu_s"] / found["wall_s"]
    return found


def idle_load(on: Bench, seconds: float) -> dict[str, Any]:
    """Heartbeats alone."""
    found: dict[str, Any] = {"seconds": seconds}
    with on.measured(found):
        time.sleep(seconds)
    found["scheduler_load"] = found["scheduler_cpu_s"] / found["wall_s"]
    return found


def identity(on: Bench) -> dict[str, Any]:
    """How long the scheduler takes to say who is there: each run asks every five seconds."""
    found: dict[str, Any] = {"times": 10}
    with on.measured(found):
        for _ in range(10):
            answer = on.client.sync(on.client.scheduler.identity)
    found["seconds_each"] = found.pop("wall_s") / 10
    found["bytes"] = len(pickle.dumps(answer))
    return found


def memory(on: Bench, count: int) -> dict[str, Any]:
    """`count` tasks that nobody can run yet: what they weigh in the scheduler, how long handing them in takes."""
    before = on.rss_mb
    payload = [os.urandom(SPAN_BYTES) for _ in range(100)]
    found: dict[str, Any] = {"tasks": count}
    with on.measured(found):
        futures = [
            on.client.submit(stub, None, pickle.dumps(payload[n % 100]), 0.0, key=f"m-{count}-{n}", pure=False,
                             resources={"nobody": 1})
            for n in range(count)
        ]  # fmt: skip
        on.client.sync(on.client.scheduler.identity)
        while on.client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) < count:
            time.sleep(0.1)
    found["rss_mb"] = on.rss_mb - before
    found["kb_per_task"] = 1e3 * found["rss_mb"] / count
    on.client.cancel(futures)
    while on.client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        time.sleep(0.1)
    return found


def measure(workers: int, tasks: tuple[int, ...], queued: tuple[int, ...]) -> dict[str, Any]:
    began = time.perf_counter()
    with bench(workers) as on:
        on.client.wait_for_workers(workers, timeout=300)
        found: dict[str, Any] = {"workers": workers, "start_s": time.perf_counter() - began, "rss_mb": on.rss_mb}
        found["identity"] = identity(on)
        found["idle"] = idle_load(on, 5)
        found["throughput"] = [throughput(on, count) for count in tasks]
        found["progress"] = progress_load(on, 10)
        found["memory"] = [memory(on, count) for count in queued]
        print(json.dumps(found, indent=1), file=sys.stderr, flush=True)
        return found


@click.command()
@click.option("--workers", multiple=True, type=int, default=(16, 256, 512), show_default=True)
@click.option("--tasks", multiple=True, type=int, default=(1_000, 10_000), show_default=True)
@click.option("--queued", multiple=True, type=int, default=(10_000, 100_000), show_default=True,
              help="With the fewest workers only.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path))
def main(workers: tuple[int, ...], tasks: tuple[int, ...], queued: tuple[int, ...], output: Path | None) -> None:
    """Measures and prints JSON."""
    runs = [measure(w, tasks, queued if w == min(workers) else ()) for w in workers]
    text = json.dumps({"machine": describe_machine(), "span_bytes": SPAN_BYTES, "runs": runs}, indent=1)
    if output:
        output.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    with dask.config.set(CONFIG):
        match sys.argv[1:]:
            case ["--scheduler"]:
                asyncio.run(serve_scheduler())
            case ["--stubs", address, first, count]:
                asyncio.run(serve_workers(address, int(first), int(count)))
            case _:
                main()
