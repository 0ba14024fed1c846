"""The composer's own checks: types, lint, format, and its unit tests (Vitest)."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.support.recordings import ROOT

COMPOSER = ROOT / "composer"
REMEDY = "it needs Node 20 and npm, and (cd composer && npm ci)"


def test_the_composers_own_checks_pass() -> None:
    if not shutil.which("npm") or not (COMPOSER / "node_modules").is_dir():
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(REMEDY)
        pytest.skip(REMEDY)
    checked = subprocess.run(["npm", "run", "--silent", "check"], cwd=COMPOSER, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout[-8000:] + checked.stderr[-2000:]
