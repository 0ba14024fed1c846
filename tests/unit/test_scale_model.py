"""The simulated farm: what can be worked out by hand comes out, and what is stored is what it gives today."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks.scale import check, measured_costs
from benchmarks.scale_model import Costs, Farm, House, Job, export_tasks, meetings, preview_tasks

COSTS = Costs(
    chunk_s=6.0, lead_in_s=1.0, sound_s=0.5, index_s=0.0, tracks=2, streams=2, first_segment_s=0.5, preview_s=0.1,
    plan_s=0.0, stitch_s=0.0, noise=0.0, scheduler_task_s=((1, 0.0), (1024, 0.0)), scheduler_worker_share=0.0,
)  # fmt: skip


def exported(house: House, costs: Costs = COSTS, length_s: float = 480.0) -> float:
    return Farm(house, costs, 1).run([Job("export", length_s)]).makespan_s


def test_one_worker_takes_as_long_as_there_is_work() -> None:
    assert exported(House(1)) == pytest.approx(60 * 6 + 5 * 1 + 60 * 0.5)


@pytest.mark.parametrize("workers", [2, 5, 12])
def test_more_workers_take_no_longer_than_work_and_last_task_allow(workers: int) -> None:
    tasks = export_tasks(COSTS, 480, workers)
    took = exported(House(workers))
    assert sum(tasks) / workers <= took <= sum(tasks) / workers + max(tasks)


def test_the_frames_of_a_job_do_not_depend_on_the_workers() -> None:
    for workers in (1, 7, 64, 1024):
        spans = export_tasks(replace(COSTS, lead_in_s=0.0, sound_s=0.0), 3600, workers)
        assert sum(spans) == pytest.approx(450 * 6)
        assert max(spans) <= 12 * 6
        segments = preview_tasks(COSTS, 3600, workers)
        assert sum(segments[2:]) == pytest.approx(2 * 3596 * 0.1)


def test_a_slow_scheduler_holds_up_many_small_tasks() -> None:
    slow = replace(COSTS, scheduler_task_s=((1, 0.5), (1024, 0.5)))
    tasks = len(export_tasks(COSTS, 480, 1024))
    assert exported(House(1024), slow) == pytest.approx(tasks * 0.5 + 0.5, abs=7)
    full = replace(slow, scheduler_worker_share=1.0)
    assert exported(House(1024), full) > 4 * exported(House(1024), slow)


def test_two_slots_run_one_export_at_a_time_and_previews_beside_it() -> None:
    out = Farm(House(4), COSTS, 1).run(list(meetings(3, 480, 0.0, 1)))
    exports = sorted((job for job in out.jobs if job.kind == "export"), key=lambda job: job.began_s)
    for earlier, later in pairwise(exports):
        assert later.began_s >= earlier.done_s
    previews = [job for job in out.jobs if job.kind == "preview"]
    assert max(job.began_s for job in previews) < exports[-1].began_s
    assert all(job.arrived_s <= job.began_s <= job.first_s <= job.done_s for job in previews)


def test_urgent_tasks_go_before_what_waits() -> None:
    jobs = [Job("export", 480.0, 0.0), Job("preview", 480.0, 1.0)]
    Farm(House(2, slots=4), COSTS, 1).run(jobs)
    longest = max(export_tasks(COSTS, 480, 2))
    # It waits for a worker twice: to index the tracks, and for its first segments.
    assert longest - 1 <= jobs[1].first_s - jobs[1].arrived_s <= 2 * longest + 2


def test_a_seed_is_a_run() -> None:
    noisy = replace(COSTS, noise=0.3)
    assert exported(House(4), noisy) == exported(House(4), noisy)
    first, second = (Farm(House(4), noisy, seed).run([Job("export", 480.0)]).makespan_s for seed in (1, 2))
    assert first != second


def test_fair_spans_keep_spans_long_while_jobs_run_together() -> None:
    jobs = list(meetings(8, 3600, 0.0, 1))
    many = Farm(House(256, dispatchers=4, slots=9), COSTS, 1).run(jobs)
    fair = Farm(House(256, dispatchers=4, slots=9, fair=True), COSTS, 1).run(list(meetings(8, 3600, 0.0, 1)))
    assert fair.tasks < many.tasks / 2
    assert fair.busy_s < many.busy_s


def test_the_model_meets_the_real_farm_at_the_machines_speed() -> None:
    assert {(one["workers"], one["minutes"]) for one in check(measured_costs())} >= {(1, 1), (2, 1)}
    assert max(abs(one["error_at_that_speed"]) for one in check(measured_costs())) < 0.05
