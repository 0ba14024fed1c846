"""What encoding pictures for tests must not do to the machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.pictures import Shot, encode


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed by /proc")
def test_an_av1_encoder_leaves_the_process_on_the_usual_scheduler() -> None:
    pictures = encode((Shot(40 * n, 320, 180) for n in range(5)), 1, "av1", fps=25, bitrate=100_000)
    next(pictures)
    threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}
