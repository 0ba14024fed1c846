"""The documentation points at things that exist, and names all that it is the reference of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import get_args

import click
import pytest
from pydantic import BaseModel

from compositing import state
from compositing.layouts import LAYOUTS
from farm.settings import settings_table
from storage.keys import RecordingKeys, job_pointer, open_job

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


KEYS = RecordingKeys("ROOM", "ID")
WRITTEN = (
    KEYS.export("e"), KEYS.thumbnail("e", 1), KEYS.chunk("video", "abc"), KEYS.preview.manifest, KEYS.composition("c"),
    KEYS.asset("a"), KEYS.job("j"), KEYS.requested_output("quick_access/p.mp4"), open_job("j"), job_pointer("j"),
)  # fmt: skip
"""An object of each kind that the farm writes."""


def test_who_gives_the_farm_the_rights_that_the_page_names_gives_it_enough() -> None:
    page = (ROOT / "docs" / "how-to" / "connect-the-recording-service.md").read_text("utf-8")
    allowed = re.findall(r'"arn:aws:s3:::recordings/((?:rooms|farm)/.+)"', page)
    assert [key for key in WRITTEN if not any(fnmatch(key, pattern) for pattern in allowed)] == []
    read = (KEYS.segment("1-audio-x-000001.rtp"), KEYS.metadata, KEYS.timeline, KEYS.policy, KEYS.completed)
    assert [key for key in read if any(fnmatch(key, pattern) for pattern in allowed)] == []
    named = re.findall(r"`(\w+/)`", page)
    assert {pattern.removesuffix("*").removeprefix("rooms/*/*/") for pattern in allowed} <= set(named)


def test_the_page_of_objects_names_each_kind_that_the_farm_writes() -> None:
    page = (ROOT / "docs" / "reference" / "objects.md").read_text("utf-8").partition("## What the farm writes")[2]
    folders = {"/".join(key.removeprefix(KEYS.prefix + "/").split("/")[:-1]) for key in WRITTEN}
    assert [folder for folder in folders if f"{folder.partition('/')[0]}/" not in page] == []
    beside = {f"{folder}/" for folder in folders if folder.startswith("farm/")}
    assert beside <= set(re.findall(r"^farm/\w+/", page, re.MULTILINE))


def test_the_page_on_workers_names_each_kind_of_task() -> None:
    page = (ROOT / "docs" / "operations" / "workers.md").read_text("utf-8")
    code = "".join(path.read_text("utf-8") for path in (ROOT / "farm").glob("*.py"))
    kinds = set(re.findall(r'Task\((?:f?"[^"]*"|\w+), "([\w-]+)"', code))
    assert {"render-video", "preview"} <= kinds
    assert [kind for kind in kinds if f"`{kind}`" not in page] == []


def test_every_page_is_on_the_map() -> None:
    index = ROOT / "docs" / "index.md"
    on_the_map = {(index.parent / target).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    assert [page for page in PAGES if page.parent.is_relative_to(index.parent) and page != index
            and page not in on_the_map] == []  # fmt: skip


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """`model` and those of its fields, at any depth."""
    yield model
    pending = [field.annotation for field in model.model_fields.values()]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from models(kind)
        pending += get_args(kind)


def test_the_page_on_the_state_names_each_field_type_and_layout() -> None:
    page = (ROOT / "docs" / "reference" / "state.md").read_text("utf-8")
    names = {name for model in models(state.CompositionState) for name in model.model_fields}
    types = {
        name
        for model in models(state.CompositionState)
        if "type" in model.model_fields
        for name in get_args(model.model_fields["type"].annotation)
    }
    assert len(types) > 5
    told = set(re.findall(r"`(\w+)`", page)) | {"x", "y", "w", "h"}
    assert (names | types | set(LAYOUTS)) - told == set()


def test_the_state_in_the_quickstart_is_valid() -> None:
    page = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert state.parse_state(example).layout == "grid"


def test_the_page_on_settings_is_the_table_that_the_code_gives() -> None:
    assert settings_table() in (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")


def test_the_page_on_commands_names_each_command_and_option() -> None:
    from farm.cli import main

    assert isinstance(main, click.Group)
    page = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    options = {
        max(parameter.opts, key=len)
        for command in main.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }
    assert [name for name in main.commands if f"`farm {name}" not in page] == []
    assert sorted(option for option in options if not re.search(rf"`{option}\b", page)) == []
