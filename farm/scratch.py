"""A process's own folder for temporary files, and what killed processes have left of theirs.

Each folder holds a lock for as long as its process lives, and has its name only once it is locked. Whoever makes a new
one removes those beside it that nobody locks any more, so however often processes are killed, no more is left than what
the last ones had.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "farm-"
_UNLOCKED_PREFIX = "new-farm-"
"""Of a folder that is not locked yet: nobody looks for those."""
_LOCK = "lock"


@contextmanager
def own_folder(base: Path | None = None) -> Iterator[Path]:
    """A new folder in `base`, or the system's folder for temporary files; removed at the end. Raises OSError."""
    folder, lock = claim_folder(base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def claim_folder(base: Path | None = None) -> tuple[Path, int]:
    """A new folder, and the descriptor of its lock, for a process that leaves it to its successors to clear away."""
    parent = base or Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    clear_left_behind(parent)
    made = Path(tempfile.mkdtemp(prefix=_UNLOCKED_PREFIX, dir=parent))
    lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return made.rename(parent / made.name.replace(_UNLOCKED_PREFIX, PREFIX, 1)), lock


def clear_left_behind(base: Path) -> int:
    """Removes the folders in `base` whose processes are gone; how many those were."""
    removed = 0
    for lock_file in base.glob(f"{PREFIX}*/{_LOCK}"):
        with suppress(OSError):   # another's, or another was quicker
            descriptor = os.open(lock_file, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.parent, ignore_errors=True)
                removed += 1
            finally:
                os.close(descriptor)
    return removed
