"""The executor that all jobs of a dispatcher share, and how a preview's tasks get ahead of an export's.

An executor whose cluster has gone away is of no use any more: whoever finds out leaves it, and the next run opens
another. It is closed when its last run has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from farm.errors import ClusterUnreachable, FarmError
from farm.executors.base import CancelToken, Executor, Observer, Task


class SharedExecutor:
    """Opens an executor when one is needed. Any number of threads may borrow it at the same time."""

    def __init__(self, open_executor: Callable[[], Executor]) -> None:
        self._open = open_executor
        self._lock = threading.Lock()
        self._current: Executor | None = None
        self._users: dict[Executor, int] = {}

    @contextmanager
    def borrowed(self) -> Iterator[Executor]:
        """The executor, for one run. Raises what opening one raises."""
        executor = self._take()
        try:
            yield executor
        except ClusterUnreachable:
            self._leave(executor)
            raise
        finally:
            self._give(executor)

    def close(self) -> None:
        """Gives back what is open; a run that still goes on ends with an error."""
        with self._lock:
            executors, self._current = list(self._users), None
            self._users.clear()
        for executor in executors:
            executor.close()

    def _take(self) -> Executor:
        with self._lock:
            if self._current is None:
                self._current = self._open()
                self._users[self._current] = 0
            self._users[self._current] += 1
            return self._current

    def _leave(self, executor: Executor) -> None:
        with self._lock:
            if self._current is executor:
                self._current = None

    def _give(self, executor: Executor) -> None:
        with self._lock:
            if executor not in self._users:
                return
            self._users[executor] -= 1
            if self._users[executor] or executor is self._current:
                return
            del self._users[executor]
        with suppress(FarmError, OSError):   # its cluster is gone
            executor.close()


class Ahead:
    """An executor whose tasks go before those of others on the same cluster. Who made the inner one closes it."""

    def __init__(self, inner: Executor, priority: int) -> None:
        self._inner = inner
        self._priority = priority

    @property
    def workers(self) -> int:
        return self._inner.workers

    @property
    def dashboard(self) -> str | None:
        return self._inner.dashboard

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        return self._inner.run([replace(t, priority=t.priority + self._priority) for t in tasks], observer, cancel)

    def close(self) -> None:
        """There is nothing of its own to give back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
