"""Previews of real recordings and of a generated meeting, judged from their files alone by software that is not ours:
playlists, segments, and the truth that pictures and sound tell. What a browser makes of them: test_preview_browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from compositing.geometry import Rect, Size, fit_picture
from renderer.chunk import SpanRenderer
from renderer.workbench import Workbench
from tests.support.barcode import Luma, read_barcode
from tests.support.exports import composed_of
from tests.support.hls_check import GRID_FPS, TICKS, HlsStream, check_stream, pictures, read_stream, samples_of_stream
from tests.support.preview_truth import check_told_times, look
from tests.support.previews import Preview, Previews, SourceTruth, Stream, skip_without
from tests.support.programs import program
from tests.support.truth import beeps

RECORDINGS = skip_without(["meeting", "standup", "codecs", "lossy", "bigroom"])
SEGMENT_S = 4
PEERS_APART_MS, SOUND_OFF_MS = 40.0, 45.0
EVERY = 3
"""Of the large renditions one segment in so many is decoded; of the small ones all are."""
MAY_MISS_BEEPS = {"lossy": 0.2, "bigroom": 0.2}
"""Lost packets, and Opus waking up late from silence, take some."""

pytestmark = pytest.mark.parametrize("preview", RECORDINGS, indirect=True)


@pytest.fixture
def preview(request: pytest.FixtureRequest, previews: Previews) -> Preview:
    return previews.of(request.param)


@cache
def files_at(playlist: Path) -> HlsStream:
    """Each stream is read once."""
    return read_stream(playlist)


def files(preview: Preview, stream: Stream) -> HlsStream:
    return files_at(preview.folder / stream.playlist)


# ---- structure ---------------------------------------------------------------------------------------------


def test_each_stream_is_whole_and_on_the_grid(preview: Preview) -> None:
    assert preview.manifest["duration_ms"] == preview.duration_ms > 0
    for stream in preview.streams:
        check_stream(files(preview, stream), seconds=SEGMENT_S, duration_ms=preview.duration_ms)


def test_segment_k_of_every_peer_begins_at_the_same_tick(preview: Preview) -> None:
    begins = [[run.first_tick for run in files(preview, s).video] for s in preview.streams]
    assert all(ticks == begins[0] for ticks in begins)
    assert begins[0] == [k * SEGMENT_S * TICKS for k in range(len(begins[0]))]
    heard = [[run.first_tick for run in files(preview, s).audio] for s in preview.streams if s.name != "video"]
    assert all(ticks == heard[0] for ticks in heard)


def test_ffprobe_finds_nothing_to_complain_of(preview: Preview) -> None:
    """Of the small renditions it decodes every picture."""
    for stream in preview.streams:
        count = "-count_frames" if stream.name == "av_low" else "-count_packets"
        command = [program("ffprobe", "ffmpeg"), "-v", "warning", count, "-show_streams", "-of", "json"]
        done = subprocess.run([*command, str(preview.folder / stream.playlist)],
                              capture_output=True, text=True, timeout=120, check=True)  # fmt: skip
        assert done.stderr == "", stream
        found = {s["codec_type"]: s for s in json.loads(done.stdout)["streams"]}
        made = files(preview, stream)
        assert set(found) == ({"video"} if stream.name == "video" else {"video", "audio"})
        assert (found["video"]["width"], found["video"]["height"]) == (stream.width, stream.height)
        assert found["video"]["color_space"] == "smpte170m"
        counted = int(found["video"].get("nb_read_frames") or found["video"]["nb_read_packets"])
        assert counted == sum(len(run.samples) for run in made.video)


def test_the_manifest_tells_what_is_there(preview: Preview) -> None:
    named = {"manifest.json"}
    for peer in preview.manifest["peers"]:
        drawn = json.loads((preview.folder / peer["waveform"]).read_text())
        seconds = preview.duration_ms / 1000
        assert abs(drawn["length"] * drawn["samples_per_pixel"] / drawn["sample_rate"] - seconds) <= 0.1
        assert len(drawn["data"]) == 2 * drawn["length"]
        named.add(peer["waveform"])
        for told in peer["streams"]:
            named |= check_told(preview, told)
    there = {str(p.relative_to(preview.folder)) for p in preview.folder.rglob("*") if p.is_file()}
    assert {name for name in there if not name.startswith(".records/")} == named


def check_told(preview: Preview, told: dict[str, object]) -> set[str]:
    """Checks one stream of the manifest; the files that it names."""
    playlist = str(told["playlist"])
    folder, name = playlist.rsplit("/", 1)[0], str(told["name"])
    made = files_at(preview.folder / playlist)
    assert told["segments"] == len(made.segments)
    fastest = max(8 * size / s for size, s in zip(made.sizes, made.seconds, strict=True))
    assert told["bandwidth"] == pytest.approx(fastest, rel=0.01)
    numbers = range(1, len(made.segments) + 1)
    runs: list[list[int]] = told["still_segments"]  # type: ignore[assignment]
    stills = {f"{folder}/still_{k:04d}.jpg" for a, b in runs for k in range(a, b + 1)}
    return {playlist, f"{folder}/{name}_init.mp4", *(f"{folder}/{name}_{k:04d}.m4s" for k in numbers), *stills}


def test_where_nobody_is_seen_segments_cost_next_to_nothing(preview: Preview) -> None:
    """4 MB an hour are 4444 bytes in 4 s, sound included."""
    for stream in preview.streams:
        made = files(preview, stream)
        for k, size in enumerate(made.sizes):
            begin, end = k * SEGMENT_S * 1000, (k + 1) * SEGMENT_S * 1000
            if not any(s.start_ms < end and begin < s.end_ms for s in stream.spans):
                pictures_only = sum(map(len, made.video[k].samples))
                assert pictures_only < 2200, (stream, k, pictures_only)
                silent = not made.audio or sum(map(len, made.audio[k].samples)) < 1700
                assert size < 4444 or not silent, (stream, k, size)


# ---- truth -------------------------------------------------------------------------------------------------


def shown(preview: Preview, stream: Stream) -> Iterator[tuple[float, Luma]]:
    """(ms, luma) of the pictures that are looked at: single segments decode by themselves."""
    made, base = files(preview, stream), preview.folder / stream.playlist
    init = base.with_name(f"{stream.name}_init.mp4").read_bytes()
    step = 1 if stream.name == "av_low" else EVERY
    for k in range(1, len(made.segments) + 1, step):
        for tick, luma in pictures(init + base.with_name(f"{stream.name}_{k:04d}.m4s").read_bytes()):
            yield tick / 90, luma


def test_pictures_tell_the_time_at_which_they_are_shown(preview: Preview) -> None:
    medians = []
    for stream in (s for s in preview.streams if (s.peer_id, s.source) in preview.truths):
        seen = look(preview, stream, shown(preview, stream))
        if not seen.asked:
            continue
        median = check_told_times(preview, stream, seen)
        if stream.name == "av":
            medians.append(median)
    assert medians
    assert max(medians) - min(medians) <= PEERS_APART_MS, medians


def test_beeps_are_heard_on_the_second_in_every_rendition(preview: Preview) -> None:
    for stream in (s for s in preview.streams if s.name == "av_low"):
        truth = heard_truth(preview, stream)
        if truth is None or not truth.beeps_ms:
            continue
        onsets = beeps(samples_of_stream(files(preview, stream).data), truth.beep_hz)
        seconds = np.round((onsets - 30) / 1000) * 1000
        assert np.abs(onsets - seconds).max() <= SOUND_OFF_MS + 20, (stream, onsets - seconds)
        expected = [b for b in truth.beeps_ms if b < preview.duration_ms - 200]
        missed = set(expected) - set(seconds.tolist())
        assert len(missed) <= MAY_MISS_BEEPS.get(preview.name, 0.0) * len(expected), (stream, sorted(missed))


def heard_truth(preview: Preview, stream: Stream) -> SourceTruth | None:
    return preview.truths.get((stream.peer_id, "camera"))


def test_both_renditions_have_the_same_sound(preview: Preview) -> None:
    for large in (s for s in preview.streams if s.name == "av"):
        (small,) = (s for s in preview.streams if (s.name, s.peer_id) == ("av_low", large.peer_id))
        sounds = [[run.samples for run in files(preview, s).audio] for s in (large, small)]
        assert sounds[0] == sounds[1]


# ---- against the export ------------------------------------------------------------------------------------

ALONE = {"labels": False, "highlight_speaker": False, "corner_radius": 0, "gap": 0, "background": "#000000",
         "fit": "contain", "screenshare_fit": "contain", "screenshare": "off", "transition_ms": 0}  # fmt: skip
COMPARED_MS = (12_000, 20_000)
"""Both ends are those of segments."""


def test_each_frame_is_the_one_that_the_export_shows(preview: Preview) -> None:
    """The peer alone on a canvas of the stream's size: the same picture at the same frame, scaled alike."""
    for stream in (s for s in preview.streams if s.name in ("av", "video")):
        if not any(s.start_ms < COMPARED_MS[1] and COMPARED_MS[0] < s.end_ms for s in stream.spans):
            continue
        told, drawn = preview_codes(preview, stream), export_codes(preview, stream)
        both = [n for n in drawn if drawn[n] and told.get(n)]
        assert len(both) >= 0.9 * sum(1 for n in drawn if drawn[n]), stream
        assert [told[n] for n in both] == [drawn[n] for n in both], stream


