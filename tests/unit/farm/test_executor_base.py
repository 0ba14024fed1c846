"""The parts that executors share: the order of tasks, the throttle of progress, when to try again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import Cancelled, PoisonTask
from farm.events import TaskProgress, TaskRetried
from farm.executors.base import Agenda, CancelToken, Task, TaskContext, can_retry, final_error, pause_s
from tests.support import farm_tasks as do
from tests.support.farm_tasks import Flaky, Malformed


def task(key: str, *after: str, priority: int = 0, retries: int = 2) -> Task:
    return Task(key, "double", do.double, (1,), after=after, priority=priority, retries=retries)


class TestAgenda:
    def test_nothing_is_taken_before_what_it_waits_for_is_finished(self) -> None:
        agenda = Agenda([task("stitch", "a", "b"), task("a"), task("b")])
        assert [agenda.take(), agenda.take(), agenda.take()] == [task("a"), task("b"), None]
        agenda.finish("a")
        assert agenda.take() is None
        agenda.finish("b")
        assert agenda.take() == task("stitch", "a", "b")
        assert agenda
        agenda.finish("stitch")
        assert not agenda

    @given(st.lists(st.tuples(st.integers(-2, 2), st.sets(st.integers(0, 11))), max_size=12))
    def test_each_task_is_taken_once_after_its_own_and_never_before_a_more_urgent_one(
        self, plan: list[tuple[int, set[int]]]
    ) -> None:
        tasks = [
            task(str(n), *(str(k) for k in after if k < n), priority=priority)
            for n, (priority, after) in enumerate(plan)
        ]
        agenda = Agenda(tasks)
        taken: list[Task] = []
        while (next_one := agenda.take()) is not None:
            done = {t.key for t in taken}
            might = [t for t in tasks if t.key not in done and done.issuperset(t.after)]
            assert next_one == max(might, key=lambda t: (t.priority, -tasks.index(t)))
            taken.append(next_one)
            agenda.finish(next_one.key)
        assert len(taken) == len(tasks)
        assert not agenda


class TestTaskContext:
    def test_progress_passes_at_once_then_four_times_a_second_and_at_the_end(self) -> None:
        now_s = 0.0
        told: list[int] = []
        context = TaskContext(lambda done, total, unit: told.append(done), lambda: None, lambda: now_s)
        for frame in range(1, 101):
            now_s = frame / 100
            context.progress(frame, 100)
        assert told == [1, 26, 51, 76, 100]


class TestCancelToken:
    def test_the_first_reason_stays(self) -> None:
        token = CancelToken()
        token.check()
        assert not token.cancelled
        token.cancel("by the host")
        token.cancel("by someone else")
        assert token.cancelled
        assert token.wait(60.0)
        with pytest.raises(Cancelled, match="by the host"):
            token.check()


class TestRetries:
    def test_only_errors_worth_it_and_only_so_often(self) -> None:
        flaky = Flaky("k", 503)
        assert [can_retry(task("a"), tries, flaky) for tries in (1, 2, 3)] == [True, True, False]
        assert not can_retry(task("a", retries=0), 1, flaky)
        assert not can_retry(task("a"), 1, Malformed(7))
        assert not can_retry(task("a"), 1, ValueError("unknown"))

    def test_pauses_grow(self) -> None:
        assert [pause_s(tries) for tries in (1, 2, 3)] == [0.5, 1.0, 2.0]

    def test_the_final_error_is_the_error_itself_or_names_the_task_that_used_up_its_tries(self) -> None:
        malformed = Malformed(7)
        assert final_error(task("a"), 1, malformed) is malformed
        poison = final_error(task("a"), 3, Flaky("k", 503))
        assert isinstance(poison, PoisonTask)
        assert str(poison) == "task 'double-a' was given up: k: status 503 (tried 3 times)"
        assert poison.blame == "storage"


def test_events_are_json() -> None:
    event = TaskProgress(key="a", name="render-video", done=3, total=9, unit="frames")
    assert json.loads(json.dumps(event.to_json())) == {
        "type": "TaskProgress", "key": "a", "name": "render-video", "done": 3, "total": 9, "unit": "frames",
    }   # fmt: skip
    assert TaskRetried(key="a", name="n", reason="r").to_json()["type"] == "TaskRetried"
