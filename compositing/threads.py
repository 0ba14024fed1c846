"""How many threads OpenCV uses.

A worker is one process per core, so threads inside it only get in each other's way.
"""

from __future__ import annotations

import cv2


def use_one_thread() -> None:
    """Make every OpenCV call of this process run in its calling thread."""
    cv2.setNumThreads(1)


def threads_used() -> int:
    """How many threads an OpenCV call of this process may use."""
    return cv2.getNumThreads()
