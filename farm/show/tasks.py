"""Which worker did what when, as a drawing: the task stream of a run.

Takes tasks with their times; gives SVG. A lane is a worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from farm.show.axis import NAMES, WIDTH, Axis, cut
from farm.show.svg import bar, drawing, text

COLOURS = {
    "index-track": "#64748b",
    "intermediate": "#f59e0b",
    "measure-audio": "#0ea5e9",
    "render-video": "#3b82f6",
    "render-audio": "#14b8a6",
    "preview": "#8b5cf6",
    "stitch": "#ef4444",
    "thumbnails": "#ec4899",
}
_LANE, _GAP = 22.0, 5.0


@dataclass(frozen=True, slots=True)
class Ran:
    """One task that returned; times in seconds since the watch began, as this process heard of them."""

    key: str
    name: str
    worker: str
    start_s: float
    end_s: float


def task_stream(tasks: Sequence[Ran]) -> str:
    """Each task as a bar from its start to its end."""
    workers = list(dict.fromkeys(task.worker for task in tasks))
    axis = Axis(max((task.end_s for task in tasks), default=0.0))
    bottom = 8 + len(workers) * (_LANE + _GAP)
    parts = [*axis.ticks(bottom, 8), *_legend(tasks, bottom + 34)]
    for number, worker in enumerate(workers):
        y = 8 + number * (_LANE + _GAP)
        parts.append(text(0, y + 15, cut(worker, 22)))
        parts += [_bar(axis, task, y) for task in tasks if task.worker == worker]
    return drawing(WIDTH, bottom + 44, parts, f"{len(tasks)} tasks on {len(workers)} workers")


def _bar(axis: Axis, task: Ran, y: float) -> str:
    said = f"{task.name} {task.key}: {task.end_s - task.start_s:.2f} s, from {task.start_s:.2f} s"
    return axis.bar(task.start_s, task.end_s, y, _LANE, said, rx=3, fill=colour(task.name), fill_opacity=0.85,
                    stroke="#ffffff", stroke_opacity=0.5)  # fmt: skip


def _legend(tasks: Sequence[Ran], y: float) -> Iterator[str]:
    x = NAMES
    for name in dict.fromkeys(task.name for task in tasks):
        yield bar(x, y - 8, 14, 9, rx=2, fill=colour(name))
        yield text(x + 19, y, name, size=10, fill_opacity=0.7)
        x += 32 + 6.2 * len(name)


def colour(name: str) -> str:
    """The colour of a kind of task."""
    return COLOURS.get(name, "#64748b")
