"""Writes docs/reference/state-fields.md and state.schema.json from the code: `python scripts/state_reference.py`.

The prose about the Composition State is docs/reference/state.md; this is its every field, with types, limits and
defaults, as `compositing.state` checks them. A test holds both files to the code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from compositing import state  # noqa: E402
from compositing.layouts import LAYOUTS  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "state-fields.md"
SCHEMA = ROOT / "docs" / "reference" / "state.schema.json"
_NAMES = ", ".join(f"`{name}`" for name in sorted(LAYOUTS))
HEAD = f"""# Fields of the Composition State

Made from the code by `scripts/state_reference.py`; what the fields do says [Composition State](state.md). The same as
JSON Schema, for editors: [state.schema.json](state.schema.json). Beyond the schema: rectangles lie inside their frame;
sides of a resolution are even, {state.SIDE_MIN} to {state.SIDE_MAX}; a peer has one entry in `tracks`; a document has
at most {state.MAX_BYTES:,} bytes; layouts are {_NAMES}.
"""


def page() -> str:
    """The whole page."""
    schema = state.schema()
    models = {"CompositionState": schema, **schema["$defs"]}
    sections = [_section(name, models[name]) for name in _in_order(models)]
    return HEAD + "".join(sections)


def schema_text() -> str:
    """The JSON Schema, as it is stored."""
    return json.dumps(state.schema(), indent=2, ensure_ascii=False) + "\n"


def _in_order(models: dict[str, Any]) -> list[str]:
    """The state first, then what it is made of, in the order in which it is named."""
    found = ["CompositionState"]
    for name in found:
        for reference in _references(models[name].get("properties", {})):
            if reference not in found:
                found.append(reference)
    return found


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rsplit("/", 1)[1]] if "$ref" in value else []
        return own + [name for key, inner in value.items() if key != "discriminator" for name in _references(inner)]
    return [name for inner in value for name in _references(inner)] if isinstance(value, list) else []


def _section(name: str, model: dict[str, Any]) -> str:
    about = " ".join(model.get("description", "").split())
    required = model.get("required", [])
    rows = [
        f"| `{field}` | {_kind(value)} | {_default(field, value, required)} |"
        for field, value in model["properties"].items()
    ]
    return "\n".join(["", f"## {name}", "", about, "", "| field | type | default |", "|---|---|---|", *rows, ""])


def _kind(value: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    if "enum" in value:
        return ", ".join(f"`{json.dumps(one)}`" for one in value["enum"])
    for union in ("anyOf", "oneOf"):
        if union in value:
            return " or ".join(_kind(one) for one in value[union])
    if value.get("type") == "array":
        return f"list of {_kind(value['items'])}" + (f", at most {value['maxItems']}" if "maxItems" in value else "")
    return str(value.get("type", "any")) + _limits(value)


def _limits(value: dict[str, Any]) -> str:
    words = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}",
             "minLength": "length ≥ {}", "maxLength": "length ≤ {}", "pattern": "`{}`"}  # fmt: skip
    told = [said.format(_number(value[key])) for key, said in words.items() if key in value]
    return ", " + ", ".join(told) if told else ""


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def _default(field: str, value: dict[str, Any], required: list[str]) -> str:
    if field in required:
        return "required"
    default = value.get("default")
    return "its defaults" if isinstance(default, dict) else f"`{json.dumps(default)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    SCHEMA.write_text(schema_text(), "utf-8")
