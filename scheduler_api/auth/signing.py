"""Signed media links: `/media/{token}/{key}` opens the one object, or the one folder, that was signed, until it ends.

`MediaSigner.sign` gives the token for an object key or a preview stream's folder; `check` takes the token and the
path behind it *as it came over the wire*, undecoded, and gives the object's key or raises Forbidden. A token is

    {key id}.{o|f}{expiry, Unix seconds}.{HMAC-SHA256, base64url without padding}

and holds no path: the HMAC covers what the path says (o: the whole of it; f: all before its last slash), the expiry,
and the key id. So there is nothing to decode before the comparison, and no second spelling of a path to get wrong:
only the very characters that were signed fit, and behind a folder one plain file name. In such a path the only
escape is `%25`, for the `%` of a peer id that was percent-encoded in the key itself.

What may be signed is what people may have: previews, exports, thumbnails, parts. Never tracks, documents, the cache.
Must not know who asks: access was checked before the link was made.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from scheduler_api.auth.jwts import Clock
from scheduler_api.errors import Forbidden
from scheduler_api.secrets import Ring
from storage.errors import InvalidKey
from storage.keys import RecordingKeys, check_key

MAX_TTL_S: Final = 15 * 60

_TOKEN: Final = re.compile(
    r"(?P<key_id>[A-Za-z0-9_-]{1,32})\.(?P<kind>[of])(?P<expires>[1-9][0-9]{9})\.(?P<mac>[A-Za-z0-9_-]{43})"
)
_PATH: Final = re.compile(r"(?:[A-Za-z0-9_./-]|%25)+")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+")
_OBJECTS: Final = re.compile(
    r"preview/manifest\.json"
    r"|preview/(?:peers|screenshare)/[^/]+/[^/]+"
    r"|processed/exports/[^/]+"
    r"|processed/thumbnails/[^/]+/[^/]+"
    r"|quick_access/[^/]+"
    r"|assets/[^/]+"
)
_FOLDERS: Final = re.compile(r"preview/(?:peers|screenshare)/[^/]+")


class MediaSigner:
    """Signs with the first key of the ring, and accepts all of them."""

    def __init__(self, ring: Ring, now: Clock) -> None:
        self._ring, self._now = ring, now
        self._secrets = dict(ring)

    def sign(self, room_id: str, recording_id: str, prefix_key: str, folder: bool, ttl_s: int) -> str:
        """The token for the object `prefix_key`, or for the files right inside that folder, for `ttl_s` seconds.

        Raises ValueError for what no link may open, whoever asks; InvalidKey for ids that are none.
        """
        inside = prefix_key.removeprefix(RecordingKeys(room_id, recording_id).prefix + "/")
        allowed = _FOLDERS if folder else _OBJECTS
        if inside == prefix_key or not allowed.fullmatch(inside) or not 0 < ttl_s <= MAX_TTL_S:
            raise ValueError(f"no link can be made for {prefix_key!r} for {ttl_s} s")
        key_id, secret = self._ring[0]
        head = f"{key_id}.{'f' if folder else 'o'}{int(self._now()) + ttl_s}"
        return f"{head}.{_mac(secret, head, url_path(prefix_key))}"

    def check(self, token: str, raw_key: str) -> str:
        """The key of the object that `raw_key`, the undecoded rest of the request's path, names. Raises Forbidden."""
        match = _TOKEN.fullmatch(token)
        if match is None or not _PATH.fullmatch(raw_key):
            raise _refusal()
        signed, name = raw_key, None
        if match["kind"] == "f":
            signed, _, name = raw_key.rpartition("/")
        secret = self._secrets.get(match["key_id"])
        if secret is None or not _fits(secret, token, signed, match["mac"]):
            raise _refusal()
        if self._now() >= int(match["expires"]) or (name is not None and not _PLAIN_NAME.fullmatch(name)):
            raise _refusal()
        return _key(raw_key)


def url_path(key: str) -> str:
    """A key as it is written in a link: keys are made of `A-Z a-z 0-9 _ - . / %`, and only `%` needs an escape."""
    path = check_key(key).replace("%", "%25")
    if not _PATH.fullmatch(path):
        raise InvalidKey(key[:80], "a link can only be made for keys of the characters A-Z a-z 0-9 _ - . / %")
    return path


def _key(raw_key: str) -> str:
    try:
        return check_key(raw_key.replace("%25", "%"))
    except InvalidKey:
        raise _refusal() from None


def _fits(secret: str, token: str, signed: str, mac: str) -> bool:
    return hmac.compare_digest(_mac(secret, token.rpartition(".")[0], signed), mac)


def _mac(secret: str, head: str, path: str) -> str:
    """Over key id, kind, expiry and path; none of them can hold the separator."""
    message = f"recording-farm media link\n{head}\n{path}".encode()
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refusal() -> Forbidden:
    return Forbidden("this link does not open that, or has expired; ask for a new one")
