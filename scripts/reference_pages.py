"""Writes the generated parts of docs/reference: `python scripts/reference_pages.py`.

The API's endpoints and bodies come from its OpenAPI document, the settings from the classes that read them. A part
stands between `<!-- NAME -->` and `<!-- end of NAME -->`; all else is written by hand. A test keeps the pages current.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from farm.settings import PREFIX, FarmSettings  # noqa: E402
from scheduler_api.app import api_document  # noqa: E402
from scheduler_api.settings import DoorSettings  # noqa: E402

REFERENCE = ROOT / "docs" / "reference"
Json = Mapping[str, Any]
_CREDENTIALS = {"userToken": "user token", "compositionToken": "composition token", "serviceKey": "service key"}
_STATE = "CompositionState"


def page(text: str) -> str:
    """A page with its generated parts made anew."""
    for name, part in PARTS.items():
        frame = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text = frame.sub(lambda found, part=part: f"{found[1]}\n{part()}\n{found[2]}", text)
    return text


# ---- endpoints -----------------------------------------------------------------------------------------------


def endpoints() -> str:
    """One section for each operation."""
    document = api_document()
    return "\n".join(
        _operation(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )


def _operation(method: str, path: str, operation: Json) -> str:
    lines = [f"### `{method.upper()} {path}`", "", operation["description"], "", _facts(operation), ""]
    told = [p for p in operation.get("parameters", ()) if p["in"] != "path"]
    if told:
        lines += ["| parameter | in | type | meaning |", "|---|---|---|---|", *map(_parameter, told), ""]
    return "\n".join(lines)


def _facts(operation: Json) -> str:
    shown = [_CREDENTIALS[name] for one in operation.get("security", ()) for name in one]
    parts = [f"Credential: {' or '.join(shown) or 'none'}"]
    if body := operation.get("requestBody"):
        parts.append(f"body: {' or '.join(_bodies(body))}{'' if body['required'] else ' (optional)'}")
    good = {code: answer for code, answer in operation["responses"].items() if code < "400"}
    bad = [code for code in operation["responses"] if code >= "400"]
    parts.append("answers: " + ", ".join(f"{code}{_of(answer)}" for code, answer in good.items()))
    return "; ".join(parts) + (f"; problems: {', '.join(sorted(bad))}." if bad else ".")


def _bodies(body: Json) -> Iterator[str]:
    for kind, content in body["content"].items():
        schema = content["schema"]
        refs = [one["$ref"] for one in schema.get("anyOf", [schema]) if "$ref" in one]
        yield from (_link(ref.rsplit("/", 1)[1]) for ref in refs)
        if not refs:
            yield f"`{kind}` with {', '.join(f'`{name}`' for name in schema['properties'])}"


def _of(answer: Json) -> str:
    kinds = answer.get("content", {})
    refs = [content.get("schema", {}).get("$ref") for content in kinds.values()]
    if refs and refs[0]:
        return " " + _link(refs[0].rsplit("/", 1)[1])
    plain = [kind for kind in kinds if kind != "application/json"]
    return f" {' or '.join(f'`{kind}`' for kind in plain)}" if plain else ""


def _link(model: str) -> str:
    return f"[{model}](state.md)" if model == _STATE else f"[{model}](#{model.lower()})"


def _parameter(told: Json) -> str:
    needed = "" if told["required"] else ", optional"
    kind = _type(told["schema"]).removesuffix(" or null")   # an optional one is left out, not null
    return f"| `{told['name']}` | {told['in']} | {kind}{needed} | {told.get('description', '')} |"


# ---- bodies and answers --------------------------------------------------------------------------------------


def models() -> str:
    """One section for each schema that is not part of the Composition State, which has a page of its own."""
    schemas = api_document()["components"]["schemas"]
    own = sorted(set(schemas) - set(_below(schemas, _STATE)))
    return "\n".join(_model(name, schemas[name]) for name in own)


def _below(schemas: Json, name: str) -> Iterator[str]:
    """A schema and all that it refers to."""
    yield name
    for reference in re.findall(r"#/components/schemas/(\w+)", str(schemas[name])):
        yield from _below(schemas, reference)


def _model(name: str, schema: Json) -> str:
    is_body = schema.get("additionalProperties") is False
    head = ["field", "type", *(["default"] if is_body else []), "meaning"]
    lines = [f"### {name}", "", schema["description"], "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    needed = schema.get("required", ())
    for field, told in schema["properties"].items():
        kind, meaning = _type(told), told.get("description", "")
        if is_body:
            default = "required" if field in needed else f"`{_written(told['default'])}`"
            lines.append(f"| `{field}` | {kind} | {default} | {meaning} |")
        else:
            always = field in needed or "default" in told or kind.endswith("null")
            missing = "" if always else ", or the field is missing"
            lines.append(f"| `{field}` | {kind}{missing} | {meaning} |")
    return "\n".join([*lines, ""])


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _type(schema: Json) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rsplit("/", 1)[1])
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{_written(v)}`" for v in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if schema.get("items") else "list"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return str(schema.get("type", "any")) + _limits(schema)


def _limits(schema: Json) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "maxLength": "at most"}
    told = [f"{word} {schema[name]:,.0f}".replace(",", " ") for name, word in words.items() if name in schema]
    return f" ({', '.join(told)})" if told else ""


# ---- settings ------------------------------------------------------------------------------------------------


def settings(of: type[FarmSettings], known: Collection[str] = ()) -> str:
    """The variables of a class of settings, less those `known`."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in of.model_fields.items():
        if name not in known:
            default = None if field.default_factory else field.default
            rows.append(f"| `{PREFIX}{name.upper()}` | {_in_environment(default)} | {field.description} |")
    return "\n".join(rows) + "\n"


def _in_environment(default: object) -> str:
    """As one would write it in the environment; nothing for what has no default, or an empty one."""
    if isinstance(default, tuple | frozenset):
        default = ",".join(sorted(map(str, default)))
    return "" if default in (None, "") else f"`{default}`"


PARTS: dict[str, Callable[[], str]] = {
    "endpoints": endpoints,
    "models": models,
    "settings of farm serve": lambda: settings(DoorSettings, known=FarmSettings.model_fields),
}


def main() -> None:
    """Writes the pages."""
    for path in REFERENCE.glob("*.md"):
        before = path.read_text("utf-8")
        if (after := page(before)) != before:
            path.write_text(after, "utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
