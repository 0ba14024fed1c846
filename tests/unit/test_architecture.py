"""The rules of the house that neither ruff nor mypy nor import-linter can see."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import statistics
import tomllib
import types
import typing
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ROOMS: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
BELOW_THE_ENTRY_POINTS = ("storage", "compositing", "renderer")

MAX_MODULE_LINES = 500
MAX_MEDIAN_FUNCTION_LINES = 10
SHORT_FUNCTION_LINES, MIN_SHARE_SHORT = 30, 0.90

READS_OF_THE_WORLD = {
    ("os", "environ"), ("os", "getenv"), ("os", "getcwd"), ("os", "urandom"),
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
}  # fmt: skip


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), name_of(path))


def test_every_package_at_the_top_is_a_room_that_import_linter_knows() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} == set(ROOMS)


@pytest.mark.parametrize("path", modules(*ROOMS), ids=name_of)
def test_a_module_is_short_and_opens_with_its_contract(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= MAX_MODULE_LINES, f"{lines} lines: two ideas live in this module; part them"
    assert ast.get_docstring(parse(path)), "say what it takes, gives, promises, and must not know"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    docstring = first if ast.get_docstring(function, clean=False) is not None else None
    skipped = docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - skipped


def test_functions_are_a_few_lines_long() -> None:
    sizes = {
        f"{name_of(path)}:{function.lineno} {function.name}": lines_without_docstring(function)
        for path in modules(*ROOMS)
        for function in functions(path)
    }
    long = [where for where, size in sizes.items() if size > SHORT_FUNCTION_LINES]
    assert statistics.median(sizes.values()) <= MAX_MEDIAN_FUNCTION_LINES
    assert 1 - len(long) / len(sizes) >= MIN_SHARE_SHORT, long


def reads_of_the_world(tree: ast.Module) -> Iterator[str]:
    """Clock and environment reads as `line N: os.environ`; `datetime.datetime.now` is `datetime.now`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if (owner, node.attr) in READS_OF_THE_WORLD:
                yield f"line {node.lineno}: {owner}.{node.attr}"


@pytest.mark.parametrize("path", modules(*BELOW_THE_ENTRY_POINTS), ids=name_of)
def test_nothing_below_the_entry_points_reads_a_clock_or_the_environment(path: Path) -> None:
    assert list(reads_of_the_world(parse(path))) == []


def test_reads_of_the_world_are_seen() -> None:
    source = "import os, datetime as d\nos.environ['A']\nd.datetime.now()\nself.now()\n"
    assert list(reads_of_the_world(ast.parse(source))) == ["line 2: os.environ", "line 3: datetime.now"]


def exceptions_of(room: str) -> list[type[Exception]]:
    """The exception classes that `room`.errors defines; none where there is no such module."""
    if not (ROOT / room / "errors.py").exists():
        return []
    module = importlib.import_module(f"{room}.errors")
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == module.__name__
    ]


EXCEPTIONS = [error for room in ROOMS for error in exceptions_of(room)]


@pytest.mark.parametrize("room", ROOMS)
def test_the_errors_of_a_room_have_one_base(room: str) -> None:
    own = set(exceptions_of(room))
    bases = [error.__name__ for error in own if not own.intersection(error.__bases__)]
    assert len(bases) == 1, bases


def example(annotation: object, serial: int) -> object:
    """A value that `annotation` admits, different for each `serial` where the type has more than one."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return example(next(kind for kind in inner if kind is not type(None)), serial)
    if origin is typing.Literal:
        return inner[serial % len(inner)]
    if origin in (tuple, Sequence):
        kinds = [kind for kind in inner if kind is not Ellipsis]
        return tuple(example(kind, serial + i) for i, kind in enumerate(kinds))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return list(annotation)[serial % len(annotation)]
    simple: dict[object, object] = {
        str: f"text-{serial}",
        int: 1000 + serial,
        float: serial + 0.5,
        bool: serial % 2 == 0,
        object: f"text-{serial}",
        Path: Path(f"/file-{serial}"),
        bytes: bytes([serial % 256]),
    }
    assert annotation in simple, f"no example of {annotation!r}: add one here"
    return simple[annotation]


def make(error: type[Exception]) -> Exception:
    """An instance whose fields are all different, made from the annotations of `__init__`."""
    if not any("__init__" in vars(base) for base in error.__mro__ if base.__module__ == error.__module__):
        return error("a message")
    hints = typing.get_type_hints(error.__init__)
    parameters = inspect.signature(error).parameters.values()
    by_name_only = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    assert by_name_only == [], "pickling hands fields on by position"
    return error(*(example(hints[parameter.name], i) for i, parameter in enumerate(parameters, start=1)))


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: f"{error.__module__}.{error.__name__}")
def test_an_error_survives_the_way_back_from_a_worker(error: type[Exception]) -> None:
    raised = make(error)
    received = pickle.loads(pickle.dumps(raised))
    assert type(received) is error
    assert str(received) == str(raised)
    assert received.args == raised.args
    assert vars(received) == vars(raised)


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: f"{error.__module__}.{error.__name__}")
def test_an_error_says_whose_fault_it_is_and_whether_to_try_again(error: type[Exception]) -> None:
    assert error.blame in {"input", "storage", "ours"}  # type: ignore[attr-defined]
    assert isinstance(error.retryable, bool)  # type: ignore[attr-defined]
