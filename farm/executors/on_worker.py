"""What runs inside a Dask worker: one try of one task.

Says when it starts and how far it is through the executor's topic; learns that it was cancelled from the
worker's own record of the task, which the scheduler keeps current: no polling over the network, and a task
stops too when the client that asked for it has died. A worker that is told to go (farm.worker) gets the rest of
a task off its hands at the task's next `hand_back`: the scheduler gives it to another one.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distributed import Reschedule, Worker, get_worker

from compositing.threads import use_one_thread
from farm.build import engine_id
from farm.errors import Cancelled, VersionMismatch
from farm.executors.base import TaskContext


@dataclass(frozen=True, slots=True)
class Address:
    """Where the messages of a try go, and whose they are."""

    topic: str
    run: str
    key: str
    tries: int
    """How many tries failed before this one."""
    engine: str
    """The build that the keys of what is rendered name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try returned."""

    result: Any
    worker: str
    seconds: float


def run_task(address: Address, call: bytes) -> Outcome:
    """Run `call`, a pickled (function, args). Raises VersionMismatch on a worker of another build."""
    if address.engine != engine_id():
        raise VersionMismatch("recording-farm", address.engine, engine_id())
    worker = get_worker()
    use_one_thread()
    _send(worker, address, kind="started", on=_name(worker))

    def report(done: int, total: int, unit: str) -> None:
        _send(worker, address, kind="progress", done=done, total=total, unit=unit)

    def stored(chunk: Mapping[str, Any]) -> None:
        _send(worker, address, kind="stored", chunk=dict(chunk))

    def hand_back() -> None:
        if getattr(worker, "leaving", False):
            _send(worker, address, kind="handed-back")
            raise Reschedule

    start_s = time.monotonic()
    try:
        function, args = pickle.loads(call)
        context = TaskContext(report, _cancel_check(worker), hand_back=hand_back, stored=stored)
        result = function(context, *args)
    finally:
        _send(worker, address, kind="ended")
    return Outcome(result, _name(worker), time.monotonic() - start_s)


def _name(worker: Worker) -> str:
    return f"{worker.name}" if isinstance(worker.name, str) else f"worker {worker.name}"


def _send(worker: Worker, address: Address, **message: Any) -> None:
    header = {"run": address.run, "key": address.key, "tries": address.tries}
    worker.log_event(address.topic, {**header, **message})


def _cancel_check(worker: Worker) -> Any:
    """A function that raises Cancelled once nobody wants the current task any more.

    A task that was released while it runs stays in the worker's table, in another state than `executing`.
    """
    dask_key = worker.get_current_task()
    tasks = worker.state.tasks

    def check() -> None:
        task = tasks.get(dask_key)
        if task is None or task.state != "executing":
            raise Cancelled("the run was cancelled")

    return check
