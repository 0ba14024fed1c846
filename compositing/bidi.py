"""The order in which a line of mixed scripts is drawn, from left to right.

A reduced UAX #9 for single lines whose explicit bidi controls have been removed (`graphemes.clean`): base
direction from the first strong character (P2, P3), weak types (W1 to W7), brackets and neutrals (N0 to N2),
implicit levels (I1, I2), reordering (L2). It works on grapheme clusters, each of the type of its first
character; inside a run of one direction the shaper orders the glyphs. Knows no font and no pixel.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_CLOSED_BY = dict(zip("([{⟨〈《「『【〔（［｛", ")]}⟩〉》」』】〕）］｝", strict=True))
_STRONG = {"L": "L", "R": "R", "AL": "R"}


def base_level(clusters: Sequence[str]) -> int:
    """0 for a line that reads from the left, 1 from the right."""
    for cluster in clusters:
        kind = unicodedata.bidirectional(cluster[0])
        if kind in _STRONG:
            return int(_STRONG[kind] == "R")
    return 0


def levels(clusters: Sequence[str]) -> list[int]:
    """The embedding level of each cluster; odd ones are drawn from right to left."""
    base = base_level(clusters)
    kinds = _numbers([_kind(c) for c in clusters], base)
    _brackets(clusters, kinds, base)
    kinds = _neutrals(kinds, base)
    return [_level(kind, base) for kind in kinds]


def visual_order(run_levels: Sequence[int]) -> list[int]:
    """The indexes of runs of these levels in the order in which they are drawn (rule L2)."""
    order = list(range(len(run_levels)))
    for level in range(max(run_levels, default=0), 0, -1):
        start = 0
        while start < len(order):
            stop = start
            while stop < len(order) and run_levels[order[stop]] >= level:
                stop += 1
            order[start:stop] = order[start:stop][::-1]
            start = stop + 1
    return order


def _kind(cluster: str) -> str:
    """L, R, AL, EN, AN, ES, ET or CS; anything else is neutral, ON."""
    kind = unicodedata.bidirectional(cluster[0]) or "L"
    return kind if kind in {"L", "R", "AL", "EN", "AN", "ES", "ET", "CS"} else "ON"


def _numbers(kinds: list[str], base: int) -> list[str]:
    """Rules W2 to W7: numbers take the separators inside them and the signs beside them."""
    resolved: list[str] = []
    strong = "R" if base else "L"
    for kind in kinds:
        if kind in _STRONG:
            strong = kind
        resolved.append("AN" if kind == "EN" and strong == "AL" else kind)
    _separators(resolved)
    _terminators(resolved)
    strong = "R" if base else "L"
    for i, kind in enumerate(resolved):
        if kind in _STRONG:
            strong = resolved[i] = _STRONG[kind]
        elif kind == "EN" and strong == "L":
            resolved[i] = "L"
    return ["ON" if kind in {"ES", "ET", "CS"} else kind for kind in resolved]


def _separators(kinds: list[str]) -> None:
    for i in range(1, len(kinds) - 1):
        before, after = kinds[i - 1], kinds[i + 1]
        same_number = before == after and before in {"EN", "AN"}
        if same_number and (kinds[i] == "CS" or (kinds[i] == "ES" and before == "EN")):
            kinds[i] = before


def _terminators(kinds: list[str]) -> None:
    for order in (range(len(kinds) - 1), range(len(kinds) - 1, 0, -1)):
        step = 1 if order.step == 1 else -1
        for i in order:
            if kinds[i] == "EN" and kinds[i + step] == "ET":
                kinds[i + step] = "EN"


def _brackets(clusters: Sequence[str], kinds: list[str], base: int) -> None:
    """Rule N0: both brackets of a pair take one side, so that `(Host)` keeps its shape after Arabic."""
    line, other = ("R", "L") if base else ("L", "R")
    for opening, closing in _pairs(clusters):
        inside = {_side(kind) for kind in kinds[opening + 1 : closing] if kind != "ON"}
        if not inside:
            continue
        side = line
        if line not in inside:
            before = next((_side(kind) for kind in reversed(kinds[:opening]) if kind != "ON"), line)
            side = other if before == other else line
        kinds[opening] = kinds[closing] = side


def _pairs(clusters: Sequence[str]) -> list[tuple[int, int]]:
    """The indexes of matching brackets, in order of the opening ones (BD16)."""
    pairs: list[tuple[int, int]] = []
    still_open: list[int] = []
    for i, cluster in enumerate(clusters):
        if cluster in _CLOSED_BY:
            still_open.append(i)
            continue
        match = next((j for j in reversed(still_open) if _CLOSED_BY[clusters[j]] == cluster), None)
        if match is not None:
            pairs.append((match, i))
            still_open = [j for j in still_open if j < match]
    return sorted(pairs)


def _neutrals(kinds: list[str], base: int) -> list[str]:
    """Rules N1 and N2: neutrals between equals join them, others follow the line."""
    resolved = list(kinds)
    edge = "R" if base else "L"
    start = 0
    while start < len(kinds):
        stop = start
        while stop < len(kinds) and kinds[stop] == "ON":
            stop += 1
        if stop > start:
            before = _side(kinds[start - 1]) if start else edge
            after = _side(kinds[stop]) if stop < len(kinds) else edge
            resolved[start:stop] = [before if before == after else edge] * (stop - start)
        start = stop + 1
    return resolved


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"


def _level(kind: str, base: int) -> int:
    """Rules I1 and I2."""
    if base:
        return 1 if kind == "R" else 2
    return {"L": 0, "R": 1}.get(kind, 2)
