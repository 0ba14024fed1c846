"""Stitched files against the chunks they were made of: read by FFmpeg, and by a reader of our own."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from renderer.concat import READ_BYTES, ChunkRef, StitchReport, stitch
from renderer.errors import ChunksDoNotMatch, CorruptChunk
from renderer.samples import pack_audio_chunk, pack_video_chunk, unpack_chunk
from storage.local import LocalStore
from tests.support.chunks import audio_chunk, luma_of, ref, video_chunk
from tests.support.mp4_check import check_mp4
from tests.support.programs import program

FPS = 30
SECOND = 48_000
LENGTHS = (1, 2, 3, 61, 97, 132)


class Pipe:
    """A sink that can only be written to."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(data)
        return len(data)

    @property
    def written(self) -> bytes:
        return b"".join(self._pieces)


def video_refs(lengths: Sequence[int], first: int = 0, fps: int = FPS) -> list[ChunkRef]:
    starts = [first + sum(lengths[:i]) for i in range(len(lengths))]
    return [ref(f"v{s}", video_chunk(s, n, fps)) for s, n in zip(starts, lengths, strict=True)]


def audio_refs(sound: NDArray[np.float32], chunks: Sequence[int], priming: int = 1) -> list[ChunkRef]:
    return [ref(f"a{k}", audio_chunk(sound, k, priming=priming)) for k in chunks]


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros((round(seconds * SECOND), 2), np.float32)


def clicks(times_s: Sequence[float], seconds: float) -> NDArray[np.float32]:
    sound = silence(seconds)
    sound[[round(t * SECOND) for t in times_s]] = 0.9
    return sound


def decode_audio(data: bytes) -> NDArray[np.float32]:
    with av.open(io.BytesIO(data)) as file:
        planes = [frame.to_ndarray() for frame in file.decode(audio=0)]
    return np.concatenate(planes, axis=1).T


def decode_pictures(data: bytes) -> list[tuple[float, str]]:
    """Each picture's time in seconds and digest."""
    with av.open(io.BytesIO(data)) as file:
        return [(frame.time, _digest(frame)) for frame in file.decode(video=0)]


def decode_chunk(chunk: ChunkRef) -> list[str]:
    """The digests of a chunk's pictures, decoded by itself without any container."""
    header, samples = unpack_chunk(chunk.fetch(0, 1 << 30))
    context = av.CodecContext.create("h264", "r")
    context.extradata = header.config
    frames = [frame for sample in samples for frame in context.decode(av.Packet(sample))]
    return [_digest(frame) for frame in [*frames, *context.decode(None)]]


def _digest(frame: av.VideoFrame) -> str:
    return hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest()


