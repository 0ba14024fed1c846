"""A small real recording in a store of its own, for those who compose it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage.keys import RecordingKeys
from storage.objects import StoreSpec
from tests.support.recordings import recording_dir


def copied_kickoff(folder: Path) -> tuple[StoreSpec, RecordingKeys]:
    """The recording `kickoff`, copied into the store `folder`."""
    source = recording_dir("kickoff")
    shutil.copytree(source, folder / "rooms" / source.parent.name / source.name)
    return StoreSpec(str(folder)), RecordingKeys(source.parent.name, source.name)


@pytest.fixture
def kickoff(tmp_path: Path) -> tuple[StoreSpec, RecordingKeys]:
    """A copy of it for one test alone."""
    return copied_kickoff(tmp_path / "store")


@pytest.fixture(scope="module")
def shared_kickoff(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoreSpec, RecordingKeys]:
    """A copy of it that tests of a module share and do not change."""
    return copied_kickoff(tmp_path_factory.mktemp("store"))
