"""A plan as JSON and back, and its canonical bytes (`docs/concepts/layout.md` says what a plan is).

The wire form has the field names of `scene`, but a span is a pair of numbers, and what is nearly always
absent is left out (`elapsed_ms` and `origin` of a transition). Reading checks types and words; it does not
check that scenes follow each other.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from compositing.errors import InvalidPlan
from compositing.scene import Plan, Scene, Tile, Transition

VERSION = 1

_PLAN = TypeAdapter(Plan)
_TILE = TypeAdapter(Tile)
_TRANSITION = TypeAdapter(Transition)


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


def plan_bytes(plan: Plan) -> bytes:
    """`plan_to_json` as UTF-8: what several scenes show is written once."""
    writer = _SceneWriter()
    scenes = b",".join([writer.scene(scene) for scene in plan.scenes])
    return _with_list(plan_to_json(replace(plan, scenes=())), "scenes", scenes)


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


class _SceneWriter:
    """The scenes of one plan as JSON. Knows tiles by their identity: the plan keeps them alive."""

    def __init__(self) -> None:
        self._tiles: dict[int, bytes] = {}
        self._drawn: dict[int, bytes] = {}

    def scene(self, scene: Scene) -> bytes:
        moving = scene.transition and _without_defaults(_TRANSITION.dump_python(scene.transition, mode="json"))
        about = {"layout": scene.layout, "background": scene.background, "transition": moving}
        tiles = self._drawn.get(id(scene.tiles))
        if tiles is None:
            tiles = self._drawn[id(scene.tiles)] = b",".join([self._tile(tile) for tile in scene.tiles])
        return _with_list({"start_ms": scene.start_ms, "end_ms": scene.end_ms, **about}, "tiles", tiles)

    def _tile(self, tile: Tile) -> bytes:
        if id(tile) not in self._tiles:
            self._tiles[id(tile)] = _TILE.dump_json(tile)
        return self._tiles[id(tile)]


def _with_list(fields: dict[str, Any], name: str, items: bytes) -> bytes:
    """The JSON object of `fields`, with the list `name` of `items` that are JSON already."""
    others = json.dumps({key: value for key, value in fields.items() if key != name})
    return b'%s, "%s": [%s]}' % (others[:-1].encode(), name.encode(), items)


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
