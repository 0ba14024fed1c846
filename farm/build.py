"""Which build decides the pixels: part of every chunk's key, so that another build never reuses old chunks.

Who plans puts it into the keys, and sends it with each task: a worker of another build must not render under them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

import compositing
import renderer

_ROOMS = (compositing, renderer)
_LIBRARIES = ("av", "numpy", "opencv-python-headless", "pillow")


@cache
def engine_id() -> str:
    """A digest of the code that renders and of the libraries it renders with."""
    sha = hashlib.sha256()
    for room in _ROOMS:
        assert room.__file__ is not None
        for path in sorted(Path(room.__file__).parent.rglob("*.py")):
            sha.update(path.name.encode() + b"\0" + path.read_bytes())
    for library in _LIBRARIES:
        sha.update(f"{library} {metadata.version(library)}\n".encode())
    return sha.hexdigest()[:16]
