"""What a report, a plan, an export and a preview look like in a notebook: a headline, a row of figures, a drawing.

Takes values, gives HTML. Styles are inline and colours the page's own, so that a card reads on light and dark pages
and survives where style sheets are taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from compositing.scene import Plan
from farm.show.axis import Cast, short
from farm.show.recording import recording_drawing
from farm.show.storyboard import MOST_SCENES, storyboard
from farm.show.svg import FONT, bar, drawing, element, words
from renderer.report import RecordingReport

if TYPE_CHECKING:
    from farm.preview import PreviewReport
    from farm.run import ExportReport

Figure = tuple[str, str]
"""A word, and what it is."""
_NEW, _KEPT = "#3b82f6", "#22c55e"
_STAGES = {
    "video_decode": "#8b5cf6", "video_draw": "#14b8a6", "video_encode": "#3b82f6", "audio_mix": "#f59e0b",
    "audio_encode": "#ec4899",
}  # fmt: skip
_STRIP_W = 920.0


def card(title: str, figures: Iterable[Figure], *body: str) -> str:
    """A card; `body` is markup, all else is text."""
    head = element("div", words(title), style="font-size:15px;font-weight:600;margin:0 0 6px")
    told = "".join(_figure(name, value) for name, value in figures)
    row = element("div", told, style="display:flex;flex-wrap:wrap;gap:4px 24px;margin:0 0 12px") if told else ""
    return element(
        "div", head, row, *body, style=f"font-family:{FONT};font-size:13px;max-width:940px;padding:8px 0"
    )


def recording_card(found: RecordingReport, details: str) -> str:
    """The health of a recording; `details` is markup that is folded away."""
    lost = sum(track.lost for track in found.tracks)
    sent = sum(track.packets - track.duplicates + track.lost for track in found.tracks)
    figures = [
        ("length", short(found.duration_s)),
        ("participants", str(len(found.peers))),
        ("tracks", str(len(found.tracks))),
        ("size", size(found.bytes)),
        ("lost", f"{lost / sent:.2%}" if sent else "–"),
        ("status", found.status),
    ]
    notes = [(notice.code, notice.message) for notice in found.warnings]
    return card(f"Recording {found.recording_id}", figures, recording_drawing(found), warnings(notes),
                folded("all figures", details))  # fmt: skip


def plan_card(plan: Plan, cast: Cast, details: str) -> str:
    """A plan; `details` is markup that is folded away."""
    figures = [
        ("canvas", f"{plan.canvas.w} × {plan.canvas.h}"),
        ("frames a second", str(plan.fps)),
        ("length", short((plan.end_ms - plan.start_ms) / 1000)),
        ("scenes", str(len(plan.scenes))),
    ]
    more = len(plan.scenes) - MOST_SCENES
    rest = element("p", words(f"and {more} more scenes"), style="opacity:.6") if more > 0 else ""
    return card("Plan", figures, storyboard(plan, cast), rest, folded("all scenes", details))


def export_card(made: ExportReport, player: str) -> str:
    """A finished export; `player` is markup that plays it, or nothing."""
    figures = [
        ("length", short(made.duration_ms / 1000)),
        ("size", size(made.bytes)),
        ("took", f"{made.seconds:.1f} s"),
        ("speed", f"{made.duration_ms / 1000 / made.seconds:.1f} × real time" if made.seconds else "–"),
        ("chunks rendered", f"{made.chunks.rendered} of {made.chunks.total}"),
        ("encoder", made.encoder),
    ]
    notes = [(w["code"], w["message"]) for w in made.warnings]
    return card(made.output, figures, player, chunk_strip(made), stage_bar(made.stages), warnings(notes))


def preview_card(made: PreviewReport) -> str:
    """Finished previews."""
    figures = [
        ("length", short(made.duration_ms / 1000)),
        ("streams", str(made.streams)),
        ("segments rendered", f"{made.segments.rendered} of {made.segments.total}"),
        ("of seconds", str(made.segment_seconds)),
        ("all playable after", f"{made.first_playable_s:.1f} s"),
        ("took", f"{made.seconds:.1f} s"),
    ]
    notes = [(w["code"], w["message"]) for w in made.warnings]
    return card(f"Previews in {made.output}", figures, warnings(notes))


def chunk_strip(made: ExportReport) -> str:
    """The picture's chunks from left to right: rendered now, or found in the cache."""
    chunk_frames = 8 * made.fps
    first = made.rendered_frames[0][0] if made.rendered_frames else 0
    begin = min(first, 0 if made.chunks.cached else first)
    end = max([begin + made.frames, *(stop for _, stop in made.rendered_frames)])
    if not made.chunks.total:
        return ""
    scale = _STRIP_W / max(1, end - begin)
    kept = bar(0, 0, _STRIP_W, 12, "from the cache", rx=3, fill=_KEPT, fill_opacity=0.55)
    new = [bar((a - begin) * scale, 0, (b - a) * scale - 1, 12, f"rendered: frames {a} to {b}", rx=2, fill=_NEW)
           for a, b in made.rendered_frames]  # fmt: skip
    said = f"{made.chunks.rendered} chunks of {chunk_frames} frames rendered, {made.chunks.cached} from the cache"
    strip = drawing(_STRIP_W, 12, [kept if made.chunks.cached else "", *new], said)
    return strip + legend((("rendered now", _NEW), ("from the cache", _KEPT)))


def stage_bar(stages: Mapping[str, float]) -> str:
    """Where the workers' processor time went."""
    told = [(name, stages[name]) for name in _STAGES if stages.get(name, 0) > 0]
    total = sum(seconds for _, seconds in told)
    parts, x = [], 0.0
    for name, seconds in told:
        w = _STRIP_W * seconds / total
        parts.append(bar(x, 0, w - 1, 12, f"{_stage(name)}: {seconds:.1f} s", rx=2, fill=_STAGES[name]))
        x += w
    if not parts:
        return ""
    named = [(f"{_stage(name)} {seconds / total:.0%}", _STAGES[name]) for name, seconds in told]
    return drawing(_STRIP_W, 12, parts, "Processor time by stage") + legend(named)


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """Words with a dot of their colour."""
    dot = "display:inline-block;width:9px;height:9px;border-radius:3px;margin-right:5px;background:"
    told = "".join(element("span", element("span", "", style=dot + colour), words(name)) for name, colour in entries)
    return element("div", told, style="display:flex;gap:16px;font-size:11px;opacity:.75;margin:3px 0 10px")


def warnings(found: Sequence[tuple[str, str]]) -> str:
    """Codes and messages, or nothing."""
    code = "color:#b45309;font-family:ui-monospace,monospace;margin-right:8px"
    told = "".join(element("li", element("span", words(name), style=code), words(said)) for name, said in found)
    return element("ul", told, style="margin:6px 0;padding-left:18px") if told else ""


def folded(title: str, markup: str) -> str:
    """Markup that is shown when its title is clicked."""
    head = element("summary", words(title), style="cursor:pointer;opacity:.7;margin-top:6px")
    return element("details", head, element("div", markup, style="overflow-x:auto"))


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1e5:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _figure(name: str, value: str) -> str:
    small = element("div", words(name), style="font-size:11px;opacity:.6")
    return element("div", small, element("div", words(value), style="font-variant-numeric:tabular-nums"))


def _stage(name: str) -> str:
    return name.replace("video_", "").replace("audio_encode", "encode sound").replace("audio_", "")
