"""Signed links: only what was signed, as it was signed, until it ends."""

from __future__ import annotations

import posixpath
import string
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler_api.auth.signing import MAX_TTL_S, MediaSigner, url_path
from scheduler_api.errors import Forbidden
from storage.errors import InvalidKey
from storage.keys import RecordingKeys
from tests.support.auth import MEDIA_RING, NOW_S, OTHER_RECORDING, OTHER_ROOM, RECORDING, ROOM, HandClock, secret

KEYS = RecordingKeys(ROOM, RECORDING)
FOLDER = KEYS.preview.folder("peer-1", "camera")
EXPORT = KEYS.export("export-1")
TTL_S = 600


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def signer(clock: HandClock) -> MediaSigner:
    return MediaSigner(MEDIA_RING, clock)


def sign(signer: MediaSigner, key: str, folder: bool = False, ttl_s: int = TTL_S) -> str:
    return signer.sign(ROOM, RECORDING, key, folder, ttl_s)


def assert_refused(signer: MediaSigner, token: str, raw_key: str) -> None:
    with pytest.raises(Forbidden) as refused:
        signer.check(token, raw_key)
    message = str(refused.value)
    assert message == "this link does not open that, or has expired; ask for a new one"


@pytest.mark.parametrize(
    "key",
    [
        EXPORT,
        KEYS.export("export-1", "m4a"),
        KEYS.thumbnail("export-1", 3),
        KEYS.preview.manifest,
        KEYS.requested_output("quick_access/part-0001.mp4"),
        KEYS.requested_output("processed/exports/part-0002.mp4"),
        KEYS.asset("logo.png"),
        f"{FOLDER}/av.m3u8",
    ],
)
def test_a_signed_object_opens(signer: MediaSigner, key: str) -> None:
    assert signer.check(sign(signer, key), url_path(key)) == key


@pytest.mark.parametrize("name", ["av.m3u8", "av_init.mp4", "av_0001.m4s", "av_low_12345.m4s", "audio.m3u8"])
@pytest.mark.parametrize("peer_id", ["peer-1", "Ada Lovelace", "..", "a/b", "50%", "日本", "%2e%2e", "a.b~c"])
def test_a_signed_folder_opens_the_files_in_it(signer: MediaSigner, peer_id: str, name: str) -> None:
    folder = KEYS.preview.folder(peer_id, "camera")
    token = sign(signer, folder, folder=True)
    assert signer.check(token, f"{url_path(folder)}/{name}") == f"{folder}/{name}"


OUTSIDE_THE_FOLDER = [
    FOLDER,
    f"{FOLDER}/",
    f"{FOLDER}//av.m3u8",
    f"{FOLDER}/./av.m3u8",
    f"{FOLDER}/.",
    f"{FOLDER}/..",
    f"{FOLDER}/.hidden",
    f"{FOLDER}/..av.m3u8",
    f"{FOLDER}/a..b.m3u8",
    f"{FOLDER}/deeper/av.m3u8",
    f"{FOLDER}2/av.m3u8",
    f"{FOLDER}/../peer-1/av.m3u8",
    f"{FOLDER}/../peer-2/av.m3u8",
    f"{FOLDER}/%2e%2e/peer-2/av.m3u8",
    f"{FOLDER}/%2E%2E/peer-2/av.m3u8",
    f"{FOLDER}/%2e./peer-2/av.m3u8",
    f"{FOLDER}/..%2fpeer-2%2fav.m3u8",
    f"{FOLDER}/..%2Fpeer-2%2Fav.m3u8",
    f"{FOLDER}%2fav.m3u8",
    f"{FOLDER}%2Fav.m3u8",
    f"{FOLDER}/%252e%252e/peer-2/av.m3u8",
    f"{FOLDER}/%252e%252e%252fpeer-2%252fav.m3u8",
    f"{FOLDER}/%25252e%25252e/av.m3u8",
    f"{FOLDER}/..\\peer-2\\av.m3u8",
    f"{FOLDER}\\av.m3u8",
    f"{FOLDER}/av.m3u8\\",
    f"{FOLDER}/..%5cpeer-2%5cav.m3u8",
    f"{FOLDER}/..%255cpeer-2%255cav.m3u8",
    f"{FOLDER}/%c0%ae%c0%ae/av.m3u8",  # overlong UTF-8
    f"{FOLDER}/%uff0e%uff0e/av.m3u8",
    f"{FOLDER}/．．/av.m3u8",
    f"{FOLDER}/av%2em3u8",
    f"{FOLDER}/%61v.m3u8",
    f"{FOLDER}/av.m3u8%00",
    f"{FOLDER}/av.m3u8\0",
    f"{FOLDER}/av.m3u8\n",
    f"{FOLDER}/av.m3u8%0a",
    f"{FOLDER}/av.m3u8 ",
    f"{FOLDER}/\udce9.m3u8",  # a byte that was no UTF-8
    f"{FOLDER}\udce9/av.m3u8",
    f"{FOLDER}/av.m3u8;x=1",
    f"{FOLDER}/av.m3u8?x=1",
    f"{FOLDER}/av.m3u8#x",
    f"/{FOLDER}/av.m3u8",
    f"./{FOLDER}/av.m3u8",
    f"x/../{FOLDER}/av.m3u8",
    f"{FOLDER}/av.m3u8".upper(),
    KEYS.preview.folder("peer-1", "screenshare") + "/video.m3u8",
    KEYS.preview.folder("peer-2", "camera") + "/av.m3u8",
    f"{RecordingKeys(ROOM, OTHER_RECORDING).prefix}/preview/peers/peer-1/av.m3u8",
    f"{RecordingKeys(OTHER_ROOM, RECORDING).prefix}/preview/peers/peer-1/av.m3u8",
    KEYS.preview.manifest,
    KEYS.policy,
    KEYS.metadata,
    EXPORT,
    "",
    "/",
    "..",
]


