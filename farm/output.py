"""A file that somebody named with --output: found out to be writable before hours are spent on it.

Takes a path; gives nothing or raises OutputUnusable. Leaves no trace: folders are made by the final write.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from farm.errors import OutputUnusable


def check_output(path: Path) -> None:
    """Raises OutputUnusable where no file could be written under this name."""
    if path.is_dir():
        raise OutputUnusable(str(path), "it is a folder")
    _check_writable(path, next(parent for parent in path.absolute().parents if parent.exists()))


def check_folder(path: Path) -> None:
    """Raises OutputUnusable where no file could be written into the folder of this name, made if need be."""
    _check_writable(path, next(p for p in (path.absolute(), *path.absolute().parents) if p.exists()))


def _check_writable(path: Path, folder: Path) -> None:
    if not folder.is_dir():
        raise OutputUnusable(str(path), f"{folder} is no folder")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OutputUnusable(str(path), f"{folder}: {error.strerror}") from error
