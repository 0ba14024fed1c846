"""What an executor is given, what it promises, and the parts of the promise that all of them share.

An executor runs a list of tasks, each after those it names in `after`, and gives back what each returned. It
knows nothing of media: a task is a function of this code base and its arguments.

The promise, the same for every executor (tests/contract/test_executors.py):
- A task's function is called as `function(context, *args)`, after all tasks in its `after` have returned.
  Among those that may run, the higher `priority` goes first, then the earlier in the list.
- An error with `retryable = True` is tried again up to `retries` times, with a growing pause; when they are
  used up the run fails with PoisonTask, caused by the last error. Any other error is final at once and raised
  as it is.
- After the first final error, or when the token is cancelled, nothing more is started, what runs is told to
  stop by its `context.check_cancelled()`, and `run` raises within about a second.
- Events go to the observer on the thread that called `run`.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from types import TracebackType
from typing import Any, Protocol, Self

from farm.errors import Blame, Cancelled, PoisonTask
from farm.events import Event, TasksQueued

Observer = Callable[[Event], None]

REPORT_INTERVAL_S = 0.25
"""A task's progress is passed on at most this often."""

BACKOFF_S = 0.5
"""The pause before the first retry; it doubles with each further one."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do.

    `function` is module-level; it, `args` and its result can be pickled: specs, no handles.
    """

    key: str
    """Unique within a run; the result is found under it."""
    name: str
    """The kind of work (`index-track`, `render-video`, …): how tasks are grouped on the dashboard."""
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    after: tuple[str, ...] = ()
    """Keys of tasks that must have returned before this one starts; their results are not passed."""
    priority: int = 0
    """Higher goes first."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """What of a worker's declared resources the task takes while it runs."""
    retries: int = 2
    """How often an error that is worth retrying is retried."""


class CancelToken:
    """A flag that any thread may raise, once; the first reason stays."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason = "cancelled"

    def cancel(self, reason: str = "cancelled") -> None:
        if not self._event.is_set():
            self.reason = reason
            self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the flag is up."""
        if self._event.is_set():
            raise Cancelled(self.reason)

    def wait(self, seconds: float) -> bool:
        """Sleep, but not longer than until the flag is up; whether it is."""
        return self._event.wait(seconds)


class TaskContext:
    """What a running task has of its surroundings. Both methods are cheap enough to call for every frame."""

    def __init__(
        self,
        report: Callable[[int, int, str], None],
        check_cancelled: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        hand_back: Callable[[], None] = lambda: None,
        stored: Callable[[Mapping[str, Any]], None] = lambda chunk: None,
    ) -> None:
        self.check_cancelled = check_cancelled
        """Raises `Cancelled` once the run was cancelled or another task has failed."""
        self.hand_back = hand_back
        """To be called between two pieces of work, the first of them stored. Where the worker was told to go it
        raises, and the task is begun anew elsewhere."""
        self.stored = stored
        """Tells of a chunk that lies in the cache: the fields of ChunkStored but key, name and worker."""
        self._report = report
        self._clock = clock
        self._next_s = float("-inf")

    def progress(self, done: int, total: int, unit: str = "frames") -> None:
        """Tell how far the task is; passed on a few times a second, and when done == total."""
        now_s = self._clock()
        if now_s >= self._next_s or done == total:
            self._next_s = now_s + REPORT_INTERVAL_S
            self._report(done, total, unit)


class Executor(Protocol):
    """Where tasks run."""

    @property
    def workers(self) -> int:
        """How many tasks run at the same time."""

    @property
    def dashboard(self) -> str | None:
        """Address of a page that shows what runs, if there is one."""

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        """The result of each task under its key.

        Raises the first final error of a task, PoisonTask, Cancelled, and, where there is a cluster,
        NoSuchPool, WorkerLost and ClusterUnreachable; ValueError where keys are not unique, unknown, or go in
        a circle.
        """

    def close(self) -> None:
        """Give back processes and connections. May be called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Agenda:
    """Which task may start next, given those that are finished."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = {task.key: task for task in tasks}
        if len(self._tasks) != len(tasks):
            raise ValueError("two tasks of a run have the same key")
        if unknown := {key for task in tasks for key in task.after} - self._tasks.keys():
            raise ValueError(f"tasks wait for keys that no task has: {sorted(unknown)}")
        self._rank = {task.key: (-task.priority, n) for n, task in enumerate(tasks)}
        self._sorter = TopologicalSorter({task.key: task.after for task in tasks})
        self._sorter.prepare()   # raises CycleError, a ValueError
        self._ready: list[tuple[tuple[int, int], str]] = []

    def take(self) -> Task | None:
        """The first of the tasks that may start now and were not taken yet; None while there is none."""
        for key in self._sorter.get_ready():
            heapq.heappush(self._ready, (self._rank[key], key))
        return self._tasks[heapq.heappop(self._ready)[1]] if self._ready else None

    def finish(self, key: str) -> None:
        """The task has returned; those that waited for it alone may start."""
        self._sorter.done(key)

    def __bool__(self) -> bool:
        """Whether a task is still unfinished."""
        return self._sorter.is_active()


def announce(tasks: Sequence[Task], observer: Observer) -> None:
    """Emit how many tasks of each name a run has, in the order of their first."""
    for name, count in Counter(task.name for task in tasks).items():
        observer(TasksQueued(name=name, tasks=count))


def can_retry(task: Task, tries: int, error: BaseException) -> bool:
    """Whether a task that failed `tries` times, last with `error`, is to be tried again."""
    return getattr(error, "retryable", False) and tries <= task.retries


def pause_s(tries: int) -> float:
    """How long to wait before the next try."""
    return float(BACKOFF_S * 2 ** (tries - 1))


def blame_of(error: BaseException) -> Blame:
    """Whose fault an error of a task is; what is none of the house's is ours."""
    blame: Blame = getattr(error, "blame", "ours")
    return blame


def final_error(task: Task, tries: int, error: BaseException) -> BaseException:
    """What the run raises for a task that will not be tried again."""
    if not getattr(error, "retryable", False):
        return error
    reason = f"{error} (tried {tries} times)"
    poison = PoisonTask(f"{task.name}-{task.key}", reason, blame_of(error))
    poison.__cause__ = error
    return poison
