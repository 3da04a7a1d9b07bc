"""The data socket: jobs and arrays come in here, results go out."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable

import numpy as np

from restyle.codec import MAX_FRAMES, check_description
from restyle.errors import BadInputError, ProtocolError, RestyleError
from restyle.jobs import declaration
from restyle.kinds import Packed, kind
from restyle.protocol import CHUNK_BYTES, PAGE_BYTES, check_hash, check_job_id, take

from .blobs import BlobStore, Uploads
from .config import ServerConfig
from .router import Arrays, Handler, Header, Peer
from .store import Store

logger = logging.getLogger(__name__)
MAX_LOG_BYTES = CHUNK_BYTES
CLEAN_INTERVAL = 3600.0
BLOB_AGE = 3600.0  # an upload is this long safe before its job is submitted
PREVIEW_INTERVAL = 60.0
PREVIEW_AGE = 300.0  # a preview that a newer one has replaced can be fetched this long: by now nobody waits for it


class DataService:
    """The handlers of the data socket, all on its thread.

    on_accept: called after a job was committed.
    """

    def __init__(self, config: ServerConfig, store: Store, on_accept: Callable[[], None]) -> None:
        self._config = config
        self._store = store
        self._on_accept = on_accept
        self._blobs = BlobStore(config.blobs_dir)
        self._uploads = Uploads(self._blobs, config.blobs_dir / "incoming")
        self._clean_at = 0.0
        self._previews_at = 0.0
        self.handlers: dict[str, Handler] = {
            "submit": self.submit,
            "put_blob": self.put_blob,
            "fetch": self.fetch,
            "log": self.log,
        }

    def submit(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Accept a job for good, or say which blobs must come first."""
        job_id = check_job_id(take(header, "job", str))
        declared = declaration(take(header, "name", str))
        parameters = declared.check_parameters(take(header, "parameters", dict))
        inputs = take(header, "inputs", dict)
        if len(json.dumps([parameters, inputs])) > PAGE_BYTES:
            raise ProtocolError(f"Parameters and descriptions of more than {PAGE_BYTES:,} bytes; long data are arrays.")
        declared.check_inputs(set(inputs))
        declared.check_together(parameters, set(inputs))
        wanted: dict[str, int] = {}
        for port in declared.inputs:
            if port.name in inputs:
                wanted |= check_value(port.kind, inputs[port.name])
        missing = [digest for digest, size in wanted.items() if not self._is_here(digest, size)]
        if missing:
            peer.answer({"need": [{"hash": digest, "have": self._uploads.have(digest)} for digest in missing]})
            return
        self._store.add(job_id, declared.name, parameters, inputs)
        self._on_accept()
        peer.answer({"accepted": True})

    def _is_here(self, digest: str, size: int) -> bool:
        found = self._blobs.size(digest)
        if found is not None and found != size:
            raise BadInputError(f"The array {digest[:12]} has {found:,} bytes; its shape and type say {size:,}.")
        self._blobs.touch(digest)
        return found is not None

    def put_blob(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Take one chunk of a blob."""
        digest, offset, size = _piece(header)
        check_description({"dtype": "uint8", "shape": [size]})
        if len(arrays) != 1 or arrays[0].dtype != np.uint8 or arrays[0].ndim != 1:
            raise ProtocolError("A chunk is one array of bytes.")
        peer.answer({"have": self._uploads.write(digest, size, offset, arrays[0])})

    def fetch(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Send one piece of a blob."""
        digest, offset, size = _piece(header)
        if offset < 0 or not 0 < size <= CHUNK_BYTES:
            raise ProtocolError(f"A piece has 1 to {CHUNK_BYTES} bytes and starts at 0 or later.")
        peer.answer({}, (np.frombuffer(self._blobs.read(digest, offset, size), np.uint8),))

    def log(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Send the end of a job's log."""
        job_id = check_job_id(take(header, "job", str))
        self._store.status(job_id)
        try:
            with (self._config.jobs_dir / job_id / "log.txt").open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - MAX_LOG_BYTES))
                content = file.read(MAX_LOG_BYTES)
        except FileNotFoundError:
            content = b""  # it has not begun
        peer.answer({}, (np.frombuffer(content, np.uint8),))

    def tick(self) -> float:
        """Clean up once an hour, and previews, of which live ones would fill a gigabyte by then, once a minute.

        On this thread, so that no blob goes between an upload and its submit.
        """
        now = time.monotonic()
        if now >= self._previews_at:
            self._previews_at = now + PREVIEW_INTERVAL
            self._blobs.discard(self._store.superseded(PREVIEW_AGE), PREVIEW_AGE)
        if now >= self._clean_at:
            self._clean_at = now + CLEAN_INTERVAL
            try:
                self._clean()
            except RestyleError:
                logger.exception("cleaning up did not work; it is tried again later")
        return min(self._clean_at, self._previews_at) - now

    def _clean(self) -> None:
        for job_id in self._store.expired(self._config.keep):
            self._store.forget(job_id)
        known = self._store.job_ids()
        if self._config.jobs_dir.is_dir():
            for folder in self._config.jobs_dir.iterdir():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
        self._uploads.close()
        self._blobs.collect(self._store.hashes(), BLOB_AGE)


def _piece(header: Header) -> tuple[str, int, int]:
    return check_hash(take(header, "hash", str)), take(header, "offset", int), take(header, "size", int)


def check_value(kind_name: str, described: object) -> dict[str, int]:
    """The blobs, with sizes, that a described input names; nothing is allocated for what it claims.

    Raises ProtocolError or BadInputError. A value without arrays is validated whole.
    """
    if not isinstance(described, dict) or described.get("kind") != kind_name:
        raise ProtocolError(f"An input that is not described as a {kind_name}.")
    meta, arrays = take(described, "meta", dict), take(described, "arrays", dict)
    if len(arrays) > MAX_FRAMES:
        raise ProtocolError(f"A value of {len(arrays)} arrays; at most {MAX_FRAMES} are taken.")
    wanted: dict[str, int] = {}
    for entry in arrays.values():
        size = check_description(entry)[2]
        wanted[check_hash(take(entry, "hash", str))] = size
    if not arrays:
        kind(kind_name).unpack(Packed(kind_name, meta))
    return wanted
