"""Programs of other people that some checks run: where one is not installed, the test is skipped, in CI it fails."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Path of the program `name`, which the Debian package `package` has."""
    if found := shutil.which(name):
        return found
    reason = f"{name} is not installed (apt-get install {package})"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)
