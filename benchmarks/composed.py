"""The composition that the benchmarks render: a grid with the shared screen as a tile, of a copied recording."""

from __future__ import annotations

from pathlib import Path

from compositing.state import parse_state
from farm.compose import Composed
from farm.executors.local import LocalExecutor
from farm.run import Surroundings, plan_of
from farm.settings import load_settings
from storage.objects import StoreSpec
from storage.recordings import open_recording

STATE = Path(__file__).parent / "states" / "bigroom_grid.json"


def composed_of(source: Path) -> Composed:
    """The recording in the folder `.../rooms/R/ID`, composed by `STATE`; nothing is rendered."""
    room = source.parent
    recording = open_recording(StoreSpec(str(room.parent.parent)), room.name, source.name)
    around = Surroundings(load_settings(), LocalExecutor(), lambda event: None)
    return plan_of(recording, parse_state(STATE.read_bytes()), around)
