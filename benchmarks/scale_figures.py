"""The figures of the scale study, from the JSON of `benchmarks.scale`. Needs matplotlib (the extra `notebooks`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.scale_model import task_s

COLOURS = {1: "#94a3b8", 10: "#0d9488", 100: "#2563eb", 1000: "#ea580c"}
"""By number of jobs."""
_STYLE: Any = {"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.2,
               "font.size": 9, "axes.titlelocation": "left", "axes.titlesize": 10, "legend.frameon": False}  # fmt: skip


def makespan(study: dict[str, Any]) -> Figure:
    """Until all is done, over the workers, one panel a house."""
    return _by_house(study, lambda run: run["makespan_s"] / 3600, "hours until all is done", ideal=True)


def first_preview(study: dict[str, Any]) -> Figure:
    """Until a preview can be played, the late ones (95 of 100 are earlier)."""
    return _by_house(study, lambda run: run["first_preview_s"]["p95"], "s until a preview plays (p95)")


def cost(study: dict[str, Any]) -> Figure:
    """What an hour of meeting costs while the workers are held to the end."""
    title = f"per hour of meeting, at {study['price']:g} a core-hour"
    figure = _by_house(study, lambda run: run["cost_per_meeting"]["held"], title)
    least = min(run["cost_per_meeting"]["busy"] for run in study["runs"])
    for axis in figure.axes:
        axis.set_yscale("linear")
        axis.set_ylim(0)
        axis.axhline(least, color="#16a34a", linestyle=":", linewidth=1)
    figure.axes[0].annotate("of work alone", (16, least), xytext=(0, -11), fontsize=8, textcoords="offset points",
                            color="#16a34a")  # fmt: skip
    return figure


def scheduler(study: dict[str, Any], limits: dict[str, Any]) -> Figure:
    """How much of the scheduler's time the model needs, and what a real one took for a task."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 3.2), layout="constrained")
        load, costs, memory = figure.subplots(1, 3, width_ratios=(2, 1, 1))
        for number, house in enumerate(_houses(study)):
            for jobs in (100, 1000):
                runs = [r for r in study["runs"] if r["house"] == house and r["jobs"] == jobs]
                load.plot([r["workers"] for r in runs], [100 * r["scheduler_load"] for r in runs], "-", markersize=4,
                          color=COLOURS[jobs], marker="os^"[number], label=f"{jobs} jobs, {house}")  # fmt: skip
        load.axhline(100, color="#dc2626", linewidth=1)
        _workers_axis(load, "% of the scheduler's time (model)")
        load.legend(fontsize=7)
        sizes = [run["workers"] for run in limits["runs"]]
        took_ms = [1e3 * task_s(run) for run in limits["runs"]]
        costs.plot(sizes, took_ms, "o-", color="#7c3aed")
        costs.set_ylim(0)
        _workers_axis(costs, "ms of a real one, a task")
        queued = [one for run in limits["runs"] for one in run["memory"] if one["tasks"] >= 1000]
        names = [f"{one['tasks']:,}" for one in queued]
        memory.bar(names, [one["rss_mb"] for one in queued], color="#7c3aed", width=0.5)
        memory.set_title("MB, by waiting tasks")
        return figure


def save_all(study: dict[str, Any], limits: dict[str, Any], folder: Path) -> None:
    """All figures as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"makespan": makespan(study), "first_preview": first_preview(study), "cost": cost(study),
               "scheduler": scheduler(study, limits)}  # fmt: skip
    with mpl.rc_context({"svg.hashsalt": "scale", "svg.fonttype": "none"}):
        for name, figure in figures.items():
            figure.savefig(folder / f"scale_{name}.svg", metadata={"Date": None})


def _by_house(study: dict[str, Any], value: Any, title: str, ideal: bool = False) -> Figure:
    with mpl.rc_context(_STYLE):
        houses = _houses(study)
        figure = Figure(figsize=(10, 3), layout="constrained")
        for axis, house in zip(figure.subplots(1, len(houses), sharey=True), houses, strict=True):
            for jobs, colour in COLOURS.items():
                runs = [r for r in study["runs"] if (r["house"], r["jobs"]) == (house, jobs)]
                if not runs:
                    continue
                axis.plot([r["workers"] for r in runs], [value(r) for r in runs], "o-", color=colour, markersize=4,
                          label=f"{jobs:,} job{'s' if jobs > 1 else ''}")  # fmt: skip
                if ideal:
                    least_h = min(r["core_hours_per_meeting"] for r in study["runs"])
                    perfect = [least_h * jobs / r["workers"] for r in runs]
                    axis.plot([r["workers"] for r in runs], perfect, ":", color=colour, linewidth=1)
            axis.set_yscale("log")
            _workers_axis(axis, f"{house}")
        figure.axes[0].set_ylabel(title)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=4, fontsize=8)
        return figure


def _houses(study: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(run["house"] for run in study["runs"]))


def _workers_axis(axis: Axes, title: str) -> None:
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axis.set_xlabel("workers")
    axis.set_title(title)
