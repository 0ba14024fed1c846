"""What there is of a recording: the answer of `GET /recordings/{id}`, every address in it signed.

Takes a sighting, gives the document. Streams are told as soon as their playlists exist, also while they grow. A
preview's streams are opened by one link for their folder, so that what a playlist names needs no link of its own;
exports and thumbnails have a link each. Must not know requests: the address of the API is handed in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from farm.job import Job, rfc3339
from scheduler_api.auth.signing import MediaSigner, url_path
from scheduler_api.jobs.service import Jobs
from storage.errors import ObjectNotFound
from storage.keys import PeerSource, RecordingKeys, decode_id
from storage.objects import ObjectStore

REMEMBERED = 1024
"""Finished previews whose streams are kept in memory."""

_CAMERA_STREAMS = {"av": "av", "low": "av_low", "audio": "audio"}
_SCREEN_STREAMS = {"video": "video"}

Streams = Mapping[str, Mapping[str, str]]
"""Playlist keys: peer id → the answer's name of the stream → key."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes signed addresses of one recording."""

    signer: MediaSigner
    base_url: str
    keys: RecordingKeys
    ttl_s: int

    def to_object(self, key: str) -> str:
        """A link that opens this object alone."""
        return self._url(self._sign(key, folder=False), key)

    def to_streams(self, names: Mapping[str, str]) -> dict[str, str]:
        """Links to playlists of one folder, by one signature for the folder."""
        folder = next(iter(names.values())).rpartition("/")[0]
        token = self._sign(folder, folder=True)
        return {name: self._url(token, key) for name, key in names.items()}

    def _sign(self, key: str, folder: bool) -> str:
        return self.signer.sign(self.keys.room_id, self.keys.recording_id, key, folder, self.ttl_s)

    def _url(self, token: str, key: str) -> str:
        return f"{self.base_url}/media/{token}/{url_path(key)}"


class StatusDesk:
    """Tells what there is, from jobs and from the store."""

    def __init__(self, store: ObjectStore, jobs: Jobs) -> None:
        self._store, self._jobs = store, jobs
        self._finished: OrderedDict[str, tuple[str, tuple[Streams, Streams]]] = OrderedDict()

    async def of(self, links: Links) -> dict[str, Any]:
        """The document of the recording that `links` are for. Raises StorageError, RedisError."""
        keys = links.keys
        jobs = await self._jobs.of_recording(keys.room_id, keys.recording_id)
        previews = [job for job in jobs if job.kind == "preview"]
        exports = [job for job in jobs if job.kind == "export" and "output_key" not in job.request]
        (cameras, screens), manifest = await to_thread.run_sync(self._streams, keys)
        newest = exports[-1] if exports else None
        listed = [_listed(job, links) for job in reversed(exports)]
        preview: dict[str, Any] = {
            "peers": {peer: links.to_streams(names) for peer, names in cameras.items()},
            "screenshare": {peer: links.to_streams(names) for peer, names in screens.items()},
            "job_id": previews[-1].job_id if previews else None,
        }
        if manifest:
            preview["manifest"] = links.to_object(keys.preview.manifest)
        return {
            "recording_id": keys.recording_id,
            "room_id": keys.room_id,
            "preview_status": _status(previews, done=manifest),
            "export_status": newest.status if newest else None,
            "preview": preview,
            "export": {"url": listed[0]["url"] if listed else None, "job_id": newest.job_id if newest else None},
            "exports": listed,
        }

    def _streams(self, keys: RecordingKeys) -> tuple[tuple[Streams, Streams], bool]:
        """The playlists that exist, and whether the preview is whole: then they are kept until it changes."""
        try:
            etag = self._store.stat(keys.preview.manifest).etag
        except ObjectNotFound:
            return self._found(keys), False
        kept = self._finished.get(keys.preview.manifest)
        if kept is None or kept[0] != etag:
            kept = (etag, self._found(keys))
            self._finished[keys.preview.manifest] = kept
            if len(self._finished) > REMEMBERED:
                self._finished.popitem(last=False)
        return kept[1], True

    def _found(self, keys: RecordingKeys) -> tuple[Streams, Streams]:
        return self._group(keys, "camera", _CAMERA_STREAMS), self._group(keys, "screenshare", _SCREEN_STREAMS)

    def _group(self, keys: RecordingKeys, source: PeerSource, wanted: Mapping[str, str]) -> Streams:
        group = keys.preview.folder("any", source).rpartition("/")[0] + "/"
        found: dict[str, dict[str, str]] = {}
        for folder in self._store.folders(group):
            try:
                peer_id = decode_id(folder.removeprefix(group).rstrip("/"))
            except UnicodeDecodeError:  # a folder that no preview made
                continue
            names = {name: keys.preview.stream(peer_id, source, stream).playlist for name, stream in wanted.items()}
            present = {name: key for name, key in names.items() if self._store.exists(key)}
            if present:
                found[peer_id] = present
        return found


def _status(jobs: Sequence[Job], done: bool) -> str | None:
    """The newest job's; a preview that is there without any job, made by the command line, is ready too."""
    if jobs:
        return jobs[-1].status
    return "ready" if done else None


def _listed(job: Job, links: Links) -> dict[str, Any]:
    result = job.result or {}
    ready = job.status == "ready"
    thumbnails: Iterable[str] = result.get("thumbnails", ()) if ready else ()
    return {
        "export_id": job.job_id,
        "status": job.status,
        "composition_id": job.request["composition_id"],
        "url": links.to_object(result["output"]) if ready else None,
        "thumbnails": [links.to_object(key) for key in thumbnails],
        "created_at": rfc3339(job.created_at),
    }
