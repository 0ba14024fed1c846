"""Distribution: what to render, where, and how it is put together. The only room that knows Dask.

`farm.Recording` is the farm for notebooks (farm.notebook), loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from farm.notebook import Recording

__all__ = ["Recording"]


def __getattr__(name: str) -> Any:
    if name == "Recording":
        from farm.notebook import Recording

        return Recording
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
