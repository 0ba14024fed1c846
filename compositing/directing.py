"""Which tiles stand where: a cast, a cue and who has spoken, turned into rectangles by a layout.

The large tile is, in this order: the pinned one; the screen whose sharing began last (where the style puts
screens on stage); the peer who spoke last; the peer who joined first. A grid has no large tile unless
something is pinned or shared; then it takes the speaker arrangement. Where not all sources fit, the stage,
the screens and those who spoke last stay. Knows no time: one moment in, its tiles out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compositing.casting import Cast, Company, Lit, camera_id
from compositing.cues import Cue, Setting
from compositing.geometry import Fit, NormRect, Rect, Size, to_pixels
from compositing.layouts import LAYOUTS, LayoutFrame, Slot, Source
from compositing.state import PlaceEvent, StyleState


@dataclass(frozen=True, slots=True)
class Shown:
    """A source on the canvas."""

    source: Source
    rect: Rect
    live: bool
    """Whether it has pictures; a camera without them is an avatar."""
    z: int = 0
    fit: Fit | None = None
    """None: as the style says."""
    crop: NormRect | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """Who may be shown between two changes of cast or cue."""

    layout: str
    arranged: tuple[Source, ...]
    """What the layout arranges: screens, then cameras, both in order of joining."""
    placed: tuple[Shown, ...]
    """What stands free, in drawing order."""
    forced: Source | None
    """The stage, where a pin or a shared screen decides it."""


Moment = tuple[int, int]
"""The numbers of the company and of the setting: what a bill depends on."""

_Question = tuple[Moment, Source | None, tuple[Source, ...] | None]


class Director:
    """Arranges moments in one style on one canvas; equal questions are answered once."""

    def __init__(self, frame: LayoutFrame, style: StyleState) -> None:
        self._frame = frame
        self._style = style
        self._companies: dict[Company, int] = {}
        self._settings: dict[Setting, int] = {}
        self._bills: dict[Moment, Bill] = {}
        self._asked: tuple[Company | None, Setting | None] = (None, None)
        self._answer: tuple[Moment, Bill]
        self._answers: dict[tuple[Moment, frozenset[str], tuple[str, ...]], tuple[Shown, ...]] = {}
        self._slots: dict[_Question, list[Slot]] = {}
        self._shown: dict[_Question, list[tuple[Shown, Shown]]] = {}

    def shown(self, cast: Cast, lit: Lit, cue: Cue, recent: tuple[str, ...]) -> tuple[Shown, ...]:
        """The tiles of a moment, in drawing order; the same object for the same question.

        `recent` are those who spoke, the last one first.
        """
        moment, bill = self._present(cast.company, cue.setting)
        question = moment, lit.peers, recent
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = tuple(
                lit_one if shown.source.peer_id in lit.peers else shown
                for shown, lit_one in self._placed(moment, bill, recent)
            )
        return answer

    def _placed(self, moment: Moment, bill: Bill, recent: Sequence[str]) -> list[tuple[Shown, Shown]]:
        """The tiles of a moment, each as it is while its peer's camera is off, and while it is on."""
        stage = stage_of(bill, recent)
        kept = self._kept(moment, bill, stage, recent)
        question = moment, stage, kept
        shown = self._shown.get(question)
        if shown is None:
            slots = self._arranged(moment, bill, stage, kept)
            shown = self._shown[question] = _both_ways(bill, slots)
        return shown

    def _present(self, company: Company, setting: Setting) -> tuple[Moment, Bill]:
        """The bill of a moment, at once where it is that of the moment before."""
        if company is not self._asked[0] or setting is not self._asked[1]:
            moment = (
                self._companies.setdefault(company, len(self._companies)),
                self._settings.setdefault(setting, len(self._settings)),
            )
            bill = self._bills.get(moment)
            if bill is None:
                bill = self._bills[moment] = bill_of(company, setting, self._style, self._frame.canvas)
            self._asked = company, setting
            self._answer = moment, bill
        return self._answer

    @property
    def answers(self) -> int:
        """How many arrangements are remembered."""
        return len(self._answers)

    def _kept(
        self, moment: Moment, bill: Bill, stage: Source | None, recent: Sequence[str]
    ) -> tuple[Source, ...] | None:
        """The sources that have a tile where not all have one; None where all have."""
        room = len(self._arranged(moment, bill, stage, None))
        if room == len(bill.arranged):
            return None
        return most_wanted(bill.arranged, stage, recent, room)

    def _arranged(
        self, moment: Moment, bill: Bill, stage: Source | None, kept: tuple[Source, ...] | None
    ) -> list[Slot]:
        question = (moment, stage, kept)
        slots = self._slots.get(question)
        if slots is None:
            limit = max(1, self._style.max_tiles - len(bill.placed))
            sources = most_wanted(bill.arranged, stage, (), limit) if kept is None else kept
            slots = self._slots[question] = LAYOUTS[arrangement(bill, stage)](self._frame, sources, stage)
        return slots