def run(
    video: list[ChunkRef] | None,
    audio: list[ChunkRef],
    frames: tuple[int, int],
    samples: tuple[int, int] | None = None,
    fps: int = FPS,
) -> tuple[bytes, StitchReport]:
    """The file of frames [first, end), with the sound that belongs to them unless told otherwise."""
    first_sample, end_sample = samples or (frames[0] * SECOND // fps, frames[1] * SECOND // fps)
    sink = Pipe()
    report = stitch(
        sink,
        video,
        audio,
        fps=fps,
        first_frame=frames[0],
        frame_count=frames[1] - frames[0],
        first_sample=first_sample,
        sample_count=end_sample - first_sample,
    )
    assert report.bytes == len(sink.written)
    return sink.written, report


def test_a_stitched_file_is_its_chunks_and_nothing_else(tmp_path: Path) -> None:
    chunks, total = video_refs(LENGTHS), sum(LENGTHS)
    sound = clicks((0, 0.1, 1, 3, 5, 7.9, 8, 9.5), 10)
    data, report = run(chunks, audio_refs(sound, (0, 1)), (0, total))
    assert (report.frames, report.samples) == (total, total * 1600)
    assert report.duration_s == pytest.approx(total / FPS)

    facts = check_mp4(_saved(tmp_path, data))
    assert facts.problems == []
    assert facts.video_pts == [Fraction(n, FPS) for n in range(total)]
    assert facts.video_s == facts.audio_s == Fraction(total, FPS)
    assert facts.faststart
    assert facts.colour == (6, 6, 6, 0)
    starts = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    assert set(starts) <= set(facts.keyframes)

    pictures = decode_pictures(data)
    assert [time for time, _ in pictures] == pytest.approx([n / FPS for n in range(total)], abs=1e-9)
    assert [digest for _, digest in pictures] == [d for chunk in chunks for d in decode_chunk(chunk)]
    _check_clicks(decode_audio(data), (0, 0.1, 1, 3, 5, 7.9, 8, 9.5))


def test_the_pictures_are_the_ones_asked_for() -> None:
    data, _ = run(video_refs((40, 25), first=480), audio_refs(silence(20), (2,)), (480, 545))
    with av.open(io.BytesIO(data)) as file:
        for n, frame in enumerate(file.decode(video=0)):
            error = np.abs(frame.to_ndarray()[: frame.height].astype(int) - luma_of(480 + n)).mean()
            assert error < 4, f"frame {n}"


def test_the_same_chunks_give_the_same_file() -> None:
    files = {run(video_refs((7, 5)), audio_refs(silence(1), (0,)), (0, 12))[0] for _ in range(2)}
    assert len(files) == 1


@pytest.mark.parametrize("lengths", [(1,), (2,), (1, 1, 1), (2, 2), (3,), (3, 1), (8,)])
def test_the_shortest_chunks_are_shown_on_time(lengths: tuple[int, ...], tmp_path: Path) -> None:
    total = sum(lengths)
    data, _ = run(video_refs(lengths), audio_refs(silence(1), (0,)), (0, total))
    assert check_mp4(_saved(tmp_path, data)).problems == []
    assert [t for t, _ in decode_pictures(data)] == pytest.approx([n / FPS for n in range(total)], abs=1e-9)


@pytest.mark.parametrize("fps", [1, 24, 25, 59, 60])
def test_other_frame_rates(fps: int, tmp_path: Path) -> None:
    data, _ = run(video_refs((3, 4), fps=fps), audio_refs(silence(7), (0,)), (0, 7), fps=fps)
    facts = check_mp4(_saved(tmp_path, data))
    assert facts.problems == []
    assert (facts.fps, facts.frames) == (fps, 7)
    with av.open(io.BytesIO(data)) as file:
        assert file.streams.video[0].average_rate == fps


@pytest.mark.parametrize(
    ("first_frame", "chunks", "priming"),
    [(240, (1,), 1), (240, (0, 1), 0), (271, (1,), 1), (253, (1, 2), 1), (253, (0, 1, 2), 0)],
    ids=["on the chunk, own priming", "on the chunk, chunk before", "inside", "over a seam", "no priming"],
)
def test_a_click_is_where_it_belongs_wherever_the_file_begins(
    first_frame: int, chunks: tuple[int, ...], priming: int, tmp_path: Path
) -> None:
    times = (8.0, 8.5, 9.05, 10.0, 15.9, 16.0)
    frames = (first_frame, 500 if 2 in chunks else 470)
    start_s, end_s = frames[0] / FPS, frames[1] / FPS
    sound = clicks(times, 24)
    video = video_refs((frames[1] - frames[0],), first_frame)
    data, _ = run(video, audio_refs(sound, chunks, priming), frames)
    facts = check_mp4(_saved(tmp_path, data))
    assert facts.problems == []
    assert facts.video_s == facts.audio_s
    assert 1024 <= facts.audio_skipped_samples < 2048
    _check_clicks(decode_audio(data), [t - start_s for t in times if start_s <= t < end_s])


def test_the_seams_of_the_sound_are_as_good_as_the_rest() -> None:
    t = np.arange(24 * SECOND) / SECOND
    rng = np.random.default_rng(7)
    tone = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 1234.5 * t)
    sound = np.column_stack([tone, tone + 0.01 * rng.standard_normal(len(t))]).astype(np.float32)
    data, _ = run(None, audio_refs(sound, (0, 1, 2)), (0, 1), (0, 24 * SECOND))
    error = decode_audio(data)[: len(sound)] - sound
    rms = np.sqrt((error[: len(error) // 1024 * 1024].reshape(-1, 1024, 2) ** 2).mean(axis=(1, 2)))
    typical = np.median(rms)
    for seam in (375, 750):
        assert rms[seam - 3 : seam + 3].max() < 1.5 * typical


def test_without_video_it_is_an_m4a(tmp_path: Path) -> None:
    sound = clicks((1.0, 8.0), 12)
    data, report = run(None, audio_refs(sound, (0, 1)), (0, 1), (480, 480 + 9 * SECOND))
    facts = check_mp4(_saved(tmp_path, data))
    assert facts.problems == []
    assert (facts.brand, facts.frames, facts.audio_s) == ("M4A ", 0, 9)
    assert (report.frames, report.duration_s) == (0, 9.0)
    _check_clicks(decode_audio(data), (0.99, 7.99))


def test_ffprobe_agrees(tmp_path: Path) -> None:
    data, _ = run(video_refs(LENGTHS), audio_refs(silence(10), (0, 1)), (0, sum(LENGTHS)))
    command = [program("ffprobe", "ffmpeg"), "-v", "warning", "-count_frames", "-show_streams", "-of", "json"]
    done = subprocess.run([*command, _saved(tmp_path, data)], capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    video, audio = json.loads(done.stdout)["streams"]
    assert (video["nb_frames"], video["nb_read_frames"]) == ("296", "296")
    assert (video["r_frame_rate"], video["avg_frame_rate"]) == ("30/1", "30/1")
    assert video["start_time"] == audio["start_time"] == "0.000000"
    assert float(video["duration"]) == float(audio["duration"]) == pytest.approx(296 / 30, abs=1e-6)
    assert (video["color_range"], video["color_space"], video["pix_fmt"]) == ("tv", "smpte170m", "yuv420p")
    assert (video["profile"], audio["profile"], audio["channels"]) == ("High", "LC", 2)


# --- chunks that do not fit


def test_a_missing_chunk_is_named() -> None:
    chunks = video_refs((5, 5, 5))
    with pytest.raises(ChunksDoNotMatch, match=r"v0 .*v10 "):
        run([chunks[0], chunks[2]], audio_refs(silence(1), (0,)), (0, 15))


def test_a_doubled_chunk_is_refused() -> None:
    chunks = video_refs((5, 5))
    with pytest.raises(ChunksDoNotMatch, match="v0"):
        run([chunks[0], *chunks], audio_refs(silence(1), (0,)), (0, 15))


@pytest.mark.parametrize("frames", [(0, 9), (0, 11), (1, 10), (-1, 10)])
def test_frames_that_were_not_asked_for_are_refused(frames: tuple[int, int]) -> None:
    with pytest.raises(ChunksDoNotMatch, match="hold frames"):
        run(video_refs((5, 5)), audio_refs(silence(1), (0,)), frames, (0, 16_000))


@pytest.mark.parametrize(
    "other",
    [video_chunk(5, 5, params=":bframes=0"), video_chunk(5, 5, fps=25)],
    ids=["parameter sets", "frame rate"],
)
def test_other_settings_are_refused(other: bytes) -> None:
    with pytest.raises(ChunksDoNotMatch, match="v0 and other"):
        run([*video_refs((5,)), ref("other", other)], audio_refs(silence(1), (0,)), (0, 10))


def test_another_quality_is_no_other_setting() -> None:
    run([*video_refs((5,)), ref("other", video_chunk(5, 5, crf=40))], audio_refs(silence(1), (0,)), (0, 10))


def test_video_and_audio_cannot_be_mixed_up() -> None:
    sound = audio_refs(silence(1), (0,))
    with pytest.raises(ChunksDoNotMatch, match="holds audio"):
        run(sound, sound, (0, 5))
    with pytest.raises(ChunksDoNotMatch, match="no audio chunk"):
        run(video_refs((5,)), [], (0, 5))


@pytest.mark.parametrize(
    ("chunks", "priming", "seconds"),
    [((0, 2), 1, (0, 24)), ((1,), 0, (8, 9)), ((0,), 1, (0, 9)), ((0, 0), 1, (0, 8)), ((1, 0), 1, (8, 9))],
    ids=["gap", "no priming", "ends early", "doubled", "order"],
)
def test_sound_that_does_not_cover_the_file_is_refused(
    chunks: tuple[int, ...], priming: int, seconds: tuple[int, int]
) -> None:
    refs = audio_refs(silence(1), chunks, priming)
    with pytest.raises(ChunksDoNotMatch, match="AAC frame"):
        run(None, refs, (0, 1), (seconds[0] * SECOND, seconds[1] * SECOND))


@pytest.mark.parametrize("damage", ["flip", "cut"])
@pytest.mark.parametrize("which", ["video", "audio"])
def test_a_damaged_payload_is_named(damage: str, which: str) -> None:
    blobs = {"video": video_chunk(0, 5), "audio": audio_chunk(silence(1), 0)}
    refs = {kind: ref(kind, blob) for kind, blob in blobs.items()}
    blob = bytearray(blobs[which])
    if damage == "flip":
        blob[-1] ^= 1
    else:
        del blob[-1:]
    refs[which] = ChunkRef(
        which, refs[which].header, refs[which].payload_offset, lambda o, n: bytes(blob[o : o + n])
    )
    with pytest.raises(CorruptChunk, match=f"'{which}'"):
        run([refs["video"]], [refs["audio"]], (0, 5))


def test_damage_in_the_part_that_is_left_out_is_seen_too() -> None:
    blob = bytearray(pack_audio_chunk([bytes(24_000)] * 376, config=b"\x11\x90", first_packet=-1))
    assert len(blob) > 2 * READ_BYTES
    blob[-1] ^= 1
    with pytest.raises(CorruptChunk, match="digest"):
        run(None, [ref("tail", bytes(blob))], (0, 1), (0, SECOND))


def test_an_error_of_the_store_comes_through() -> None:
    def broken(offset: int, length: int) -> bytes:
        raise ConnectionError("gone")

    good = video_refs((5,))[0]
    bad = ChunkRef(good.key, good.header, good.payload_offset, broken)
    with pytest.raises(ConnectionError, match="gone"):
        run([bad], audio_refs(silence(1), (0,)), (0, 5))


# --- size


class Counter:
    """A sink that keeps nothing but how much it was given."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes) -> int:
        self.bytes += len(data)
        return len(data)


def _synthetic(seconds: int, frame_bytes: int) -> tuple[list[ChunkRef], list[ChunkRef]]:
    """Chunks of 8 s with samples of one size, whose bytes exist only while they are read."""
    video_blob = pack_video_chunk(
        [(bytes(frame_bytes), n, n == 0) for n in range(240)],
        config=b"\1\x64\0\x1f\xff\xe0\0",
        width=1920,
        height=1080,
        fps=FPS,
        first_frame=0,
    )
    audio_blob = pack_audio_chunk([bytes(340)] * 376, config=b"\x11\x90", first_packet=-1)
    video_ref, audio_ref = ref("v", video_blob), ref("a", audio_blob)
    chunks = seconds // 8
    return (
        [_moved(video_ref, 240 * k, f"v{k}") for k in range(chunks)],
        [_moved(audio_ref, 375 * k - 1, f"a{k}") for k in range(chunks)],
    )


def _moved(chunk: ChunkRef, first: int, key: str) -> ChunkRef:
    header = replace(chunk.header, first=first)
    return ChunkRef(key, header, chunk.payload_offset, lambda _, length: bytes(length))


def test_the_writer_of_a_store_is_a_sink(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    chunks = {"v": video_chunk(0, 5), "a": audio_chunk(silence(1), 0)}
    for key, blob in chunks.items():
        store.put(key, blob)
    video, audio = (ChunkRef.open(k, lambda o, n, k=k: store.get_range(k, o, o + n)) for k in chunks)
    with store.writer("out.mp4") as sink:
        where = {"first_frame": 0, "frame_count": 5, "first_sample": 0, "sample_count": 8000}
        stitch(sink, [video], [audio], fps=FPS, **where)
    assert check_mp4(tmp_path / "out.mp4").problems == []


def test_two_hours_take_little_memory_and_few_reads() -> None:
    seconds = 7200
    video, audio = _synthetic(seconds, frame_bytes=2000)
    sink = Counter()
    tracemalloc.start()
    try:
        report = _stitch_all(sink, video, audio, seconds)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.bytes == report.bytes > 400_000_000
    assert report.reads == report.chunks == 1800
    assert peak < 32 << 20


def test_beyond_4_gib_large_chunks_are_read_in_pieces() -> None:
    seconds = 480
    video, audio = _synthetic(seconds, frame_bytes=320_000)
    asked: list[int] = []

    def fetch(offset: int, length: int) -> bytes:
        asked.append(length)
        return bytes(length)

    video = [replace(chunk, fetch=fetch) for chunk in video]
    sink = Counter()
    tracemalloc.start()
    try:
        report = _stitch_all(sink, video, audio, seconds)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.bytes == report.bytes > 1 << 32
    assert max(asked) <= READ_BYTES
    assert sum(asked) == 480 * 30 * 320_000
    assert peak < 32 << 20


def _stitch_all(sink: Counter, video: list[ChunkRef], audio: list[ChunkRef], seconds: int) -> StitchReport:
    return stitch(
        sink,
        video,
        audio,
        fps=FPS,
        first_frame=0,
        frame_count=seconds * FPS,
        first_sample=0,
        sample_count=seconds * SECOND,
    )


# --- helpers


def _saved(folder: Path, data: bytes) -> Path:
    path = folder / "file.mp4"
    path.write_bytes(data)
    return path


def _check_clicks(sound: NDArray[np.float32], times_s: Sequence[float]) -> None:
    """Each click's peak is at its sample exactly."""
    for time_s in times_s:
        at = round(time_s * SECOND)
        low = max(at - 600, 0)
        assert low + int(np.argmax(np.abs(sound[low : at + 600, 0]))) == at, f"the click at {time_s} s"
