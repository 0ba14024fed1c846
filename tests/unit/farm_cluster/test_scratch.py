"""Folders for temporary files: a process's own, and what killed ones have left is cleared away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from farm.scratch import clear_left_behind, own_folder
from tests.support.recordings import ROOT

HOLD = """
import sys, time
from pathlib import Path
from farm.scratch import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    (folder / "big").write_bytes(bytes(9999))
    print(folder, flush=True)
    time.sleep(60)
"""
RIVALLED = """
import sys
from pathlib import Path
from farm.scratch import clear_left_behind, own_folder
cleared = []
def rival(event, arguments):
    if event == "fcntl.flock" and not cleared:
        cleared.append(None)
        cleared.append(clear_left_behind(Path(sys.argv[1])))
sys.addaudithook(rival)
with own_folder(Path(sys.argv[1])) as folder:
    print(folder.is_dir(), cleared[1:], flush=True)
"""
FORK = """
import time
from farm.forkserver import start_early
start_early()
print("up", flush=True)
time.sleep(60)
"""


def started(code: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, env={**os.environ, **env},
                               stdout=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def killed(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_folder_lives_as_long_as_it_is_used(tmp_path: Path) -> None:
    with own_folder(tmp_path / "made") as folder:
        (folder / "x").touch()
        assert clear_left_behind(tmp_path / "made") == 0
        assert folder.is_dir()
    assert list((tmp_path / "made").iterdir()) == []


def test_what_a_killed_process_left_is_gone_with_the_next(tmp_path: Path) -> None:
    living, dying = started(HOLD, str(tmp_path)), started(HOLD, str(tmp_path))
    (tmp_path / "farm-notes").mkdir()   # somebody else's: it has no lock
    killed(dying)
    assert len(list(tmp_path.iterdir())) == 3
    with own_folder(tmp_path):
        assert len(list(tmp_path.iterdir())) == 3, "the dead one's is gone, ours has come"
    assert (tmp_path / "farm-notes").is_dir()
    killed(living)


def test_a_folder_is_nobodys_prey_before_it_is_locked(tmp_path: Path) -> None:
    """Another process clears away between the making of the lock's file and the locking."""
    process = subprocess.run([sys.executable, "-c", RIVALLED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True,
                             check=True)  # fmt: skip
    assert process.stdout.split() == ["True", "[0]"]
    assert list(tmp_path.iterdir()) == []


def test_a_killed_command_leaves_no_more_than_the_one_before(tmp_path: Path) -> None:
    left = []
    for _ in range(3):
        killed(started(FORK, TMPDIR=str(tmp_path)))
        left.append(len(list(tmp_path.iterdir())))
    assert max(left) == left[0] == 1
    assert not list(tmp_path.glob("pymp-*"))
