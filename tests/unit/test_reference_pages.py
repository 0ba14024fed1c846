"""The generated parts of the reference are what the code says now: `python scripts/reference_pages.py` writes them."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.recordings import ROOT

SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "reference_pages.py"))
page: Callable[[str], str] = SCRIPT["page"]


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=lambda path: path.stem)
def test_the_page_is_current(path: Any) -> None:
    text = path.read_text("utf-8")
    assert page(text) == text, "run: python scripts/reference_pages.py"


def test_every_part_has_its_place() -> None:
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "docs" / "reference").glob("*.md"))
    assert [name for name in SCRIPT["PARTS"] if pages.count(f"<!-- {name} -->\n") != 1] == []
