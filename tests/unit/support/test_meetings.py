"""A generated recording is what its declaration says, read back by a small reader of its own."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support import payloads
from tests.support.barcode import read_barcode
from tests.support.meetings import (
    Camera,
    Change,
    Meeting,
    Microphone,
    Network,
    Peer,
    Screen,
    Track,
    Truth,
    write_meeting,
)
from tests.support.reader import Stored, read_segment
from tests.support.spec import VideoCodec
from tests.support.truth import beeps, luma_of


def stored(truth: Truth, track: Track) -> list[Stored]:
    files = sorted((truth.path / "tracks").glob(f"{track.track_id}-*.rtp"))
    return [packet for path in files for packet in read_segment(path)[1]]


def one(tmp_path: Path, *, duration_ms: int = 4000, **parts: Any) -> Truth:
    parts = {"camera": None, "microphone": None} | parts
    return write_meeting(Meeting((Peer(1, "Ada", **parts),), duration_ms), tmp_path)


def test_documents_and_files_agree(tmp_path: Path) -> None:
    peers = (
        Peer(1, "Ada", camera=Camera(pauses=((1000, 2000),)), screens=(Screen(500, 2500),)),
        Peer(2, "Søren 陳", stays=((0, 1500), (2200, None)), microphone=Microphone(speech=((0, 1000),))),
        Peer(3, "Early", camera=None, listed=False),
    )
    truth = write_meeting(Meeting(peers, duration_ms=4000, rotate_at_ms=(1300, 3000)), tmp_path)
    assert truth.path == tmp_path / "rooms" / "room-1" / truth.meeting.recording_id
    assert (truth.path / ".completed").read_bytes() == b""
    metadata = json.loads((truth.path / "metadata.json").read_text("utf-8"))
    assert [p["display_name"] for p in metadata["participants"]] == ["Ada", "Søren 陳", "Søren 陳"]
    assert metadata["stats"]["track_count"] == len(metadata["tracks"]) == 8
    listed = set()
    for track in metadata["tracks"]:
        assert track["track_id"] == f"{track['peer_id']}-{track['type']}-{track['producer_id']}"
        for segment in track["segments"]:
            path = truth.path / "tracks" / segment["file_name"]
            header, packets = read_segment(path)
            assert (header["ssrc"], header["payload_type"]) == (track["ssrc"], track["payload_type"])
            assert header["codec"] == track["codec"].encode()[:8]
            assert (path.stat().st_size, len(packets)) == (segment["bytes"], segment["packet_count"])
            listed.add(path)
    assert listed == set((truth.path / "tracks").iterdir())
    assert truth.presence(2) == ((0, 1500), (2200, 4000))
    events = json.loads((truth.path / "timeline.json").read_text("utf-8"))["events"]
    told = [(event["type"], event["data"].get("peer_id")) for event in events]
    assert told.count(("peer_joined", "peer-2")) == 2
    assert ("peer_joined", "peer-3") not in told
    assert ("producer_paused", "peer-1") in told
    assert ("producer_resumed", "peer-1") in told
    assert ("active_speaker", "peer-2") in told


def test_segments_are_cut_at_the_recorders_clock(tmp_path: Path) -> None:
    truth = write_meeting(Meeting((Peer(1, "Ada"),), 3000, rotate_at_ms=(1010,)), tmp_path)
    zero = truth.meeting.start_unix_ms
    first, second = sorted((truth.path / "tracks").glob(f"{truth.track(1, 'video').track_id}-*.rtp"))
    assert max(p.arrival_ms for p in read_segment(first)[1]) < zero + 1010
    header, packets = read_segment(second)
    assert (header["start"], min(p.arrival_ms for p in packets) >= zero + 1010) == (zero + 1010, True)


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264", "av1"])
def test_pictures_decode_and_tell_their_times(tmp_path: Path, codec: VideoCodec) -> None:
    camera = Camera(codec=codec, changes=(Change(1500, 480, 270), Change(2500, 270, 480, 90)), fps=15)
    track = one(tmp_path, camera=camera).track(1, "video")
    decoder = av.CodecContext.create({"av1": "libdav1d"}.get(codec, codec), "r")
    assert isinstance(decoder, av.VideoCodecContext)
    pictures = [p for frame in track.frames for p in decoder.decode(av.Packet(frame.data))]
    pictures += decoder.decode(None)
    assert len(pictures) == len(track.frames) == 60
    sizes = {(p.width, p.height) for p in pictures}
    assert sizes == {(320, 180), (480, 270)}
    for picture, frame in zip(pictures, track.frames, strict=True):
        upright = np.rot90(luma_of(picture), -frame.rotation // 90)
        assert (picture.width, picture.height) == (frame.w, frame.h)
        seen = read_barcode(upright, 0, 0, upright.shape[1], upright.shape[0])
        assert seen == (1, frame.content_ms // 10 * 10)


def test_a_pause_sends_nothing_and_ends_with_a_keyframe(tmp_path: Path) -> None:
    track = one(tmp_path, camera=Camera(pauses=((1000, 2500),), keyframe_every_ms=None)).track(1, "video")
    assert not [at for at in track.content_ms if 1000 <= at < 2500]
    assert track.keyframes_ms == [0, 2500]
    ticks = [frame.ticks - track.frames[0].ticks for frame in track.frames]
    assert ticks == [round(90 * at) for at in track.content_ms]


def test_a_track_may_start_in_the_middle_of_a_gop(tmp_path: Path) -> None:
    camera = Camera(starts_mid_gop=True, keyframe_every_ms=None, keyframes_at_ms=(2000,))
    truth = one(tmp_path, camera=camera)
    track = truth.track(1, "video")
    assert track.keyframes_ms == [2000]
    assert stored(truth, track)[0].payload[4] & 1 == 1, "VP8's inverse keyframe bit"


def test_wraps_drift_and_jumps_are_in_the_headers(tmp_path: Path) -> None:
    network = Network(
        first_sequence=65_500,
        first_timestamp=2**32 - 45_000,
        drift_ppm=400,
        timestamp_jumps=((2000, 90_000),),
    )
    truth = one(tmp_path, camera=Camera(fps=10, network=network))
    packets = stored(truth, truth.track(1, "video"))
    assert [p.sequence for p in packets] == [(65_500 + n) % 65_536 for n in range(len(packets))]
    assert packets[-1].sequence < 65_500
    at_1s = next(p for p in packets if p.arrival_ms == truth.meeting.start_unix_ms + 1000)
    at_3s = next(p for p in packets if p.arrival_ms == truth.meeting.start_unix_ms + 3000)
    assert at_1s.timestamp == 45_000 + 36
    assert at_3s.timestamp == 225_000 + 108 + 90_000


def test_loss_is_what_the_truth_says(tmp_path: Path) -> None:
    network = Network(loss=0.05, loss_burst=3, lose_sequences=(1007,), outages=((2000, 2100),), seed=3)
    truth = one(tmp_path, camera=Camera(network=network, bitrate=900_000))
    track = truth.track(1, "video")
    there = {p.sequence for p in stored(truth, track)}
    sent = {sequence for frame in track.frames for sequence in frame.sequences}
    assert sent - there == set(track.lost_sequences)
    assert 1007 in track.lost_sequences
    assert 0.02 < len(track.lost_sequences) / len(sent) < 0.15
    assert not [frame for frame in track.frames if 2000 <= frame.content_ms < 2095 and frame.whole]


def test_order_and_repetition(tmp_path: Path) -> None:
    network = Network(reorder=0.05, duplicates=0.05, jitter_ms=4, delay_ms=20, padding_every=20)
    truth = one(tmp_path, duration_ms=10_000, camera=Camera(network=network))
    packets = stored(truth, truth.track(1, "video"))
    sequences = [p.sequence for p in packets]
    arrivals = [p.arrival_ms for p in packets]
    assert arrivals == sorted(arrivals)
    assert min(arrivals) >= truth.meeting.start_unix_ms + 20
    assert len(sequences) > len(set(sequences)) == max(sequences) - min(sequences) + 1
    late = sum(a > b for a, b in pairwise(sequences))
    assert 0.02 < late / len(sequences) < 0.2
    assert {len(p.payload) == 0 for p in packets} == {True, False}


def test_a_burst_holds_packets_back(tmp_path: Path) -> None:
    truth = one(tmp_path, camera=Camera(network=Network(bursts=((1000, 400),))))
    held = [f for f in truth.track(1, "video").frames if 1000 <= f.content_ms < 1400]
    assert len(held) == 12
    assert {frame.arrival_ms for frame in held} == {1400}


def test_orientation_is_on_the_last_packet_of_turned_frames(tmp_path: Path) -> None:
    camera = Camera(w=270, h=480, rotation=90, changes=(Change(1000, 480, 270),))
    truth = one(tmp_path, camera=camera, duration_ms=2000)
    track = truth.track(1, "video")
    told = [p.extensions.get(11) for p in stored(truth, track) if p.marker]
    assert told == [bytes([frame.rotation // 90]) for frame in track.frames]
    assert {(frame.w, frame.h) for frame in track.frames} == {(480, 270)}
    assert track.keyframes_ms == [0], "a rotation alone makes no keyframe"


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_beeps_on_the_second_when_decoded(tmp_path: Path, channels: Any) -> None:
    truth = one(tmp_path, microphone=Microphone(channels=channels, network=Network(drift_ppm=300)))
    track = truth.track(1, "audio")
    assert track.beeps_ms == (1000, 2000, 3000)
    heard = beeps(decoded(track), track.beep_hz)
    local = np.array(track.beeps_ms) * (1 + 300e-6)
    assert np.abs(heard - local).max() < 1.0


def test_dtx_leaves_gaps_and_the_beeps_in_place(tmp_path: Path) -> None:
    microphone = Microphone(speech=((0, 1500), (3000, 4000)), dtx=True)
    track = one(tmp_path, microphone=microphone).track(1, "audio")
    gaps = np.diff(track.content_ms)
    assert gaps.max() == 400
    assert [frame.data for frame in track.frames if 1700 < frame.content_ms < 2900] == [
        frame.data[:1] for frame in track.frames if 1700 < frame.content_ms < 2900
    ]
    assert track.beeps_ms == (1000, 3000)
    assert np.abs(beeps(decoded(track), track.beep_hz) - track.beeps_ms).max() < 1.5


def test_audio_level_tells_speech_from_silence(tmp_path: Path) -> None:
    truth = one(tmp_path, microphone=Microphone(speech=((1000, 2000),)))
    packets = stored(truth, truth.track(1, "audio"))
    zero = truth.meeting.start_unix_ms
    loud = [p.extensions[10][0] & 127 < 50 for p in packets if zero + 1100 <= p.arrival_ms < zero + 1900]
    still = [p.extensions[10][0] for p in packets if p.arrival_ms < zero + 900]
    assert sum(loud) > 35
    assert set(still) == {127}


def test_the_same_declaration_gives_the_same_bytes(tmp_path: Path) -> None:
    meeting = Meeting((Peer(1, "Ada", camera=Camera(network=Network(loss=0.1, jitter_ms=3, seed=5))),), 2000)
    first, second = (write_meeting(meeting, tmp_path / name).path for name in ("a", "b"))
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert all((first / path).read_bytes() == (second / path).read_bytes() for path in files)


def test_a_meeting_of_three_is_made_in_seconds(tmp_path: Path) -> None:
    began = time.process_time()
    truth = write_meeting(Meeting(tuple(Peer(n, f"Peer {n}") for n in (1, 2, 3))), tmp_path)
    assert len(truth.tracks) == 6
    assert time.process_time() - began < 10


def test_frames_reassemble_from_the_stored_packets(tmp_path: Path) -> None:
    truth = one(tmp_path, camera=Camera(network=Network(reorder=0.1, duplicates=0.1)))
    track = truth.track(1, "video")
    by_sequence = {p.sequence: p for p in stored(truth, track)}
    for number, frame in enumerate(track.frames):
        own = [by_sequence[sequence] for sequence in frame.sequences]
        assert b"".join(p.payload[4:] for p in own) == frame.data
        assert [p.marker for p in own] == [False] * (len(own) - 1) + [True]
        assert len(own) == len(payloads.vp8(payloads.Frame(frame.data, frame.keyframe, number, 320, 180)))


def decoded(track: Track) -> np.ndarray:
    """The samples of an audio track placed by RTP timestamp, mono."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    first = track.frames[0].ticks
    whole = np.zeros(track.frames[-1].ticks - first + 960)
    for frame in track.frames:
        for piece in decoder.decode(av.Packet(frame.data)):
            samples = piece.to_ndarray().reshape(-1, len(piece.layout.channels)).mean(axis=1) / 32768
            at = frame.ticks - first
            whole[at : at + len(samples)] = samples[: len(whole) - at]
    return whole
