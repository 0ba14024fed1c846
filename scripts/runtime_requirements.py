#!/usr/bin/env python3
"""The lines of requirements.lock that the farm needs to run, without what only its developers need.

Follows the lock's own notes (`# via`) from the dependencies that pyproject.toml names.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"(?P<name>[a-z0-9-]+)==\S+\s+# via (?P<via>.+)")


def lines_of(lock: str, wanted: set[str]) -> list[str]:
    """The lines of `lock` for `wanted` names and whatever they draw in, by the lock's own notes."""
    found = {match["name"]: (line, match["via"]) for line in lock.splitlines() if (match := LINE.fullmatch(line))}
    needed: set[str] = set()
    fresh = {name for name in wanted if name in found}
    while fresh:
        needed |= fresh
        fresh = {name for name, (_, via) in found.items() if name not in needed and needed & parents(via)}
    return [line for name, (line, _) in found.items() if name in needed]


def parents(via: str) -> set[str]:
    """Who asks for a package."""
    return {part.strip() for part in via.split(",")}


def canonical(requirement: str) -> str:
    """The name of a requirement, as locks write it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {canonical(requirement) for requirement in project["dependencies"]}
    print("\n".join(lines_of((ROOT / "requirements.lock").read_text("utf-8"), wanted)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
