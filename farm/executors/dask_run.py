"""One run of tasks on a Dask cluster, from the first submission to the last result.

A task is submitted when all it waits for have returned, so no result travels between workers, and a finished
task is not done again because the worker that held its result has died. Results are fetched as they come.
Retries are counted here, for Dask's own know neither a pause nor an error that is final.

When a worker dies, the scheduler gives its task to another one; the second start of the same try is how this
side learns of it. A task whose workers die again and again comes back as KilledWorker. Dask blames all that a
dead worker had been given, also what only waited there: a task that did not start is not the culprit and is
retried.

Everything is driven by the thread that called `drive`; other threads only put messages into `inbox`.
"""

from __future__ import annotations

import pickle
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, KilledWorker
from distributed import TimeoutError as DaskTimeout

from farm.build import engine_id
from farm.errors import ClusterUnreachable, PoisonTask, WorkerLost
from farm.events import ChunkStored, TaskDone, TaskFailed, TaskProgress, TaskRetried, TaskStarted
from farm.executors.base import (
    Agenda,
    CancelToken,
    Observer,
    Task,
    announce,
    blame_of,
    can_retry,
    final_error,
    pause_s,
)
from farm.executors.on_worker import Address, Outcome, run_task

TICK_S = 0.1
"""How often a run looks at its cancel token and its retries while nothing arrives."""

DRAIN_S = 2.0
"""How long a run that ends early waits for its running tasks to notice."""

FETCH_S = 30.0
"""How long a finished task's result may take to arrive before its worker counts as lost."""

WORKERS_CHECK_S = 5.0
"""How often a run asks whether there are workers at all; oftener where it is to give up sooner."""


@dataclass(eq=False, slots=True)
class Try:
    """One try of a task, from its submission until it returned or failed."""

    task: Task
    failed: int
    """How many tries failed before this one."""
    future: Any = None
    """Dask's, once it is submitted."""
    workers: list[str] = field(default_factory=list)
    """Those that started it; more than one if they died."""
    running: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """A try's future has come to its end, good or bad."""

    attempt: Try


