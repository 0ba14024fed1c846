"""One executor for all runs of a dispatcher; another when its cluster is gone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from farm.errors import ClusterUnreachable
from farm.executors.base import CancelToken, Executor, Observer, Task
from farm.executors.local import LocalExecutor
from scheduler_api.jobs.pool import Ahead, SharedExecutor
from tests.support import farm_tasks as do


class Counted(LocalExecutor):
    """Knows whether it was closed, and with what priorities it was asked to run."""

    def __init__(self) -> None:
        self.closed = 0
        self.priorities: list[int] = []

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        self.priorities += [task.priority for task in tasks]
        return super().run(tasks, observer, cancel)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def opened() -> list[Counted]:
    return []


@pytest.fixture
def pool(opened: list[Counted]) -> SharedExecutor:
    def open_one() -> Executor:
        opened.append(Counted())
        return opened[-1]

    return SharedExecutor(open_one)


def test_all_borrow_the_same_which_stays_open(pool: SharedExecutor, opened: list[Counted]) -> None:
    barrier, seen = threading.Barrier(8), []

    def borrow() -> None:
        barrier.wait()
        with pool.borrowed() as executor:
            seen.append(executor)

    threads = [threading.Thread(target=borrow) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert all(executor is opened[0] for executor in seen)
    assert opened[0].closed == 0
    pool.close()
    pool.close()
    assert opened[0].closed == 1


def test_one_whose_cluster_is_gone_is_left_and_closed_when_nobody_has_it(
    pool: SharedExecutor, opened: list[Counted]
) -> None:
    with pool.borrowed() as first:
        with pytest.raises(ClusterUnreachable), pool.borrowed():
            raise ClusterUnreachable("tcp://h:1", "gone")
        assert opened[0].closed == 0
        with pool.borrowed() as second:
            assert second is not first
    assert [executor.closed for executor in opened] == [1, 0]


def test_another_error_keeps_the_executor(pool: SharedExecutor, opened: list[Counted]) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="bad input"), pool.borrowed():
            raise ValueError("bad input")
    assert len(opened) == 1


def test_what_cannot_be_opened_is_tried_again_by_the_next() -> None:
    attempts = []

    def open_one() -> Executor:
        attempts.append(1)
        if len(attempts) == 1:
            raise ClusterUnreachable("tcp://h:1", "refused")
        return LocalExecutor()

    pool = SharedExecutor(open_one)
    with pytest.raises(ClusterUnreachable), pool.borrowed():
        pass
    with pool.borrowed() as executor:
        assert executor.workers == 1


def test_a_previews_tasks_go_ahead_and_keep_their_own_order() -> None:
    inner = Counted()
    tasks = [Task("a", "double", do.double, (1,)), Task("b", "double", do.double, (2,), priority=1)]
    assert Ahead(inner, 10).run(tasks, lambda event: None, CancelToken()) == {"a": 2, "b": 4}
    assert inner.priorities == [10, 11]