@pytest.mark.parametrize("raw_key", OUTSIDE_THE_FOLDER, ids=ascii)
def test_nothing_else_opens_with_a_folders_token(signer: MediaSigner, raw_key: str) -> None:
    assert_refused(signer, sign(signer, FOLDER, folder=True), raw_key)


@pytest.mark.parametrize(
    "raw_key",
    [
        KEYS.export("export-2"),
        KEYS.export("export-1", "m4a"),
        KEYS.thumbnail("export-1", 1),
        RecordingKeys(ROOM, OTHER_RECORDING).export("export-1"),
        RecordingKeys(OTHER_ROOM, RECORDING).export("export-1"),
        f"{EXPORT}/",
        f"{EXPORT}/x.mp4",
        f"{EXPORT}x",
        EXPORT[:-1],
        EXPORT.replace("/", "//", 1),
        EXPORT.replace("/", "%2f"),
        EXPORT.replace("/", "\\"),
        EXPORT.replace(".", "%2e"),
        EXPORT.replace("export-1", "x/../export-1"),
        EXPORT.replace("export-1.mp4", "export-1%2emp4"),
        EXPORT.replace("export-1.mp4", "export-1%252emp4"),
        KEYS.policy,
        f"{FOLDER}/av.m3u8",
    ],
)
def test_nothing_else_opens_with_an_objects_token(signer: MediaSigner, raw_key: str) -> None:
    assert_refused(signer, sign(signer, EXPORT), raw_key)


def test_an_object_in_a_folder_does_not_open_the_folder(signer: MediaSigner) -> None:
    token = sign(signer, f"{FOLDER}/av.m3u8")
    assert_refused(signer, token, f"{FOLDER}/av_0001.m4s")
    assert_refused(signer, token.replace(".o", ".f"), f"{FOLDER}/av_0001.m4s")
    assert_refused(signer, token.replace(".o", ".f"), f"{FOLDER}/av.m3u8")


def test_a_token_works_until_its_end_and_no_longer(signer: MediaSigner, clock: HandClock) -> None:
    token = sign(signer, EXPORT)
    clock.now_s = NOW_S + TTL_S - 0.001
    assert signer.check(token, EXPORT) == EXPORT
    clock.now_s = NOW_S + TTL_S
    assert_refused(signer, token, EXPORT)


def test_a_changed_expiry_is_refused(signer: MediaSigner) -> None:
    token = sign(signer, EXPORT)
    expires = f"{int(NOW_S) + TTL_S}"
    later = f"{int(NOW_S) + TTL_S + 1}"
    for other in (later, "9999999999", f"0{expires}", f"+{expires}", f"{expires}.0", "", "٩" * 10):
        assert_refused(signer, token.replace(expires, other), EXPORT)


def test_a_changed_key_id_is_refused(signer: MediaSigner) -> None:
    token = sign(signer, EXPORT)
    for other in ("m1", "m3", "", "M2", "../m2", "m2\0", "*", "m2."):
        assert_refused(signer, other + token.removeprefix("m2"), EXPORT)


def test_keys_rotate(clock: HandClock) -> None:
    (new, old) = MEDIA_RING
    by_old = sign(MediaSigner((old,), clock), EXPORT)
    by_both = MediaSigner((new, old), clock)
    assert by_both.check(by_old, EXPORT) == EXPORT
    assert sign(by_both, EXPORT).startswith(new[0] + ".")
    assert_refused(MediaSigner((new,), clock), by_old, EXPORT)
    same_id_other_secret = MediaSigner(((old[0], secret("another")),), clock)
    assert_refused(same_id_other_secret, by_old, EXPORT)


def test_two_services_with_one_ring_accept_each_others_links(signer: MediaSigner, clock: HandClock) -> None:
    assert MediaSigner(MEDIA_RING, clock).check(sign(signer, EXPORT), EXPORT) == EXPORT


