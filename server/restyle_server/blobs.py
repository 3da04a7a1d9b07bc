"""Arrays on disk, named by the SHA-256 of their bytes: written once, never changed, shared by all jobs."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from restyle.codec import check_description
from restyle.errors import BlobMissingError, ProtocolError, ResourcesError
from restyle.protocol import check_hash

MAX_OPEN_UPLOADS = 32
MAPPED_BYTES = 16 << 20  # from here on an array is a map of its file, so that an hour of footage takes no memory
_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full disk into ResourcesError; `what` was being written."""
    try:
        yield
    except OSError as error:
        if error.errno in _OUT_OF_SPACE:
            raise ResourcesError(
                f"The server's disk is full: {what} was not written. Free some space there."
            ) from error
        raise


class BlobStore:
    """The finished blobs of a folder; server and workers each have one on the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where the blob is, or would be."""
        check_hash(digest)
        return self._folder / digest[:2] / digest

    def size(self, digest: str) -> int | None:
        """Its length in bytes, or None if it is not here."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def touch(self, digest: str) -> bool:
        """Make it young again, so that nothing deletes it until a job refers to it; False if it is not here."""
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:
            return False
        return True

    def read(self, digest: str, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`; BlobMissingError if the blob is not here."""
        try:
            with self.path(digest).open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except FileNotFoundError:
            raise _missing(digest) from None

    def load(self, described: dict[str, Any]) -> NDArray[Any]:
        """The array of that hash, dtype and shape; it may be changed, and the blob stays as it is."""
        dtype, shape, size = check_description(described)
        digest = check_hash(described["hash"])
        if self.size(digest) != size:
            raise _missing(digest)
        if size >= MAPPED_BYTES and os.name != "nt":  # there a mapped file could not be deleted
            return np.memmap(self.path(digest), dtype, "c", shape=shape)
        return np.fromfile(self.path(digest), dtype).reshape(shape)

    def put(self, content: memoryview) -> str:
        """Store the bytes durably and return their hash."""
        digest = hashlib.sha256(content).hexdigest()
        if self.size(digest) != len(content) or not self.touch(digest):
            with disk_errors("a result"), tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                try:
                    file.write(content)
                    self.adopt(file, Path(file.name), digest)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        return digest

    def adopt(self, file: BinaryIO | Any, path: Path, digest: str) -> None:
        """Make the fully written, still open `file` at `path` the blob `digest`, so that power loss cannot tear it."""
        file.flush()
        os.fsync(file.fileno())
        target = self.path(digest)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)
        _sync_folder(target.parent)

    def collect(self, referenced: Collection[str], min_age: float) -> int:
        """Delete blobs, and leftovers of uploads, that nothing refers to and nobody touched for `min_age` seconds."""
        paths = (path for path in self._folder.rglob("*") if path.is_file() and path.name not in referenced)
        return sum(_delete_old(path, min_age) for path in paths)

    def discard(self, digests: Collection[str], min_age: float) -> int:
        """Delete these blobs, which nothing may refer to, but those that somebody touched since `min_age` seconds."""
        return sum(_delete_old(self.path(digest), min_age) for digest in digests)


@dataclass
class _Upload:
    file: BinaryIO
    check: Any
    have: int


class Uploads:
    """Blobs on their way in, in chunks; what has come survives a lost connection and a restart of the server."""

    def __init__(self, store: BlobStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._open: OrderedDict[str, _Upload] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True)

    def have(self, digest: str) -> int:
        """How many bytes of an unfinished blob are here, from its start."""
        if digest in self._open:
            return self._open[digest].have
        with suppress(FileNotFoundError):
            return self._path(digest).stat().st_size
        return 0

    def write(self, digest: str, size: int, offset: int, chunk: NDArray[Any]) -> int:
        """Take one chunk and return how many bytes are here now; `size` of them make the blob complete.

        A chunk that came before is ignored; one that would leave a gap is not taken; a blob that does not match its
        hash in the end is thrown away (0 is returned). Raises ProtocolError for a chunk beyond `size`.
        """
        if offset < 0 or offset + chunk.size > size:
            raise ProtocolError(f"A chunk of {chunk.size} bytes at {offset} does not fit a blob of {size}.")
        if self._store.size(digest) == size:
            return size
        upload = self._upload(digest)
        if offset > upload.have:
            return upload.have
        fresh = chunk[upload.have - offset :]
        with disk_errors("an upload"):
            self._append(upload, fresh)
            if upload.have < size:
                return upload.have
            return size if self._finish(digest, upload, size) else 0

    def close(self) -> None:
        """Close all files; they can be taken up again."""
        for upload in self._open.values():
            upload.file.close()
        self._open.clear()

    def _path(self, digest: str) -> Path:
        return self._folder / check_hash(digest)

    def _upload(self, digest: str) -> _Upload:
        if digest not in self._open:
            path = self._path(digest)
            check = hashlib.sha256(path.read_bytes() if path.exists() else b"")
            while len(self._open) >= MAX_OPEN_UPLOADS:
                self._open.popitem(last=False)[1].file.close()
            file = path.open("ab", buffering=0)
            self._open[digest] = _Upload(file, check, file.tell())
        self._open.move_to_end(digest)
        return self._open[digest]

    @staticmethod
    def _append(upload: _Upload, chunk: NDArray[Any]) -> None:
        content = chunk.data
        try:
            while content:
                content = content[upload.file.write(content) :]
        except OSError:
            upload.file.truncate(upload.have)  # a torn chunk would spoil what is already here
            raise
        upload.check.update(chunk.data)
        upload.have += chunk.size

    def _finish(self, digest: str, upload: _Upload, size: int) -> bool:
        del self._open[digest]
        with upload.file:
            intact: bool = upload.have == size and upload.check.hexdigest() == digest
            if intact:
                self._store.adopt(upload.file, self._path(digest), digest)
            else:
                self._path(digest).unlink()
        return intact


def _delete_old(path: Path, min_age: float) -> bool:
    """Delete the file unless it is younger; False if it is, is gone, or (Windows) is open somewhere.

    A worker may find a blob there and rely on it, which makes it young, while this looks at it. So it is looked at
    again once nobody finds it any more.
    """
    limit, doomed = time.time() - min_age, path.with_name(f"{path.name}.old")
    with suppress(OSError):
        if path.stat().st_mtime >= limit:
            return False
        path.replace(doomed)
        if doomed.stat().st_mtime >= limit:
            doomed.replace(path)
            return False
        doomed.unlink()
        return True
    return False


def _missing(digest: str) -> BlobMissingError:
    return BlobMissingError(f"The array {digest[:12]} is not, or no longer, on the server. Submit the job again.")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there; NTFS journals the rename
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
