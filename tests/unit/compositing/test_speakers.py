"""Who has the stage, from who spoke when."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.speakers import HOLD_MS, floors
from compositing.times import Span, merge

TABLE = [
    ("nobody spoke, nobody has the floor", {"a": []}, []),
    ("the first to speak has it at once", {"a": [], "b": [(300, 900)]}, [(300, "b")]),
    ("in silence the last speaker stays", {"a": [(0, 900)], "b": [(60_000, 61_000)]}, [(0, "a"), (60_000, "b")]),
    (
        "a quick reply waits until the floor was held long enough",
        {"a": [(0, 500)], "b": [(500, 4000)]},
        [(0, "a"), (1500, "b")],
    ),
    ("a reply that ends before that does not take the floor", {"a": [(0, 500)], "b": [(500, 1400)]}, [(0, "a")]),
    ("a short word in between does not take it", {"a": [(0, 9000)], "b": [(4000, 4800)]}, [(0, "a")]),
    ("who goes on talking over the holder takes it", {"a": [(0, 9000)], "b": [(4000, 9000)]}, [(0, "a"), (5500, "b")]),
    (
        "an open microphone does not take it back by itself",
        {"a": [(0, 60_000)], "b": [(4000, 9000)]},
        [(0, "a"), (5500, "b"), (9000, "a")],
    ),
    (
        "of two who talk the one who began first is next",
        {"a": [(0, 5000)], "b": [(4500, 9000)], "c": [(4400, 9000)]},
        [(0, "a"), (5000, "c")],
    ),
    ("of two who begin together it is the one who joined first", {"a": [(100, 900)], "b": [(100, 900)]}, [(100, "a")]),
    (
        "speech handed over without a pause moves the floor on the instant",
        {"a": [(0, 5000)], "b": [(5000, 9500)]},
        [(0, "a"), (5000, "b")],
    ),
]


@pytest.mark.parametrize(("sentence", "speech", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_the_floor(sentence: str, speech: dict[str, list[tuple[int, int]]], expected: list[tuple[int, str]]) -> None:
    spans = [(peer, tuple(Span(*pair) for pair in pairs)) for peer, pairs in speech.items()]
    assert [(floor.start_ms, floor.recent[0]) for floor in floors(spans)] == expected, sentence


def test_those_who_had_the_floor_are_remembered_last_one_first() -> None:
    spans = [("a", (Span(0, 2000),)), ("b", (Span(2000, 4000),)), ("c", (Span(9000, 9500),))]
    assert [floor.recent for floor in floors(spans)] == [("a",), ("b", "a"), ("c", "b", "a")]


SPEECH = st.lists(
    st.lists(st.builds(lambda a, n: Span(a, a + n), st.integers(0, 20_000), st.integers(1, 6000)), max_size=6).map(
        merge
    ),
    max_size=4,
).map(lambda all_spans: [(f"p{i}", spans) for i, spans in enumerate(all_spans)])


@given(SPEECH)
def test_nobody_has_the_floor_for_less_than_the_hold_and_everybody_takes_it_while_speaking(
    speech: list[tuple[str, tuple[Span, ...]]],
) -> None:
    changes = floors(speech)
    assert all(b.start_ms - a.start_ms >= HOLD_MS for a, b in itertools.pairwise(changes))
    for change in changes:
        assert any(change.start_ms in span for span in dict(speech)[change.recent[0]])
    holders = [change.recent[0] for change in changes]
    assert all(a != b for a, b in itertools.pairwise(holders))


@given(SPEECH, st.integers(0, 26_000))
def test_what_is_said_later_changes_nothing_before(speech: list[tuple[str, tuple[Span, ...]]], t: int) -> None:
    heard = [(peer, tuple(part for span in spans if (part := span.clip(Span(0, t))))) for peer, spans in speech]
    before = [floor for floor in floors(speech) if floor.start_ms < t]
    assert [floor for floor in floors(heard) if floor.start_ms < t] == before