def bill_of(company: Company, setting: Setting, style: StyleState, canvas: Size) -> Bill:
    """Who may be shown: those in the room and not hidden, the placed ones apart."""
    screens = company.screens if style.screenshare != "off" else ()
    seen = {screen.tile_id: screen for screen in screens if screen.peer_id not in setting.hidden}
    seen |= {camera_id(p): Source(camera_id(p), p, "camera") for p in company.peers if p not in setting.hidden}
    placed = [_free(seen.pop(tile_id), event, canvas) for tile_id, event in setting.placed if tile_id in seen]
    forced = seen.get(setting.pin) if setting.pin else None
    if forced is None and style.screenshare == "stage":
        forced = next((screen for screen in company.newest if screen.tile_id in seen), None)
    return Bill(setting.layout, tuple(seen.values()), tuple(sorted(placed, key=lambda shown: shown.z)), forced)


def stage_of(bill: Bill, recent: Sequence[str]) -> Source | None:
    """The large tile; None in a grid in which nothing is pinned or shared, and where there is no source."""
    if bill.forced is not None or bill.layout == "grid":
        return bill.forced
    cameras = {source.peer_id: source for source in bill.arranged if source.kind == "camera"}
    spoke = next((cameras[peer_id] for peer_id in recent if peer_id in cameras), None)
    return spoke or next(iter(cameras.values()), None) or next(iter(bill.arranged), None)


def arrangement(bill: Bill, stage: Source | None) -> str:
    """The layout that arranges `bill`."""
    return "speaker" if bill.layout == "grid" and stage is not None else bill.layout


def most_wanted(
    sources: Sequence[Source], stage: Source | None, recent: Sequence[str], count: int
) -> tuple[Source, ...]:
    """At most `count` of `sources`, in their order: the stage, screens, who spoke last, who joined first."""
    if count >= len(sources):
        return tuple(sources)
    rank = {peer_id: i for i, peer_id in enumerate(recent)}
    order = sorted(
        range(len(sources)),
        key=lambda i: (
            sources[i] != stage,
            sources[i].kind != "screenshare",
            rank.get(sources[i].peer_id, len(rank)),
            i,
        ),
    )
    return tuple(sources[i] for i in sorted(order[:count]))


def _free(source: Source, event: PlaceEvent, canvas: Size) -> Shown:
    crop = event.crop.norm if event.crop else None
    live = source.kind == "screenshare"
    return Shown(source, to_pixels(event.rect.norm, canvas), live, event.z, event.fit, crop)


def _both_ways(bill: Bill, slots: Sequence[Slot]) -> list[tuple[Shown, Shown]]:
    """Each tile as it is while its peer's camera is off, and while it is on."""
    by_id = {source.tile_id: source for source in bill.arranged}
    arranged = [Shown(by_id[s.tile_id], s.rect, by_id[s.tile_id].kind == "screenshare") for s in slots]
    return [(shown, replace(shown, live=True)) for shown in (*arranged, *bill.placed)]
