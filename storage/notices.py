"""A warning that travels: found while reading a recording, shown in reports and results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """`code` is kebab-case and stable; `message` is for people; `track_id` where it concerns one track."""

    code: str
    message: str
    track_id: str | None = None
