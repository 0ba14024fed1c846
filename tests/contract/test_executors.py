"""One contract, every executor: what `farm.executors.base` promises; and on a cluster, workers may die."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from farm.cluster import open_executor
from farm.errors import Cancelled, NoSuchPool, PoisonTask
from farm.events import Event, TaskDone, TaskFailed, TaskProgress, TaskRetried, TasksQueued, TaskStarted
from farm.executors.base import CancelToken, Executor, Task
from farm.settings import FarmSettings
from tests.support import farm_tasks as do


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    with open_executor(FarmSettings(), workers=2, resources={"pool": 1}) as executor:
        yield executor


@pytest.fixture(params=["local", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "dask":
        yield request.getfixturevalue("cluster")
        return
    with open_executor(FarmSettings(), workers=0) as local:
        yield local


def run(
    executor: Executor, *tasks: Task, cancel: CancelToken | None = None
) -> tuple[dict[str, Any], list[Event]]:
    events: list[Event] = []
    return executor.run(tasks, events.append, cancel or CancelToken()), events


def fail(executor: Executor, *tasks: Task) -> tuple[BaseException, list[Event]]:
    """The error that the run ends with."""
    events: list[Event] = []
    with pytest.raises(Exception) as caught:   # noqa: PT011 (what it is, is up to the test)
        executor.run(tasks, events.append, CancelToken())
    return caught.value, events


def of(kind: type[Event], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def wait_for(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.01)


class TestEveryExecutor:
    def test_results_are_found_under_the_keys_of_their_tasks(self, executor: Executor) -> None:
        tasks = [Task(f"n{n}", "double", do.double, (n,)) for n in range(8)]
        results, events = run(executor, *tasks)
        assert results == {f"n{n}": 2 * n for n in range(8)}
        assert events[0] == TasksQueued(name="double", tasks=8)
        assert len(of(TaskStarted, events)) == len(of(TaskDone, events)) == 8
        assert all(done.seconds >= 0 and done.worker for done in of(TaskDone, events))

    def test_no_tasks_have_no_results(self, executor: Executor) -> None:
        assert run(executor) == ({}, [])

    def test_a_task_starts_after_those_it_waits_for(self, executor: Executor, tmp_path: Path) -> None:
        log = tmp_path / "log"
        run(
            executor,
            Task("stitch", "stitch", do.write_line, (log, "stitch"), after=("a", "b")),
            Task("a", "render", do.write_line, (log, "render"), after=("index",)),
            Task("b", "render", do.write_line, (log, "render"), after=("index",)),
            Task("index", "index", do.write_line, (log, "index")),
        )
        assert log.read_text().split() == ["index", "render", "render", "stitch"]

    def test_a_circle_an_unknown_key_and_a_key_used_twice_are_refused(self, executor: Executor) -> None:
        a, b = (Task(key, "x", do.double, (1,), after=after) for key, after in (("a", ("b",)), ("b", ("a",))))
        for tasks in ((a, b), (a,), (a, b, a)):
            assert isinstance(fail(executor, *tasks)[0], ValueError)

    def test_progress_arrives_and_is_not_a_flood(self, executor: Executor) -> None:
        _, events = run(executor, Task("c", "count", do.count_up, (100_000,)))
        progress = of(TaskProgress, events)
        assert progress[0].done == 0
        assert {(p.key, p.total, p.unit) for p in progress} == {("c", 100_000, "frames")}
        assert len(progress) < 20 + 8 * of(TaskDone, events)[0].seconds

    def test_an_error_worth_it_is_retried(self, executor: Executor, tmp_path: Path) -> None:
        results, events = run(executor, Task("f", "flaky", do.fail_at_first, (tmp_path / "log", 1)))
        assert results == {"f": "in the end"}
        assert [retry.reason for retry in of(TaskRetried, events)] == ["chunk-7: status 503"]
        assert len(of(TaskStarted, events)) == 2

    def test_after_the_last_retry_the_task_is_given_up(self, executor: Executor, tmp_path: Path) -> None:
        log = tmp_path / "log"
        error, events = fail(executor, Task("f", "flaky", do.fail_at_first, (log, 9), retries=1))
        assert isinstance(error, PoisonTask)
        assert (error.task, error.blame) == ("flaky-f", "storage")
        assert "status 503" in error.reason
        assert isinstance(error.__cause__, do.Flaky)
        assert log.read_text().split() == ["tried"] * 2
        assert len(of(TaskFailed, events)) == 1

    def test_an_error_of_the_input_is_final_and_keeps_its_fields(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        error, _ = fail(executor, Task("r", "refuse", do.refuse, (log,)))
        assert isinstance(error, do.Malformed)
        assert (error.offset, error.blame) == (1234, "input")
        assert log.read_text().split() == ["tried"]

    def test_an_unknown_error_is_final_and_nothing_starts_after_it(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        error, _ = fail(
            executor,
            Task("s", "surprise", do.surprise),
            Task("after", "write", do.write_line, (log, "never"), after=("s",)),
        )
        assert isinstance(error, ZeroDivisionError)
        assert not log.exists()

    def test_a_running_task_is_cancelled_within_a_second(self, executor: Executor, tmp_path: Path) -> None:
        log, cancel, cancelled_s = tmp_path / "log", CancelToken(), []

        def cancel_once_it_runs() -> None:
            wait_for(log.exists)
            cancelled_s.append(time.monotonic())
            cancel.cancel("by the test")

        thread = threading.Thread(target=cancel_once_it_runs)
        thread.start()
        tasks = [Task(f"r{n}", "run", do.run_until_cancelled, (log,)) for n in range(4)]
        with pytest.raises(Cancelled, match="by the test"):
            run(executor, *tasks, cancel=cancel)
        assert time.monotonic() - cancelled_s[0] < 2.0
        thread.join()
        size = log.stat().st_size
        time.sleep(0.2)
        assert log.stat().st_size == size, "something still runs"

    def test_a_token_that_is_up_lets_nothing_start(self, executor: Executor, tmp_path: Path) -> None:
        cancel = CancelToken()
        cancel.cancel("too late")
        with pytest.raises(Cancelled, match="too late"):
            run(executor, Task("w", "write", do.write_line, (tmp_path / "log", "x")), cancel=cancel)
        assert not (tmp_path / "log").exists()

    def test_numerical_libraries_use_one_thread(self, executor: Executor) -> None:
        results, _ = run(executor, Task("t", "threads", do.cv2_threads))
        assert results["t"][0] == 1


class TestLocal:
    def test_higher_priority_goes_first_then_the_order_of_the_list(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        lines = [("a", 0), ("b", 0), ("preview", 10), ("c", 0)]
        tasks = [Task(line, "write", do.write_line, (log, line), priority=p) for line, p in lines]
        with open_executor(FarmSettings(), workers=0) as local:
            run(local, *tasks)
        assert log.read_text().split() == ["preview", "a", "b", "c"]


class TestCluster:
    def test_it_has_its_workers_and_a_dashboard_on_loopback(self, cluster: Executor) -> None:
        assert cluster.workers == 2
        assert cluster.dashboard is not None
        assert cluster.dashboard.startswith("http://127.0.0.1:")

    def test_the_dashboard_is_there_when_it_is_opened(self, cluster: Executor) -> None:
        assert cluster.dashboard is not None
        for page in ("/status", "/tasks"):
            with urlopen(cluster.dashboard.removesuffix("/status") + page, timeout=30) as answer:
                assert answer.status == 200
                assert b"Bokeh" in answer.read()
        with pytest.raises(HTTPError, match="404"):
            urlopen(cluster.dashboard.removesuffix("/status") + "/nowhere", timeout=30)

    def test_tasks_run_in_processes_of_their_own_with_one_thread_each(self, cluster: Executor) -> None:
        results, _ = run(cluster, Task("t", "threads", do.cv2_threads))
        assert results["t"] == (1, "1")

    def test_a_worker_has_the_environment_of_the_moment(
        self, cluster: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Credentials that a notebook sets after its first export reach the workers of the second."""
        assert cluster.workers, "the server that workers are forked from has been running for a while"
        monkeypatch.setenv("FARM_TEST_WORD", "later")
        with open_executor(FarmSettings(dashboard=False), workers=1) as another:
            assert run(another, Task("t", "variable", do.variable, ("FARM_TEST_WORD",)))[0] == {"t": "later"}
            assert another.dashboard is None

    def test_a_killed_worker_costs_only_its_task(self, cluster: Executor, tmp_path: Path) -> None:
        log = tmp_path / "log"
        others = [Task(f"n{n}", "double", do.double, (n,)) for n in range(4)]
        results, events = run(cluster, Task("d", "die", do.die_once, (log,)), *others)
        assert results == {"d": "done by another", **{f"n{n}": 2 * n for n in range(4)}}
        assert len(set(log.read_text().split())) == 2, "it ran in two processes"
        assert [retry.key for retry in of(TaskRetried, events)].count("d") >= 1

    @pytest.mark.parametrize("pause_s", [0.0, 0.1])
    def test_a_task_that_kills_its_workers_is_given_up_by_name(
        self, cluster: Executor, pause_s: float
    ) -> None:
        error, _ = fail(cluster, Task("x", "render-video", do.die, (pause_s,), retries=1))
        assert isinstance(error, PoisonTask)
        assert error.task == "render-video-x"
        assert run(cluster, Task("n", "double", do.double, (4,)))[0] == {"n": 8}, "the cluster is well again"

    def test_a_pool_that_nobody_offers_is_an_error_at_once(self, cluster: Executor) -> None:
        error, events = fail(cluster, Task("e", "encode", do.double, (1,), resources={"nvenc": 1}))
        assert isinstance(error, NoSuchPool)
        assert (error.resource, error.offered) == ("nvenc", ("pool=1",))
        assert events == []

    def test_a_pool_that_is_offered_is_used(self, cluster: Executor) -> None:
        assert run(cluster, Task("e", "encode", do.double, (1,), resources={"pool": 1}))[0] == {"e": 2}

    def test_runs_may_overlap(self, cluster: Executor) -> None:
        results: dict[int, Any] = {}

        def one(n: int) -> None:
            tasks = [Task(f"{k}", "double", do.double, (n + k,)) for k in range(5)]
            results[n], events = run(cluster, *tasks)
            assert len(of(TaskDone, events)) == 5

        threads = [threading.Thread(target=one, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == {n: {f"{k}": 2 * (n + k) for k in range(5)} for n in range(3)}

    def test_a_run_that_is_cancelled_or_fails_leaves_those_beside_it_alone(
        self, cluster: Executor, tmp_path: Path
    ) -> None:
        """A dispatcher gives one executor to several jobs: none of them hears anything of the others."""
        log, cancel, ended = tmp_path / "log", CancelToken(), dict[str, Any]()

        def keep(name: str, *tasks: Task, token: CancelToken | None = None) -> None:
            try:
                ended[name] = run(cluster, *tasks, cancel=token)
            except Exception as error:
                ended[name] = error

        long = Task("same", "run", do.run_until_cancelled, (log,))
        good = [Task("same" if n == 0 else f"{n}", "count", do.count_up, (20_000,)) for n in range(12)]
        calls = {
            "cancelled": lambda: keep("cancelled", long, token=cancel),
            "failed": lambda: keep("failed", Task("same", "refuse", do.refuse, (tmp_path / "refused",))),
            "good": lambda: keep("good", *good),
        }
        threads = {name: threading.Thread(target=call) for name, call in calls.items()}
        threads["cancelled"].start()
        wait_for(log.exists)
        threads["good"].start()
        threads["failed"].start()
        threads["failed"].join(20)
        assert not threads["failed"].is_alive(), "it waits behind the long one, though another worker is idle"
        cancel.cancel("by the test")
        for thread in threads.values():
            thread.join(20)
        assert isinstance(ended["cancelled"], Cancelled)
        assert isinstance(ended["failed"], do.Malformed)
        results, events = ended["good"]
        assert results == {task.key: "counted" for task in good}
        assert {event.name for event in events} == {"count"}
        assert len(of(TaskDone, events)) == len(good)
