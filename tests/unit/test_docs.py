"""The documentation points at things that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
MODULE = re.compile(r"`((?:storage|compositing|renderer|farm|tests|scripts|examples|benchmarks)/[\w./-]+)`")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text("utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_are_there(page: Path) -> None:
    named = MODULE.findall(page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_is_on_the_map() -> None:
    index = ROOT / "docs" / "index.md"
    on_the_map = {(index.parent / target).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    assert [page for page in PAGES if page.parent.is_relative_to(index.parent) and page != index
            and page not in on_the_map] == []  # fmt: skip
