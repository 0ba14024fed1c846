"""How many workers: as many as are busy, at once; fewer only after a while; the idle ones go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.autoscale import Pool, Steadily, going_first, parse_pool
from farm.demand import demand_of, pool_of


def test_a_pool_is_written_in_one_word() -> None:
    assert parse_pool("cpu=farm-worker-cpu:0:16:4") == Pool("cpu", "farm-worker-cpu", 0, 16, 4)


@pytest.mark.parametrize("text", ["", "cpu", "cpu=x", "cpu=x:1:2", "cpu=x:2:1:1", "=x:1:2:1", "cpu=x:0:0:1",
                                  "cpu=x:1:2:0", "cpu=x:-1:2:1", "cpu=x:a:2:1", "cpu=:1:2:1"])  # fmt: skip
def test_what_is_no_pool_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cpu|NAME|literal"):
        parse_pool(text)


@pytest.mark.parametrize(("tasks", "wanted"), [(0, 1), (1, 1), (4, 1), (5, 2), (16, 4), (400, 5)])
def test_as_many_as_the_tasks_keep_busy(tasks: int, wanted: int) -> None:
    assert Pool("gpu", "x", 1, 5, slots=4).wanted(tasks) == wanted


def test_from_zero_and_to_zero() -> None:
    pool, steadily = Pool("gpu", "x", 0, 3), Steadily(10)
    assert [steadily.replicas(pool.wanted(n), t) for t, n in enumerate([0, 1, 0])] == [0, 1, 1]
    assert steadily.replicas(0, 11.5) == 0, "the one was wanted at 1"


def test_a_pause_between_two_jobs_sends_nobody_away() -> None:
    steadily = Steadily(cooldown_s=60)
    demand = [(0, 8), (20, 0), (60, 8), (65, 0), (120, 0), (121, 0)]
    assert [steadily.replicas(n, t) for t, n in demand] == [8, 8, 8, 8, 8, 0]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), max_size=60), st.integers(0, 50))
def test_it_is_the_most_of_the_last_while(steps: list[tuple[int, int]], cooldown_s: int) -> None:
    steadily, seen, now_s = Steadily(cooldown_s), [], 0
    for pause_s, wanted in steps:
        now_s += pause_s
        seen.append((now_s, wanted))
        recent = [n for t, n in seen if t >= now_s - cooldown_s]
        assert steadily.replicas(wanted, now_s) == max(recent)


def test_the_idle_ones_go_first() -> None:
    load = {"a": 2, "b": 0, "c": 1, "d": 0}
    assert going_first(load, 2) == ["b", "d"]
    assert going_first(load, 3) == ["b", "d", "c"]
    assert going_first(load, -1) == []


def task(state: str, **resources: float) -> Any:
    return SimpleNamespace(state=state, resource_restrictions=resources or None)


def test_a_task_is_wanted_work_of_the_pool_that_it_asks_for() -> None:
    tasks = [task("processing"), task("queued"), task("no-worker", nvenc=1), task("memory"), task("erred", nvenc=1),
             task("no-worker", nvenc=1, nvdec=1), task("released")]  # fmt: skip
    workers = [SimpleNamespace(name="one", resources={}, processing={1: 1}),
               SimpleNamespace(name="two", resources={"nvenc": 4.0}, processing={})]  # fmt: skip
    found = demand_of(SimpleNamespace(tasks=dict(enumerate(tasks)), workers=dict(enumerate(workers))))
    assert found["pools"] == {
        "cpu": {"tasks": 2, "workers": {"one": 1}},
        "gpu": {"tasks": 2, "workers": {"two": 0}},
    }
    assert pool_of(["memory"]) == "cpu"
