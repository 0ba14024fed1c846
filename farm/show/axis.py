"""What all drawings share: time from left to right, the colours of participants, short words for long ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compositing.times import Span
from farm.show.svg import INK, bar, element, text

WIDTH = 920.0
"""Pixels of a drawing, from left to right."""
NAMES = 172.0
"""Of these for names, on the left."""
PALETTE = ("#2563eb", "#ea580c", "#0d9488", "#db2777", "#7c3aed", "#ca8a04", "#0284c7", "#dc2626", "#65a30d", "#9333ea")
"""Colours of participants: white can be read on each."""
_TICKS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_MOST_TICKS = 12


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right, over [0, end_s]."""

    end_s: float
    left: float = NAMES
    right: float = WIDTH - 18

    def x(self, at_s: float) -> float:
        share = at_s / self.end_s if self.end_s > 0 else 0.0
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def bar(self, start_s: float, end_s: float, y: float, h: float, said: str = "", **look: object) -> str:
        return bar(self.x(start_s), y, self.x(end_s) - self.x(start_s), h, said, **look)

    def spans(self, spans: Iterable[Span], y: float, h: float, said: str, **look: object) -> Iterator[str]:
        for span in spans:
            when = f"{said}, {short(span.start_ms / 1000)} – {short(span.end_ms / 1000)}"
            yield self.bar(span.start_ms / 1000, span.end_ms / 1000, y, h, when, **look)

    def ticks(self, y: float, top: float) -> Iterator[str]:
        """The time below, and faint lines from `top` to `y`."""
        step = next((s for s in _TICKS_S if self.end_s / s <= _MOST_TICKS), _TICKS_S[-1])
        for n in range(int(self.end_s / step) + 1):
            x = self.x(n * step)
            yield element("line", x1=x, x2=x, y1=top, y2=y, stroke=INK, stroke_opacity=0.12)
            yield text(x, y + 13, short(n * step, whole=True), size=10, anchor="middle", fill_opacity=0.6)


def short(seconds: float, whole: bool = False) -> str:
    """`1:02:03.4`, `2:03.4`; without tenths where `whole`."""
    tenths = round(seconds * 10)
    head = f"{tenths // 36000}:{tenths // 600 % 60:02}" if tenths >= 36000 else f"{tenths // 600}"
    return f"{head}:{tenths // 10 % 60:02}" + ("" if whole else f".{tenths % 10}")


class Cast:
    """The participants by their order of joining: what each is called, and a colour unlike that of its neighbours."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._colours = {peer_id: PALETTE[n % len(PALETTE)] for n, peer_id in enumerate(names)}

    def name(self, peer_id: str | None) -> str:
        """What a participant is called; empty for nobody."""
        return self._names.get(peer_id, peer_id) if peer_id else ""

    def colour(self, peer_id: str | None) -> str:
        """`#rrggbb`; grey for nobody."""
        return self._colours.get(peer_id or "", "#64748b")


def cut(said: str, most: int) -> str:
    """`said`, or its beginning and an ellipsis."""
    return said if len(said) <= most else said[: most - 1] + "…"
