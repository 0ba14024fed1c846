"""A plan as JSON and back, and its canonical bytes (`docs/concepts/layout.md` says what a plan is).

The wire form has the field names of `scene`, but a span is a pair of numbers, and what is nearly always
absent is left out (`elapsed_ms` and `origin` of a transition). Reading checks types and words; it does not
check that scenes follow each other.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from compositing.errors import InvalidPlan
from compositing.scene import Plan

VERSION = 1

_PLAN = TypeAdapter(Plan)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The JSON document of `plan`."""
    document: dict[str, Any] = _PLAN.dump_python(plan, mode="json")
    for scene in document["scenes"]:
        if scene["transition"]:
            scene["transition"] = _without_defaults(scene["transition"])
    return {
        **document,
        "version": VERSION,
        "speech": [_with_pairs(peer) for peer in document["speech"]],
        "audio": [_with_pairs(peer) for peer in document["audio"]],
        "nudge_ms": [{"peer_id": peer_id, "nudge_ms": ms} for peer_id, ms in document["nudge_ms"]],
    }


def plan_from_json(document: bytes | str | dict[str, Any]) -> Plan:
    """The plan in a JSON document. Raises InvalidPlan."""
    try:
        parsed = document if isinstance(document, dict) else json.loads(document)
        if parsed["version"] != VERSION:
            raise InvalidPlan(f"version {parsed['version']!r}; this farm reads version {VERSION}")
        return _PLAN.validate_json(json.dumps(_dataclass_shape(parsed), allow_nan=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidPlan(f"{'/'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidPlan(f"{type(error).__name__}: {error}") from None


def canonical_plan(plan: Plan) -> bytes:
    """The one form of a plan in bytes: keys sorted, no spaces, UTF-8. Equal plans have equal bytes."""
    document = plan_to_json(plan)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _without_defaults(transition: dict[str, Any]) -> dict[str, Any]:
    left_out = {"elapsed_ms": 0, "origin": None}
    return {k: v for k, v in transition.items() if k not in left_out or v != left_out[k]}


def _with_pairs(peer: dict[str, Any]) -> dict[str, Any]:
    pairs = [[span["start_ms"], span["end_ms"]] for span in peer["spans"]]
    return {k: v for k, v in peer.items() if k != "spans"} | {"spans_ms": pairs}


def _dataclass_shape(document: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: value for key, value in document.items() if key != "version"},
        "speech": [_with_spans(peer) for peer in document["speech"]],
        "audio": [_with_spans(peer) for peer in document["audio"]],
        "nudge_ms": [[item["peer_id"], item["nudge_ms"]] for item in document["nudge_ms"]],
    }


def _with_spans(peer: dict[str, Any]) -> dict[str, Any]:
    spans = [{"start_ms": start, "end_ms": end} for start, end in peer["spans_ms"]]
    return {k: v for k, v in peer.items() if k != "spans_ms"} | {"spans": spans}
