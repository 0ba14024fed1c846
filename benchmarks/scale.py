"""1 to 1,000 jobs of an hour on 16 to 1,024 workers: how long, how dear, and what breaks first. By simulation.

    python -m benchmarks.scale [--price 0.05] [--seed 1 --seed 2] [--output FILE.json] [--figures docs/images]

The model is benchmarks/scale_model.py; its costs are the newest results of benchmarks.scale_costs and
benchmarks.scheduler_limits, in benchmarks/results/. A job is a meeting of an hour like `bigroom`: nine cameras and a
shared screen, previewed and exported to 1080p30; all come at once unless --over says otherwise. The model is checked
against exports that the real farm made on one and two workers.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from benchmarks.machine import describe_machine
from benchmarks.scale_model import Costs, Farm, House, Job, meetings, task_s

RESULTS = Path(__file__).parent / "results"
HOUR_S = 3600.0
MINUTE_S = 60.0
STITCH_HOUR_S = 4.38
"""benchmarks/results/2026-11-22_memory.json."""
HOUSES = {
    "as it is": {"dispatchers": 1, "slots": 2},
    "more slots": {"dispatchers": 4, "slots": 17},
    "more slots, fair spans": {"dispatchers": 4, "slots": 17, "fair": True},
}
"""A dispatcher with its two slots; four with 16 exports and a preview each; the same with spans cut for a share."""


def newest(name: str) -> dict[str, Any]:
    """The newest result of a benchmark."""
    found: dict[str, Any] = json.loads(sorted(RESULTS.glob(f"*_{name}.json"))[-1].read_text())
    return found


def measured_costs() -> Costs:
    """The costs that were measured on this project's machine."""
    costs, limits = newest("scale_costs"), newest("scheduler_limits")
    alone = next(run for run in costs["exports"] if run["workers"] == 1)
    other = next(run for run in costs["exports"] if run["workers"] == 2)
    lead_in_s = alone["stages"]["video_decode"] / alone["decoded"] * other["lead_in"]
    previews = costs["previews"][0]["tasks"]
    firsts = [t["end_s"] - t["start_s"] for t in previews if t["key"].endswith("/1")]
    spans = [t["end_s"] - t["start_s"] for t in previews if not t["key"].endswith("/1")]
    chunks = alone["minutes"] * MINUTE_S / 8
    job = costs["job"]
    return Costs(
        chunk_s=(_seconds(alone, "render-video")) / chunks,
        lead_in_s=lead_in_s,
        sound_s=_seconds(alone, "render-audio") / chunks,
        index_s=costs["index_s_per_track"],
        tracks=job["tracks"],
        streams=len(firsts),
        first_segment_s=statistics.mean(firsts),
        preview_s=sum(spans) / (len(spans) * (MINUTE_S - 4)),
        plan_s=job["prepare_and_plan_s"] + job["keys_s"],
        stitch_s=STITCH_HOUR_S,
        noise=0.15,
        scheduler_task_s=tuple((run["workers"], task_s(run)) for run in limits["runs"]),
        scheduler_worker_share=max(_share(run) for run in limits["runs"][1:]),
    )


def _seconds(run: dict[str, Any], name: str) -> float:
    return float(sum(task["end_s"] - task["start_s"] for task in run["tasks"] if task["name"] == name))


def _share(run: dict[str, Any]) -> float:
    """Of the scheduler's time, for a worker that is busy: its heartbeats all the time, its progress while it runs."""
    told_s = run["progress"]["scheduler_cpu_s"] - run["idle"]["scheduler_load"] * run["progress"]["wall_s"]
    busy = max(0.0, told_s) / run["progress"]["seconds"]
    return float((run["idle"]["scheduler_load"] + busy) / run["workers"])