def preview_codes(preview: Preview, stream: Stream) -> dict[int, tuple[int, int] | None]:
    """What is read in each frame of the grid, held pictures repeated."""
    base = preview.folder / stream.playlist
    init = base.with_name(f"{stream.name}_init.mp4").read_bytes()
    first, end = (t * GRID_FPS // 1000 for t in COMPARED_MS)
    numbers = range(COMPARED_MS[0] // 1000 // SEGMENT_S + 1, COMPARED_MS[1] // 1000 // SEGMENT_S + 1)
    data = b"".join(base.with_name(f"{stream.name}_{k:04d}.m4s").read_bytes() for k in numbers)
    codes: dict[int, tuple[int, int] | None] = {}
    for tick, luma in pictures(init + data):
        n = tick * GRID_FPS // TICKS
        codes[n] = code_of(luma, stream, n)
    for n in range(first + 1, end):
        codes.setdefault(n, codes[n - 1])
    return codes


def export_codes(preview: Preview, stream: Stream) -> dict[int, tuple[int, int] | None]:
    """What is read on the canvases of an export of the same time."""
    source = "camera" if stream.source == "camera" else "screenshare"
    document = {
        "layout": "spotlight",
        "timeline": [{"t": 0, "type": "pin", "peer_id": stream.peer_id, "source": source}],
        "style": ALONE | ({} if source == "camera" else {"screenshare": "stage"}),
        "export": {"resolution": f"{stream.width}x{stream.height}", "fps": GRID_FPS, "start_ms": COMPARED_MS[0],
                   "end_ms": COMPARED_MS[1]},
    }  # fmt: skip
    composed = composed_of(preview.source, document)
    canvases = SpanRenderer(Workbench(composed.spec), composed.video_chunks(), lambda: 0.0).frames()
    return {n: code_of(picture.y, stream, n) for n, picture in zip(composed.frames, canvases, strict=True)}


def code_of(luma: Luma, stream: Stream, n: int) -> tuple[int, int] | None:
    rect = stream.rect_at(n * 1000 / GRID_FPS)
    return read_barcode(luma, rect.x, rect.y, rect.w, rect.h) if rect else None


def test_letterboxes_are_where_the_manifest_says(preview: Preview) -> None:
    for stream in preview.streams:
        frame = Rect(0, 0, stream.width, stream.height)
        told = next(t for p in preview.manifest["peers"] for t in p["streams"] if t["playlist"] == stream.playlist)
        for span in told["spans"]:
            _, place = fit_picture(Size(span["width"], span["height"]), frame, "contain")
            assert span["rect"] == {"x": place.x, "y": place.y, "w": place.w, "h": place.h}