class DaskRun:
    """The state of one run. `name` is unique among the runs of all clients of the cluster."""

    def __init__(
        self,
        *,
        client: Client,
        address: str,
        topic: str,
        name: str,
        observer: Observer,
        offers: Callable[[], Sequence[Mapping[str, float]]],
        worker_wait_s: float,
    ) -> None:
        self.name = name
        self.inbox: queue.SimpleQueue[dict[str, Any] | Settled] = queue.SimpleQueue()
        self._client: Any = client
        self._address = address
        self._topic = topic
        self._observer = observer
        self._offers = offers
        self._worker_wait_s = worker_wait_s
        self._live: dict[str, Try] = {}
        self._pausing: list[tuple[float, Try]] = []
        self._check_every_s = min(WORKERS_CHECK_S, worker_wait_s / 2)
        self._next_check_s = time.monotonic() + self._check_every_s
        self._deserted_at_s: float | None = None

    def drive(self, tasks: Sequence[Task], cancel: CancelToken) -> dict[str, Any]:
        """Run all tasks; see Executor.run."""
        agenda = Agenda(tasks)
        announce(tasks, self._observer)
        results: dict[str, Any] = {}
        try:
            while agenda:
                cancel.check()
                self._submit_ready(agenda)
                for message in self._news():
                    if isinstance(message, Settled):
                        self._settle(message.attempt, agenda, results)
                    else:
                        self._hear(message)
                self._check_workers()
        except BaseException:
            self._abandon()
            raise
        return results

    def _submit_ready(self, agenda: Agenda) -> None:
        now_s = time.monotonic()
        due = [attempt for due_s, attempt in self._pausing if due_s <= now_s]
        self._pausing = [pausing for pausing in self._pausing if pausing[0] > now_s]
        for attempt in due:
            self._submit(attempt)
        while task := agenda.take():
            self._submit(Try(task, failed=0))

    def _submit(self, attempt: Try) -> None:
        task = attempt.task
        self._live[task.key] = attempt
        attempt.future = self._client.submit(
            run_task,
            Address(self._topic, self.name, task.key, attempt.failed, engine_id()),
            pickle.dumps((task.function, task.args)),
            # Dask groups by the words before the first that is hexadecimal: by the task's name.
            key=f"{task.name}-{self.name}-{task.key}-{attempt.failed}",
            pure=False,
            priority=task.priority,
            resources=dict(task.resources) or None,
        )
        attempt.future.add_done_callback(lambda _: self.inbox.put(Settled(attempt)))

    def _news(self) -> list[dict[str, Any] | Settled]:
        """What has arrived, after waiting a little for a first message."""
        with suppress(queue.Empty):
            news = [self.inbox.get(timeout=TICK_S)]
            while not self.inbox.empty():
                news.append(self.inbox.get())
            return news
        return []

    def _hear(self, message: dict[str, Any]) -> None:
        """Pass on what a worker says of the try it runs; late words of an earlier one are dropped."""
        attempt = self._live.get(message["key"])
        if attempt is None or attempt.failed != message["tries"]:
            return
        task = attempt.task
        match message["kind"]:
            case "started":
                self._start(attempt, message["on"])
            case "progress":
                done, total, unit = message["done"], message["total"], message["unit"]
                self._observer(TaskProgress(key=task.key, name=task.name, done=done, total=total, unit=unit))
            case "stored":
                worker = attempt.workers[-1] if attempt.workers else ""
                self._observer(ChunkStored(key=task.key, name=task.name, worker=worker, **message["chunk"]))
            case "handed-back":
                self._hand_back(attempt)
            case "ended":
                attempt.running = False

    def _hand_back(self, attempt: Try) -> None:
        """Its worker was told to go and has given the rest of it back; the scheduler lets it run elsewhere."""
        task, reason = attempt.task, f"{attempt.workers[-1] if attempt.workers else 'its worker'} was told to go"
        attempt.workers.clear()
        self._observer(TaskRetried(key=task.key, name=task.name, reason=reason, blame="input"))

    def _start(self, attempt: Try, worker: str) -> None:
        task = attempt.task
        if attempt.workers:
            reason = f"{attempt.workers[-1]} died"
            self._observer(TaskRetried(key=task.key, name=task.name, reason=reason))
        attempt.workers.append(worker)
        attempt.running = True
        self._observer(TaskStarted(key=task.key, name=task.name, worker=worker))

    def _settle(self, attempt: Try, agenda: Agenda, results: dict[str, Any]) -> None:
        task = attempt.task
        outcome = self._outcome(attempt)
        del self._live[task.key]
        if not isinstance(outcome, Outcome):
            self._fail(attempt, outcome)
            return
        results[task.key] = outcome.result
        agenda.finish(task.key)
        done = TaskDone(key=task.key, name=task.name, worker=outcome.worker, seconds=outcome.seconds)
        self._observer(done)

    def _outcome(self, attempt: Try) -> Outcome | BaseException:
        """What the try returned, or the error it ended with. Raises ClusterUnreachable."""
        future = attempt.future
        try:
            if future.status == "error":
                return self._blame(attempt, future.exception(timeout=FETCH_S))
            if future.status == "finished":
                outcome: Outcome = future.result(timeout=FETCH_S)
                return outcome
        except (DaskTimeout, OSError):
            return self._lost(attempt)
        finally:
            future.release()
        raise ClusterUnreachable(self._address, "the connection to it was lost")

    def _blame(self, attempt: Try, error: BaseException) -> BaseException:
        if not isinstance(error, KilledWorker):
            return error
        if not attempt.workers:
            return self._lost(attempt)
        workers = ", ".join(attempt.workers)
        reason = f"its worker died each time, by a crash or for want of memory ({workers})"
        return PoisonTask(_title(attempt.task), reason)

    def _lost(self, attempt: Try) -> WorkerLost:
        return WorkerLost(_title(attempt.task), tuple(attempt.workers))

    def _fail(self, attempt: Try, error: BaseException) -> None:
        """Let the task be tried again after a pause, or raise."""
        task, tries = attempt.task, attempt.failed + 1
        if not can_retry(task, tries, error):
            self._observer(TaskFailed(key=task.key, name=task.name, reason=str(error), blame=blame_of(error)))
            raise final_error(task, tries, error)
        self._observer(TaskRetried(key=task.key, name=task.name, reason=str(error), blame=blame_of(error)))
        self._pausing.append((time.monotonic() + pause_s(tries), Try(task, failed=tries)))

    def _check_workers(self) -> None:
        """Raise WorkerLost when a task has waited for too long for a worker that could run it."""
        now_s = time.monotonic()
        if now_s < self._next_check_s or not self._live:
            return
        self._next_check_s = now_s + self._check_every_s
        offers = self._offers()
        deserted = [attempt for attempt in self._live.values() if not _can_run(attempt.task, offers)]
        if not deserted:
            self._deserted_at_s = None
        elif self._deserted_at_s is None:
            self._deserted_at_s = now_s
        elif now_s - self._deserted_at_s > self._worker_wait_s:
            raise self._lost(deserted[0])

    def _abandon(self) -> None:
        """Cancel what is left and wait, not for long, until the workers have noticed."""
        futures = [attempt.future for attempt in self._live.values() if attempt.future is not None]
        if self._client.status != "running":
            return
        self._client.cancel(futures)
        deadline_s = time.monotonic() + DRAIN_S
        while any(attempt.running for attempt in self._live.values()) and time.monotonic() < deadline_s:
            for message in self._news():
                if not isinstance(message, Settled) and message["kind"] == "ended":
                    self._hear(message)


def _can_run(task: Task, offers: Sequence[Mapping[str, float]]) -> bool:
    """Whether one of the workers that offer this has all that the task asks for."""
    return any(all(offer.get(name, 0) >= amount for name, amount in task.resources.items()) for offer in offers)


def _title(task: Task) -> str:
    return f"{task.name}-{task.key}"
