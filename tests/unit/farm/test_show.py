"""What is drawn for notebooks: well-formed whoever is called what, and true to what it was drawn from."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.geometry import Rect, Size
from compositing.scene import PeerSpans, Plan, Scene, Tile, Transition
from compositing.timeline import scene_at
from compositing.times import Span
from compositing.transition import tiles_at
from farm.cards import export_card, plan_card, preview_card, recording_card, size, stage_bar
from farm.events import TaskDone, TaskStarted
from farm.preview import PreviewReport
from farm.run import Counts, ExportReport
from farm.show.axis import PALETTE, Axis, Cast, cut, short
from farm.show.film import film
from farm.show.storyboard import MOST_SCENES, storyboard
from farm.show.tasks import Ran, task_stream
from farm.watch import Watch
from renderer.report import PeerReport, RecordingReport, TrackReport
from storage.notices import Notice

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """<img src=x onerror="alert('&')"> </svg><script>1</script>\u202e\x00 ]]> 💥"""
CANVAS = Size(320, 180)


def tile(peer_id: str, x: int, w: int, **more: object) -> Tile:
    return replace(Tile(f"{peer_id}/camera", "video", Rect(x, 0, w, 180), peer_id, "camera"), **more)  # type: ignore[arg-type]


def plan(name: str = "Ada") -> Plan:
    """Ada alone, then Ben beside her, with a transition of 400 ms, and a text."""
    both = (tile("a", 0, 160, highlight=True), tile("b", 160, 160, kind="avatar"))
    words = Tile("text/0", "text", Rect(0, 100, 320, 40), text=name, z=5)
    scenes = (
        Scene(1000, 3000, "spotlight", "#101418", (tile("a", 0, 320, highlight=True),)),
        Scene(3000, 5000, "split", "#101418", (*both, words), Transition(400)),
    )
    return Plan(CANVAS, 30, 1000, 5000, scenes, speech=(PeerSpans("a", (Span(1500, 2000),)),))


def track(name: str = "Ada", **more: object) -> TrackReport:
    counts = dict.fromkeys(("duplicates", "reordered", "invalid", "incomplete"), 0)
    spans = {"shapes": (), "freezes": (Span(1000, 2000),), "gaps": (Span(3000, 4000),), "pauses": ()}
    made = TrackReport(
        "t", "a", name, "video", "vp8", 0.5, 9.5, 9.0, 1, 1000, 80.0, 100, 10, 10.0, rows=50, keyframes=1,
        max_keyframe_interval_s=9.0, drift_ppm=0.0, clock_fits=1, **counts, **spans,
    )  # type: ignore[arg-type]  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def report(name: str = "Ada") -> RecordingReport:
    peer = PeerReport("a", name, (Span(0, 10_000),), 10.0, 3.0, 0.3, None)
    notice = Notice("packets-lost", f"{name} lost 10 %", "t")
    return RecordingReport("id", "room", "url", "completed", 0.0, 10.0, 1000, (track(name),), (peer,), (notice,))


def export_report(**more: object) -> ExportReport:
    made = ExportReport(
        "/out/a.mp4", 32_000.0, 960, 30, "x264", Counts(4, 1, 3), Counts(4, 1, 3), ((480, 720),),
        ({"code": "glyph-missing", "message": "no font has <"},), 4.0, {"video_decode": 1.0, "video_encode": 3.0}, 9, 1,
        2_000_000,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def bars(root: Element, title: str) -> list[Element]:
    found = [e for e in root.iter(f"{SVG}rect") if (t := e.find(f"{SVG}title")) is not None and title in (t.text or "")]
    assert found, title
    return found


def number(element: Element, name: str) -> float:
    return float(element.attrib[name])


@pytest.mark.parametrize("name", [HOSTILE, "", "x" * 500, "ﷺ\n\r\t", "𝔄" * 40])
def test_a_name_is_shown_and_does_nothing_else(name: str) -> None:
    cast = Cast({"a": name, "b": name})
    made = [
        recording_card(report(name), ""),
        plan_card(plan(name), cast, ""),
        film(plan(name), cast, 5),
        export_card(export_report(output=name), ""),
        preview_card(PreviewReport(name, 1000, "low", 4, 2, Counts(2, 1, 1), 9, (), 1.0, 0.5)),
        task_stream([Ran(name, name, name, 0.0, 1.0)]),
    ]
    for markup in made:
        names = {e.tag.removeprefix(SVG) for e in ElementTree.fromstring(markup).iter()}
        assert names & {"script", "img", "foreignObject", "iframe"} == set()
        assert not [k for e in ElementTree.fromstring(markup).iter() for k in e.attrib if k.startswith("on")]


@given(st.text())
def test_any_text_is_well_formed(said: str) -> None:
    ElementTree.fromstring(film(plan(said), Cast({"a": said}), 1))


def test_what_was_wrong_stands_where_it_was() -> None:
    root = ElementTree.fromstring(recording_card(report(), ""))
    axis = Axis(10.0)
    (gap,), (frozen,) = bars(root, "nothing came"), bars(root, "frozen, ")
    assert (number(gap, "x"), number(gap, "width")) == pytest.approx((axis.x(3), axis.x(4) - axis.x(3)), abs=0.01)
    assert number(frozen, "x") == pytest.approx(axis.x(1), abs=0.01)
    assert "packets-lost" in recording_card(report(), "")
    assert "9.09%" in recording_card(report(), "")


def test_a_recording_without_anything_can_be_drawn() -> None:
    empty = replace(report(), tracks=(), peers=(), duration_s=0.0)
    ElementTree.fromstring(recording_card(empty, ""))


def test_a_storyboard_has_the_tiles_where_the_plan_has_them() -> None:
    root = ElementTree.fromstring(storyboard(plan(), Cast({"a": "Ada", "b": "Ben"})))
    first, second = root.findall(f"{SVG}g")
    (ada,) = first.findall(f"{SVG}svg")
    scale = number(ada, "width") / 320
    placed = [(round(number(t, "x") / scale), round(number(t, "width") / scale)) for t in second.findall(f"{SVG}svg")]
    assert placed == [(0, 160), (160, 160), (0, 320)]


def test_a_long_plan_is_cut_and_says_so() -> None:
    scenes = tuple(replace(plan().scenes[0], start_ms=n * 100, end_ms=n * 100 + 100) for n in range(40))
    long = replace(plan(), start_ms=0, end_ms=4000, scenes=scenes)
    root = ElementTree.fromstring(storyboard(long, Cast({})))
    assert len(root.findall(f"{SVG}g")) == MOST_SCENES
    assert len(bars(root, "spotlight from")) == 40
    assert f"and {40 - MOST_SCENES} more scenes" in plan_card(long, Cast({}), "")


def at(animated: Element, name: str, share: float) -> float:
    """What SMIL shows of an attribute, a share of the film in."""
    for animate in animated.findall(f"{SVG}animate"):
        if animate.attrib["attributeName"] == name:
            times = [float(t) for t in animate.attrib["keyTimes"].split(";")]
            values = [float(v) for v in animate.attrib["values"].split(";")]
            assert (times[0], times[-1], times) == (0.0, 1.0, sorted(times))
            i = max(k for k, t in enumerate(times) if t <= share)
            if i == len(times) - 1:
                return values[-1]
            return values[i] + (values[i + 1] - values[i]) * (share - times[i]) / (times[i + 1] - times[i])
    return number(animated, name)


@pytest.mark.parametrize("t_ms", [1000, 2900, 3000, 3100, 3200, 3333, 3400, 4000])
def test_a_film_is_what_the_export_draws(t_ms: int) -> None:
    made = plan()
    root = ElementTree.fromstring(film(made, Cast({"a": "Ada", "b": "Ben"}), 8, width=320))
    share = (t_ms - made.start_ms) / (made.end_ms - made.start_ms)
    scene, previous = scene_at(made, t_ms)
    drawn = {t.tile_id: t for t in tiles_at(scene, previous, t_ms)}
    by_name = {"a/camera": "Ada", "b/camera": "Ben"}
    for tile_id, name in by_name.items():
        moving = next(s for s in root.findall(f"{SVG}svg") if any(t.text == name for t in s.iter(f"{SVG}text")))
        here = drawn.get(tile_id)
        assert at(moving, "opacity", share) == pytest.approx(here.opacity if here else 0, abs=0.06)
        if here:
            assert at(moving, "x", share) == pytest.approx(here.rect.x, abs=4)
            assert at(moving, "width", share) == pytest.approx(here.rect.w, abs=4)


def test_chunks_from_the_cache_and_new_ones_are_told_apart() -> None:
    root = ElementTree.fromstring(export_card(export_report(), ""))
    (new,) = bars(root, "rendered: frames 480 to 720")
    assert number(new, "x") == pytest.approx(460, abs=1)
    assert number(new, "width") == pytest.approx(230, abs=2)
    assert bars(root, "from the cache")


def test_stages_share_a_bar() -> None:
    told = stage_bar({"video_decode": 1.0, "video_encode": 3.0, "prepare": 99.0})
    root = ElementTree.fromstring(f"<div>{told}</div>")
    (decode,), (encode,) = bars(root, "decode"), bars(root, "encode")
    assert number(encode, "width") == pytest.approx(3 * number(decode, "width"), rel=0.01)
    assert stage_bar({}) == ""


def test_a_watch_knows_which_worker_did_what_when() -> None:
    now = iter([10.0, 11.0, 14.5])
    watch = Watch(lambda: next(now))
    watch(TaskStarted(key="k", name="render-video", worker="w1"))
    watch(TaskDone(key="k", name="render-video", worker="w1", seconds=3.4))
    assert watch.tasks == [Ran("k", "render-video", "w1", 1.0, 4.5)]
    assert watch.rows()[1] == {
        "at_s": 4.5, "type": "TaskDone", "key": "k", "name": "render-video", "worker": "w1", "seconds": 3.4,
    }  # fmt: skip
    root = ElementTree.fromstring(watch._repr_html_())
    (drawn,) = bars(root, "render-video k: 3.50 s, from 1.00 s")
    assert number(drawn, "x") == pytest.approx(Axis(4.5).x(1.0), abs=0.01)


def test_words_and_numbers_are_short() -> None:
    assert [short(s) for s in (0, 61.25, 3600)] == ["0:00.0", "1:01.2", "1:00:00.0"]
    assert [size(n) for n in (900, 1_000_000, 2_500_000_000)] == ["0.9 kB", "1.0 MB", "2.5 GB"]
    assert cut("abcdef", 4) == "abc…"
    assert Cast({"a": "A", "b": "B"}).colour("b") == PALETTE[1]
    assert Cast({}).colour(None) == Cast({}).colour("x")
