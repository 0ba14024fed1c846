"""Where the real WebRTC recordings are: the small one that ships here, and the shared ones where present."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KICKOFF = ROOT / "examples" / "kickoff"
_shared = ROOT.parent / "shared" / "recordings"
SHARED: Path | None = _shared if _shared.is_dir() else None


def recording_dir(name: str) -> Path:
    """The folder `rooms/R/ID` of the recording called `name`; skips the test where it is absent."""
    base = KICKOFF if name == "kickoff" else (SHARED / name if SHARED else None)
    if base is None or not base.is_dir():
        pytest.skip(f"the shared recording {name!r} is not beside this checkout")
    return next(base.glob("rooms/*/*"))
