"""SVG as text: elements whose every attribute and word is escaped. Knows no values of this program."""

from __future__ import annotations

import html
from collections.abc import Iterable

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"

INK = "currentColor"
"""Words and lines are of the page's own colour: they can be read on a light and on a dark one."""

TROUBLE = "#ef4444"
"""What is wrong is marked with this."""


def element(name: str, *children: str, **attributes: object) -> str:
    """`<name …>children</name>`; `stroke_width=2` becomes `stroke-width="2"`, None is left out.

    Children are markup: words come in through `words`.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    told = "".join(f' {key}="{_value(value)}"' for key, value in given.items())
    return f"<{name}{told}>{''.join(children)}</{name}>" if children else f"<{name}{told}/>"


def words(text: object) -> str:
    """Text that anybody may have written, as markup that shows it and does nothing else."""
    return html.escape("".join(c if c.isprintable() else " " for c in str(text)))


def text(x: float, y: float, said: object, *, size: float = 11, anchor: str = "start", **attributes: object) -> str:
    """A line of text whose base line is at `y`."""
    return element(
        "text", words(said), x=x, y=y, font_size=size, text_anchor=anchor, **{"fill": INK, **attributes}
    )


def bar(x: float, y: float, w: float, h: float, said: str = "", **attributes: object) -> str:
    """A rectangle; `said` is shown when the pointer rests on it."""
    title = (element("title", words(said)),) if said else ()
    return element("rect", *title, x=x, y=y, width=max(w, 0.75), height=h, **attributes)


def drawing(w: float, h: float, parts: Iterable[str], said: str) -> str:
    """The whole picture, at most `w` pixels wide; `said` is read out to who cannot see it."""
    return element(
        "svg", element("title", words(said)), *parts, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {w:g} {h:g}",
        role="img", font_family=FONT, style=f"width:100%;max-width:{w:g}px;height:auto;display:block",
    )  # fmt: skip


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else html.escape(str(value), quote=True)
