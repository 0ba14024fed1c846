"""The code on the how-to pages does what the pages say, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.geometry import Size
from compositing.layouts import LAYOUTS, LayoutFrame, Source
from renderer.errors import MalformedPayload
from renderer.rtp.packet import Payloads

PAGES = Path(__file__).resolve().parents[2] / "docs" / "how-to"
PEERS = [Source(f"p{n}/camera", f"p{n}", "camera") for n in range(9)]


def code_of(page: str) -> ModuleType:
    """The first piece of Python on a page, as a module."""
    code = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)[0]
    module = ModuleType("tried")
    exec(compile(code, page, "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("canvas", [Size(1920, 1080), Size(720, 1280), Size(16, 16)])
def test_the_layout_is_one(canvas: Size, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compositing.layouts.base.LAYOUTS", dict(LAYOUTS))
    cinema = code_of("add-a-layout.md").cinema
    for count in range(len(PEERS) + 1):
        stage = PEERS[0] if count else None
        slots = cinema(LayoutFrame.scaled(canvas, 8), PEERS[:count], stage)
        assert len({slot.tile_id for slot in slots}) == len(slots)
        assert count == 0 or slots[0].tile_id == "p0/camera"
        for slot in slots:
            rect = slot.rect
            assert all(side % 2 == 0 for side in (rect.x, rect.y, rect.w, rect.h))
            assert rect.x >= 0
            assert rect.y >= 0
            assert rect.right <= canvas.w
            assert rect.bottom <= canvas.h
    assert "cinema" not in LAYOUTS


def payloads_of(parts: list[bytes]) -> Payloads:
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    starts = ends - np.array([len(part) for part in parts], np.int64)
    return Payloads(np.frombuffer(b"".join(parts), np.uint8), starts, ends)


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=8))
def test_the_payload_format_takes_anything(parts: list[bytes]) -> None:
    facts = code_of("add-a-codec.md").inspect(payloads_of(parts))
    assert [len(column) for column in (facts.valid, facts.starts, facts.width)] == [len(parts)] * 3
    assert not np.any(facts.starts & ~facts.valid)


def test_the_payload_format_puts_a_picture_together_up_to_a_loss() -> None:
    tried = code_of("add-a-codec.md")
    header = bytes([1, 255, 320 // 8, 176 // 8])
    parts = [(n * 3).to_bytes(4, "big") + header + data for n, data in enumerate((b"abc", b"def", b"g"))]
    facts = tried.inspect(payloads_of(parts))
    assert facts.starts.tolist() == [True, False, False]
    assert (facts.width[0], facts.height[0]) == (320, 176)
    assert tried.depacketise(parts) == b"abcdefg"
    assert tried.depacketise([parts[0], None, parts[2]]) == b"abc"
    with pytest.raises(MalformedPayload):
        tried.depacketise([b"short"])
