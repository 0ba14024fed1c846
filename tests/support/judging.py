"""What an export must be: the checks that acceptance tests share, and its figures as a table to print.

Takes what `tests.support.exports` made and saw; raises AssertionError with the figure that is wrong.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from tests.support.exports import Made, Seen, Watch
from tests.support.mp4_check import check_mp4
from tests.support.programs import program
from tests.support.truth import Spread

PEERS_APART_MS = 40.0
SOUND_OFF_MS = 45.0
LEGIBLE_SHARE = 0.98
OUTPUT_FRAME_MS = 1000 / 30


def check_file(made: Made) -> None:
    """A sound MP4 of exactly duration x fps frames, frame n at n / fps, picture and sound of one length."""
    facts, composed = check_mp4(made.path), made.composed
    fps = composed.spec.fps
    assert facts.problems == []
    assert facts.faststart
    duration_s = Fraction(composed.plan.end_ms - composed.plan.start_ms, 1000)
    assert facts.frames == duration_s * fps
    assert facts.video_pts == [Fraction(n, fps) for n in range(facts.frames)]
    assert facts.video_s == duration_s
    assert abs(facts.video_s - facts.audio_s) <= Fraction(1, fps)
    assert (facts.width, facts.height) == (composed.spec.canvas.w, composed.spec.canvas.h)
    assert made.report.frames == facts.frames


def check_ffprobe(made: Made) -> None:
    """FFmpeg's own tool decodes all frames without a word of complaint. Skips where it is not installed."""
    command = [program("ffprobe", "ffmpeg"), "-v", "warning", "-count_frames", "-show_streams", "-of", "json"]
    done = subprocess.run([*command, str(made.path)], capture_output=True, text=True, timeout=300, check=True)
    assert done.stderr == ""
    video, audio = json.loads(done.stdout)["streams"]
    fps = made.composed.spec.fps
    assert int(video["nb_read_frames"]) == made.report.frames
    assert video["r_frame_rate"] == video["avg_frame_rate"] == f"{fps}/1"
    assert float(video["start_time"]) == 0.0
    assert abs(float(video["duration"]) - float(audio["duration"])) <= 1 / fps


def check_sync(watches: Sequence[Watch], seen: Mapping[str, Seen]) -> None:
    """Pictures are legible, are those of the right peer, and stand where their time is, over joints too."""
    assert any(s.asked for s in seen.values())
    for w in watches:
        s = seen[w.peer_id]
        if s.asked:
            assert s.strangers == 0, w
            assert len(s.times.frame) >= LEGIBLE_SHARE * s.asked, (w, len(s.times.frame), s.asked)
            assert width(s.picture) <= OUTPUT_FRAME_MS + 1000 / w.fps, (w, s.picture)
            for spread, frame_ms in s.at_joints:
                assert width(spread) <= OUTPUT_FRAME_MS + max(1000 / w.fps, frame_ms), (w, spread, frame_ms)
    medians = [s.picture.median for s in seen.values() if s.asked]
    assert max(medians) - min(medians) <= PEERS_APART_MS, medians


def check_order(seen: Mapping[str, Seen]) -> None:
    """No picture of a peer is older than the one before it."""
    assert all(s.in_order for s in seen.values() if s.asked), {p: s.in_order for p, s in seen.items()}


def check_sound(watches: Sequence[Watch], seen: Mapping[str, Seen], *, may_miss: float = 0.0) -> None:
    """Beeps are heard, and within `SOUND_OFF_MS` of the picture of the same peer."""
    for w in watches:
        s = seen[w.peer_id]
        assert len(s.beeps_missed) <= may_miss * len(w.beeps_ms), (w.peer_id, s.beeps_missed)
        if s.asked and s.beep_offsets_ms:
            assert np.abs(s.beep_offsets_ms).max() <= SOUND_OFF_MS, (w.peer_id, s.beep_offsets_ms)


def width(spread: Spread) -> float:
    """p95 - p5 in ms."""
    return spread.p95 - spread.p5


def figures(made: Made, seen: Mapping[str, Seen]) -> str:
    """A table: one line for each peer."""
    head = f"{made.path.name}: {made.report.frames} frames, {made.report.duration_ms:.0f} ms, {made.report.seconds} s"
    return "\n".join([head, *(f"  {peer_id[:8]:8}  {_line(s)}" for peer_id, s in seen.items())])


def _line(s: Seen) -> str:
    if not s.asked:
        return "no tile wide enough"
    offsets = s.beep_offsets_ms or (float("nan"),)
    joints = max((width(spread) for spread, _ in s.at_joints), default=float("nan"))
    return (
        f"{len(s.times.frame):5} of {s.asked:5} frames  median {s.picture.median:6.1f}  spread {width(s.picture):5.1f}"
        f"  at joints {joints:5.1f}  beeps {len(s.beep_offsets_ms):3} {min(offsets):6.1f} .. {max(offsets):6.1f}"
    )