@pytest.mark.parametrize(
    "key",
    [
        KEYS.policy,
        KEYS.metadata,
        KEYS.timeline,
        KEYS.latest_composition,
        KEYS.job("job-1"),
        KEYS.segment("t-000001.rtp"),
        KEYS.chunk("video", "abc"),
        KEYS.raster("abc"),
        KEYS.prefix,
        KEYS.preview.folder("peer-1", "camera"),
        RecordingKeys(ROOM, OTHER_RECORDING).export("export-1"),
        RecordingKeys(OTHER_ROOM, RECORDING).export("export-1"),
        f"{KEYS.prefix}x/processed/exports/e.mp4",
        f"{KEYS.prefix}/processed/exports/a/b.mp4",
        f"{KEYS.prefix}/preview/peers/peer-1/deeper/av.m3u8",
        "farm/jobs/job-1.json",
        "processed/exports/e.mp4",
        "",
    ],
)
def test_what_no_link_may_open_cannot_be_signed(signer: MediaSigner, key: str) -> None:
    with pytest.raises(ValueError, match="no link can be made"):
        sign(signer, key)


@pytest.mark.parametrize(
    "folder",
    [
        "preview",
        "preview/",
        "preview/peers",
        "preview/peers/",
        "preview/peers/p/av.m3u8",
        "processed/exports",
        "processed/thumbnails/export-1",
        "quick_access",
        "tracks",
        "",
        ".",
    ],
)
def test_folders_of_more_than_one_stream_cannot_be_signed(signer: MediaSigner, folder: str) -> None:
    with pytest.raises(ValueError, match="no link can be made"):
        sign(signer, f"{KEYS.prefix}/{folder}", folder=True)


@pytest.mark.parametrize("name", ["..", ".", "", "a\\b", "a\0b"])
def test_a_key_that_is_a_path_cannot_be_signed(signer: MediaSigner, name: str) -> None:
    with pytest.raises((InvalidKey, ValueError)):
        sign(signer, f"{KEYS.prefix}/processed/exports/{name}")
    with pytest.raises((InvalidKey, ValueError)):
        sign(signer, f"{KEYS.prefix}/preview/peers/{name}", folder=True)


@pytest.mark.parametrize("name", ["a b.mp4", "ä.mp4", "a?b.mp4", "a#b.mp4", "a;b.mp4"])
def test_a_key_that_needs_other_escapes_cannot_be_signed(signer: MediaSigner, name: str) -> None:
    with pytest.raises(InvalidKey):
        sign(signer, f"{KEYS.prefix}/processed/exports/{name}")


@pytest.mark.parametrize("ttl_s", [0, -1, MAX_TTL_S + 1, 10**9])
def test_a_link_lives_at_most_a_quarter_of_an_hour(signer: MediaSigner, ttl_s: int) -> None:
    with pytest.raises(ValueError, match="no link can be made"):
        sign(signer, EXPORT, ttl_s=ttl_s)


@given(st.text(max_size=100), st.text(max_size=60))
@example("m2.o1790000600." + "A" * 43, EXPORT)
@example("", "")
@example("." * 3, "/")
def test_any_text_is_refused(token: str, raw_key: str) -> None:
    assert_refused(MediaSigner(MEDIA_RING, HandClock()), token, raw_key)


@given(st.data())
def test_a_changed_character_breaks_a_token(data: st.DataObject) -> None:
    signer = MediaSigner(MEDIA_RING, HandClock())
    token = sign(signer, EXPORT)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    assert_refused(signer, token[:at] + other + token[at + 1 :], EXPORT)


PIECES = ["..", ".", "/", "//", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "\\", "%25", "%252e%252e", "%00", "\0", "~", "?"]
PIECES += ["peer-1", "peer-2", "av.m3u8", "av_0001.m4s", "preview", "peers", "policy.json", "processed/exports"]
PIECES += ["rooms", FOLDER, EXPORT, KEYS.prefix, ROOM, RECORDING, OTHER_RECORDING, "é", " ", "\n", ";", "#"]
CRAFTED = st.lists(st.sampled_from(PIECES) | st.sampled_from(string.printable), max_size=8).map("".join)


@given(st.sampled_from(["peer-1", "..", "a/b", "%2e%2e", "Ada L."]), st.booleans(), st.data())
def test_whatever_path_is_accepted_lies_inside_what_was_signed(peer_id: str, folder: bool, data: st.DataObject) -> None:
    """Edits of a good path: cut it anywhere, and put crafted pieces there; what opens is what was signed."""
    stream = KEYS.preview.folder(peer_id, "camera")
    signed = stream if folder else f"{stream}/av.m3u8"
    good = f"{url_path(stream)}/av.m3u8"
    at, end = sorted((data.draw(st.integers(0, len(good))), data.draw(st.integers(0, len(good)))))
    raw_key = good[:at] + data.draw(CRAFTED) + good[end:]
    signer = MediaSigner(MEDIA_RING, HandClock())
    try:
        key = signer.check(sign(signer, signed, folder), raw_key)
    except Forbidden:
        assert raw_key != good
        return
    assert key == signed or (folder and key.startswith(signed + "/") and "/" not in key[len(signed) + 1 :])
    assert posixpath.normpath(key) == key
    assert unquote(raw_key) == key, "who decodes the path once reads the same key"
    name = raw_key.rpartition("/")[2]
    assert unquote(unquote(name)) == name, "who decodes it once more does not leave the folder by it"
