"""A chunk that kills each worker that renders it: the export ends with where it was, in words and drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from farm.cluster import open_executor
from farm.errors import PoisonTask
from farm.executors.base import CancelToken, Executor, Observer, Task
from farm.executors.local import LocalExecutor
from farm.settings import FarmSettings
from tests.support import farm_tasks
from tests.support.exports import export_of
from tests.support.farm_cli import stored
from tests.support.meetings import Camera, Meeting, Peer, write_meeting

CAMERA = Camera(w=160, h=90, fps=10, bitrate=60_000)
STATE = {"export": {"resolution": "320x180", "fps": 10}}


class Poisoned(LocalExecutor):
    """A cluster on which the second chunk of a span is deadly."""

    def __init__(self, cluster: Executor) -> None:
        self._cluster = cluster

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        deadly = [
            replace(task, function=farm_tasks.render_one_and_die) if task.name == "render-video" else task
            for task in tasks
        ]
        return self._cluster.run(deadly, observer, cancel)


def test_where_an_export_was_given_up_is_told_and_drawn(tmp_path: Path) -> None:
    peers = (Peer(1, "Ada", camera=CAMERA), Peer(2, "Ben <b>", camera=CAMERA, stays=((20_000, None),)))
    recording = write_meeting(Meeting(peers, duration_ms=30_000), tmp_path).path
    out = tmp_path / "out.mp4"
    with (
        open_executor(FarmSettings(dashboard=False), workers=1) as cluster,
        pytest.raises(PoisonTask) as caught,
    ):
        export_of(recording, STATE, out, executor=Poisoned(cluster))
    told = str(caught.value)
    assert len(stored(recording, "video")) == 1, "what was done before is kept"
    assert "its worker died each time" in told
    assert "it failed between 0:08.0 and 0:16.0 of the recording, where Ada can be seen" in told
    drawing = re.search(r"a drawing of the place is in (\S+\.svg)$", told)
    assert drawing
    drawn = ElementTree.parse(drawing[1]).getroot()
    assert {"Given up between 0:08.0 and 0:16.0", "Ada", "here"} <= set(drawn.itertext())
    assert not out.exists()
