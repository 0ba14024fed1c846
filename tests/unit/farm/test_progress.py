"""What a person sees: shares that add up, bars on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from farm.events import Event, Log, TaskDone, TaskProgress, TaskRetried, TasksQueued, TaskStarted
from farm.progress import ProgressDisplay, Tally, time_left


def life(key: str, name: str = "render-video", steps: int = 4) -> list[Event]:
    """All events of one task that goes well."""
    return [
        TaskStarted(key=key, name=name, worker="w"),
        *(TaskProgress(key=key, name=name, done=n, total=steps, unit="frames") for n in range(1, steps)),
        TaskDone(key=key, name=name, worker="w", seconds=1.0),
    ]


class TestTally:
    def test_shares_grow_with_progress_to_one(self) -> None:
        tally, shares = Tally(), []
        events = [TasksQueued(name="render-video", tasks=2), *life("a"), *life("b")]
        for event in events:
            tally.add(event)
            shares.append(tally.share)
        assert shares == sorted(shares)
        assert (shares[0], shares[3], shares[5], shares[-1]) == (0.0, 0.25, 0.5, 1.0)
        assert tally.running == 0

    def test_the_whole_weighs_the_picture_more_than_the_index(self) -> None:
        tally = Tally()
        tally.add(TasksQueued(name="index-track", tasks=10))
        tally.add(TasksQueued(name="render-video", tasks=9))
        for n in range(10):
            for event in life(f"{n}", "index-track"):
                tally.add(event)
        assert tally.share == pytest.approx(0.1)

    def test_a_retried_task_begins_again(self) -> None:
        tally = Tally()
        for event in [TasksQueued(name="render-video", tasks=1), *life("a")[:3]]:
            tally.add(event)
        assert tally.share == 0.5
        tally.add(TaskRetried(key="a", name="render-video", reason="worker 1 died"))
        assert (tally.share, tally.running) == (0.0, 0)


class TestDisplay:
    def shown(self, *, terminal: bool, events: list[Event]) -> str:
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
        seconds = iter(range(10_000))
        with ProgressDisplay(console, clock=lambda: next(seconds)) as display:
            for event in events:
                display(event)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    def test_without_a_terminal_there_are_few_plain_lines(self) -> None:
        events: list[Event] = [TasksQueued(name="render-video", tasks=100)]
        for n in range(100):
            events += life(f"{n}")
        lines = self.shown(terminal=False, events=events).splitlines()
        assert 9 <= len(lines) <= 11
        assert lines[-1] == "picture: 100/100, 100% of all"
        assert "\x1b" not in "".join(lines)

    def test_on_a_terminal_there_are_bars(self) -> None:
        events = [TasksQueued(name="render-video", tasks=1), TasksQueued(name="stitch", tasks=1)]
        text = self.shown(terminal=True, events=[*events, *life("a"), *life("s", "stitch")])
        for word in ("picture", "stitching", "all", "100%", "1/1"):
            assert word in text

    @pytest.mark.parametrize("terminal", [True, False])
    def test_retries_and_words_are_told_as_they_are(self, terminal: bool) -> None:
        retried = TaskRetried(key="a", name="render-video", reason="worker 1 died [red]")
        text = self.shown(terminal=terminal, events=[Log(message="10 chunks [cached]"), retried])
        assert "10 chunks [cached]\n" in text
        assert "render-video-a is tried again: worker 1 died [red]\n" in text


def test_time_left_follows_the_pace() -> None:
    assert time_left(0.25, 60.0) == "0:03:00 left, "
    assert time_left(0.5, 7200.0) == "2:00:00 left, "
    assert time_left(0.001, 5.0) == time_left(1.0, 5.0) == ""
