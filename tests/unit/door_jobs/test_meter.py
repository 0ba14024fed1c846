"""How far a job is, from what its tasks tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farm.events import Event, Log, TaskDone, TaskFailed, TaskProgress, TaskRetried, TasksQueued, TaskStarted
from scheduler_api.jobs.meter import ProgressMeter

NAMES = ("index-track", "render-video", "render-audio", "stitch", "thumbnails")


def queued(name: str, tasks: int) -> Event:
    return TasksQueued(name=name, tasks=tasks)


def started(name: str, key: str) -> Event:
    return TaskStarted(key=key, name=name, worker="w")


def done(name: str, key: str) -> Event:
    return TaskDone(key=key, name=name, worker="w", seconds=1.0)


def at(name: str, key: str, share: float) -> Event:
    return TaskProgress(key=key, name=name, done=round(share * 100), total=100, unit="frames")


def test_preparing_counts_for_little_and_the_main_stage_for_most() -> None:
    meter = ProgressMeter("export")
    for event in (queued("index-track", 2), started("index-track", "a"), done("index-track", "a")):
        meter.add(event, 0.0)
    assert 0 < meter.read(0.0).fraction < 0.05
    for event in (queued("render-video", 4), queued("render-audio", 1)):
        meter.add(event, 1.0)
    for key in "abc":
        meter.add(started("render-video", key), 1.0)
        meter.add(done("render-video", key), 2.0)
    read = meter.read(2.0)
    assert 0.65 < read.fraction < 0.8
    assert (read.done, read.total, read.unit) == (3, 5, "tasks")


def test_the_time_left_is_that_of_the_pace_so_far() -> None:
    meter = ProgressMeter("preview")
    meter.add(queued("preview", 2), 100.0)
    meter.add(started("preview", "a"), 100.0)
    assert meter.read(100.0).eta_s is None
    meter.add(at("preview", "a", 0.5), 110.0)
    assert meter.read(110.0).eta_s == 30.0


def test_when_nothing_is_missing_there_is_no_main_stage() -> None:
    meter = ProgressMeter("export")
    for event in (queued("stitch", 1), started("stitch", "s"), done("stitch", "s")):
        meter.add(event, 0.0)
    assert meter.read(0.0).fraction < 1


def test_before_anything_is_known_it_is_nothing() -> None:
    read = ProgressMeter("export").read(0.0)
    assert (read.done, read.total, read.fraction, read.eta_s) == (0, 0, 0.0, None)


_keys = st.sampled_from("abcd")
_names = st.sampled_from(NAMES)
_events = st.one_of(
    st.builds(queued, _names, st.integers(1, 5)),
    st.builds(started, _names, _keys),
    st.builds(done, _names, _keys),
    st.builds(at, _names, _keys, st.floats(0, 2)),
    st.builds(lambda n, k: TaskRetried(key=k, name=n, reason="died"), _names, _keys),
    st.builds(lambda n, k: TaskFailed(key=k, name=n, reason="died"), _names, _keys),
    st.builds(lambda: Log(message="…")),
)


@given(st.lists(_events, max_size=40))
def test_whatever_is_told_the_fraction_rises_and_stays_a_fraction(events: list[Event]) -> None:
    meter, last = ProgressMeter("export"), 0.0
    for now_s, event in enumerate(events):
        meter.add(event, now_s)
        read = meter.read(now_s)
        assert last <= read.fraction <= 1
        assert read.eta_s is None or read.eta_s >= 0
        last = read.fraction
