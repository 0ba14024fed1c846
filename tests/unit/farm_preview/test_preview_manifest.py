"""What a manifest says of its streams."""

from __future__ import annotations

from pathlib import Path

from farm.preview_manifest import manifest
from farm.preview_plan import PreviewChoices
from tests.support.preview_facts import empty_recording, understood
from tests.support.preview_streams import planned


def test_it_says_when_a_source_has_a_picture_and_where_that_lies(tmp_path: Path) -> None:
    shapes = ((1000, 5000, 640, 360), (5000, 9000, 360, 360))
    prepared, asked = understood(empty_recording(tmp_path), {}, shapes=shapes), PreviewChoices(audio=True)
    streams = list(planned(prepared, asked).values())
    codecs = {rendition: "" for stream in streams for rendition in stream.stream.renditions}
    (ada,) = manifest(prepared, asked, streams, codecs, {}, "engine")["peers"]
    told = {stream["name"]: stream for stream in ada["streams"]}
    assert told["av"]["spans_ms"] == told["av_low"]["spans_ms"] == [[1000, 5000], [5000, 9000]]
    assert [span["rect"] for span in told["av"]["spans"]] == [
        {"x": 0, "y": 0, "w": 640, "h": 360}, {"x": 140, "y": 0, "w": 360, "h": 360},
    ]  # fmt: skip
    assert "spans_ms" not in told["audio"], "sound alone has no picture"
