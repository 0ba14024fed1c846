"""The reference executor: one task after another, in this process.

What it does is what the others must do. Resources are not checked: this process is every pool.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from compositing.threads import use_one_thread
from farm.errors import Cancelled
from farm.events import ChunkStored, TaskDone, TaskFailed, TaskProgress, TaskRetried, TaskStarted
from farm.executors.base import (
    Agenda,
    CancelToken,
    Observer,
    Task,
    TaskContext,
    announce,
    blame_of,
    can_retry,
    final_error,
    pause_s,
)


class LocalExecutor:
    """Runs tasks in the calling thread."""

    workers = 1
    dashboard = None

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        use_one_thread()
        agenda = Agenda(tasks)
        announce(tasks, observer)
        results: dict[str, Any] = {}
        while task := agenda.take():
            results[task.key] = _run_task(task, observer, cancel)
            agenda.finish(task.key)
        return results

    def close(self) -> None:
        """There is nothing to give back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _run_task(task: Task, observer: Observer, cancel: CancelToken) -> Any:
    def report(done: int, total: int, unit: str) -> None:
        observer(TaskProgress(key=task.key, name=task.name, done=done, total=total, unit=unit))

    def stored(chunk: Mapping[str, Any]) -> None:
        observer(ChunkStored(key=task.key, name=task.name, worker=worker, **chunk))

    worker = f"pid {os.getpid()}"
    tries = 0
    while True:
        cancel.check()
        observer(TaskStarted(key=task.key, name=task.name, worker=worker))
        start_s = time.monotonic()
        try:
            result = task.function(TaskContext(report, cancel.check, stored=stored), *task.args)
        except Cancelled:
            raise
        except Exception as error:
            tries += 1
            if not can_retry(task, tries, error):
                observer(TaskFailed(key=task.key, name=task.name, reason=str(error), blame=blame_of(error)))
                raise final_error(task, tries, error)  # noqa: B904 (it has its cause)
            observer(TaskRetried(key=task.key, name=task.name, reason=str(error), blame=blame_of(error)))
            cancel.wait(pause_s(tries))
        else:
            seconds = time.monotonic() - start_s
            observer(TaskDone(key=task.key, name=task.name, worker=worker, seconds=seconds))
            return result
