"""What a fresh clone installs: the lock covers pyproject.toml and holds nothing of one machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
LOCK = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
PIN = re.compile(r"([a-z0-9-]+)==(\S+)(\s+# via .+)?")

WANTED = [
    *PYPROJECT["build-system"]["requires"],
    *PROJECT["dependencies"],
    *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
]


def pins() -> dict[str, Version]:
    lines = [line for line in LOCK if line and not line.startswith("#")]
    found = [PIN.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {match[1]: Version(match[2]) for match in found if match}


def test_the_lock_holds_exact_versions_and_nothing_else() -> None:
    assert len(pins()) > len(WANTED)


@pytest.mark.parametrize("wanted", WANTED)
def test_the_lock_covers_what_pyproject_asks_for(wanted: str) -> None:
    requirement = Requirement(wanted)
    pinned = pins().get(canonicalize_name(requirement.name))
    assert pinned is not None, "run `make lock`"
    assert requirement.specifier.contains(pinned), f"the lock has {pinned}: run `make lock`"


def test_every_room_is_installed_with_its_types() -> None:
    setuptools = PYPROJECT["tool"]["setuptools"]
    rooms = PYPROJECT["tool"]["importlinter"]["root_packages"]
    assert {pattern.rstrip("*") for pattern in setuptools["packages"]["find"]["include"]} == set(rooms)
    for room in rooms:
        assert "py.typed" in setuptools["package-data"][room]
        assert (ROOT / room / "py.typed").exists()
