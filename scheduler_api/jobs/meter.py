"""How far a job is, and how long it will take, from what its tasks tell.

A job comes in runs of tasks, and how many there will be is known only when its main stage begins: the picture of an
export, the segments of a preview. What comes before counts for little; the fraction never falls, though tasks may be
tried again. The time left is that of the pace since the main stage began. Takes times as arguments.
"""

from __future__ import annotations

from farm.events import Event
from farm.job import JobKind, Progress
from farm.progress import WEIGHTS, Stage, Tally

PREPARING = 0.05
"""The share of a job that lies before its main stage."""

FINISHING = 0.02
"""The share of an export that lies behind it: stitching, thumbnails."""

SURE_FROM = 0.02
"""The share of the main stage from which its pace tells something."""

MAIN_STAGES: dict[JobKind, tuple[str, ...]] = {"export": ("render-video", "render-audio"), "preview": ("preview",)}


class ProgressMeter:
    """Adds up the events of one job. Used by one thread."""

    def __init__(self, kind: JobKind) -> None:
        self._main = MAIN_STAGES[kind]
        self._tally = Tally()
        self._fraction = 0.0
        self._began_s: float | None = None

    def add(self, event: Event, now_s: float) -> None:
        """An event, in order."""
        stage = self._tally.add(event)
        if stage and stage.name in self._main and self._began_s is None:
            self._began_s = now_s

    def read(self, now_s: float) -> Progress:
        """How far it is now; in units of tasks of the main stage once that is known, of all tasks before."""
        stages = list(self._tally.stages.values())
        main = [stage for stage in stages if stage.name in self._main]
        counted = main or stages
        share = _share(main)
        before = PREPARING if main else PREPARING * _share(stages)
        self._fraction = max(self._fraction, before + (1 - PREPARING - FINISHING) * share)
        return Progress(
            done=sum(stage.finished for stage in counted),
            total=sum(stage.tasks for stage in counted),
            unit="tasks",
            fraction=round(self._fraction, 4),
            eta_s=self._eta_s(share, now_s),
        )

    def _eta_s(self, share: float, now_s: float) -> float | None:
        if self._began_s is None or share < SURE_FROM:
            return None
        return round((now_s - self._began_s) * (1 - share) / share, 1)


def _share(stages: list[Stage]) -> float:
    """How much of these stages is done, 0 to 1."""
    parts = [(WEIGHTS.get(stage.name, 1.0) * stage.tasks, min(1.0, stage.share)) for stage in stages]
    total = sum(weight for weight, _ in parts)
    return sum(weight * share for weight, share in parts) / total if total else 0.0
