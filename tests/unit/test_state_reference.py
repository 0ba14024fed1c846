"""The generated reference of the Composition State is what the code gives."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
REMEDY = "run `python scripts/state_reference.py`"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("state_reference", ROOT / "scripts" / "state_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(generator: ModuleType) -> None:
    assert generator.PAGE.read_text("utf-8") == generator.page(), REMEDY


def test_the_schema_is_current(generator: ModuleType) -> None:
    assert generator.SCHEMA.read_text("utf-8") == generator.schema_text(), REMEDY


def test_each_field_of_each_part_has_a_row(generator: ModuleType) -> None:
    schema = json.loads(generator.schema_text())
    page = generator.page()
    for name, model in {"CompositionState": schema, **schema["$defs"]}.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert [field for field in model["properties"] if f"| `{field}` |" not in section] == []