def simulate(costs: Costs, house: House, count: int, over_s: float, seed: int, price: float) -> dict[str, Any]:
    """One run, in the figures that are asked about. Waits are in seconds since a job's arrival."""
    out = Farm(house, costs, seed).run(list(meetings(count, HOUR_S, over_s, seed)))
    previews = [job for job in out.jobs if job.kind == "preview"]
    exports = [job for job in out.jobs if job.kind == "export"]
    held_h = house.workers * out.makespan_s / 3600
    return {
        "jobs": count,
        **asdict(house),
        "seed": seed,
        "makespan_s": out.makespan_s,
        "first_preview_s": _middle_and_late([job.first_s - job.arrived_s for job in previews]),
        "export_wait_s": _middle_and_late([job.began_s - job.arrived_s for job in exports]),
        "export_s": _middle_and_late([job.done_s - job.arrived_s for job in exports]),
        "worker_load": out.busy_s / (house.workers * out.makespan_s),
        "scheduler_load": (out.scheduler_s + out.message_s) / out.makespan_s,
        "tasks": out.tasks,
        "tasks_per_s": out.tasks / out.makespan_s,
        "core_hours_per_meeting": out.busy_s / 3600 / count,
        "cost_per_meeting": {"held": held_h * price / count, "busy": out.busy_s / 3600 * price / count},
    }


def _middle_and_late(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"median": statistics.median(ordered), "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]}


# ---- the check ---------------------------------------------------------------------------------------------


def check(costs: Costs) -> list[dict[str, Any]]:
    """What the model says of exports that the real farm made, and by how much it is wrong.

    The run on one worker gave the costs, and says only how the parts add up; the others were foreseen. The machine is
    shared, and some runs were disturbed: `slowdown` is how much longer each of their frames took than those of that
    run, and `error_at_that_speed` is what is wrong beyond it: the model's structure.
    """
    runs = newest("scale_costs")["exports"]
    alone_s = _frames_s(runs[0]) / runs[0]["minutes"]
    found = [_checked(costs, run, alone_s, "scale_costs") for run in runs]
    for path in sorted(RESULTS.glob("*_export_vs_ffmpeg*.json")):
        run = json.loads(path.read_text())
        if "stages" in run:   # results of several rounds are not one run
            found.append(_checked(costs, run | {"minutes": 1, "workers": 2}, alone_s, path.stem))
    return found


def _checked(costs: Costs, run: dict[str, Any], alone_s: float, source: str) -> dict[str, Any]:
    quiet = replace(costs, noise=0.0, plan_s=0.0, stitch_s=0.0)
    minutes, workers, measured_s = run["minutes"], run["workers"], run["stages"]["render"]
    model_s = Farm(House(workers), quiet, 0).run([Job("export", minutes * MINUTE_S)]).makespan_s
    slowdown = _frames_s(run) / minutes / alone_s
    return {
        "source": source,
        "minutes": minutes,
        "workers": workers,
        "measured_s": measured_s,
        "model_s": round(model_s, 2),
        "error": round(model_s / measured_s - 1, 3),
        "slowdown": round(slowdown, 3),
        "error_at_that_speed": round(model_s * slowdown / measured_s - 1, 3),
    }


def _frames_s(run: dict[str, Any]) -> float:
    return float(sum(run["stages"][f"video_{stage}"] for stage in ("decode", "draw", "encode")))


@click.command()
@click.option("--jobs", multiple=True, type=int, default=(1, 10, 100, 1000), show_default=True)
@click.option("--workers", multiple=True, type=int, default=(16, 64, 256, 1024), show_default=True)
@click.option("--seed", "seeds", multiple=True, type=int, default=(1,), show_default=True)
@click.option("--over", "over_s", type=float, default=0.0, show_default=True, help="Seconds in which the jobs arrive.")
@click.option("--price", type=float, default=0.05, show_default=True, help="Of a core for an hour, in any currency.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--figures", type=click.Path(file_okay=False, path_type=Path), help="Where to draw; needs matplotlib.")
def main(
    jobs: Sequence[int], workers: Sequence[int], seeds: Sequence[int], over_s: float, price: float,
    output: Path | None, figures: Path | None,
) -> None:  # fmt: skip
    """Runs the model and prints, or writes, JSON."""
    costs = measured_costs()
    runs = [
        {"house": name, **simulate(costs, House(w, **options), n, over_s, seed, price)}   # type: ignore[arg-type]
        for name, options in HOUSES.items()
        for n in jobs
        for w in workers
        for seed in seeds
    ]
    made = {"machine": describe_machine(), "price": price, "over_s": over_s, "costs": asdict(costs)}
    study: dict[str, Any] = {**made, "check": check(costs), "runs": runs}
    text = json.dumps(study, indent=1)
    if output:
        output.write_text(text + "\n")
    else:
        print(text)
    if figures:
        from benchmarks.scale_figures import save_all

        save_all(study, newest("scheduler_limits"), figures)


if __name__ == "__main__":
    main()
