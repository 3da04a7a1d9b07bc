"""Blobs: whole or not at all, resumable, and gone when nobody needs them."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restyle.errors import BlobMissingError, ProtocolError, ResourcesError
from restyle_server.blobs import MAPPED_BYTES, MAX_OPEN_UPLOADS, BlobStore, Uploads


def digest_of(content: np.ndarray) -> str:
    return hashlib.sha256(content.tobytes()).hexdigest()


def noise(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def uploads(store, tmp_path):
    uploads = Uploads(store, tmp_path / "blobs" / "incoming")
    yield uploads
    uploads.close()


@contextmanager
def disk_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size`: what a full disk looks like to a program."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_array_comes_back(store):
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    digest = store.put(memoryview(array.view(np.uint8).reshape(-1)))
    assert digest == digest_of(array)
    described = {"hash": digest, "dtype": "float32", "shape": [4, 3]}
    back = store.load(described)
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable
    assert store.read(digest, 4, 8) == array.tobytes()[4:12]
    assert store.read(digest, 1000, 8) == b""
    for other in ({"shape": [5, 3]}, {"hash": "0" * 64}):
        with pytest.raises(BlobMissingError):
            store.load(described | other)


@pytest.mark.skipif(os.name == "nt", reason="there a mapped file could not be deleted")
def test_a_large_array_is_mapped_and_changing_it_changes_no_blob(store):
    array = noise(MAPPED_BYTES)
    digest = store.put(memoryview(array))
    back = store.load({"hash": digest, "dtype": "uint8", "shape": [len(array)]})
    assert isinstance(back, np.memmap)
    np.testing.assert_array_equal(back, array)
    back[:100] = 0
    assert digest_of(np.frombuffer(store.read(digest, 0, MAPPED_BYTES), np.uint8)) == digest
    store.path(digest).unlink()
    np.testing.assert_array_equal(back[100:], array[100:])  # whoever uses it still does


def test_an_empty_array_is_a_blob_too(store, uploads):
    assert store.put(memoryview(b"")) == hashlib.sha256(b"").hexdigest()
    assert store.load({"hash": hashlib.sha256(b"").hexdigest(), "dtype": "int32", "shape": [0, 3]}).shape == (0, 3)
    other = Uploads(BlobStore(store._folder / "other"), store._folder / "other" / "incoming")
    assert other.write(hashlib.sha256(b"").hexdigest(), 0, 0, np.zeros(0, np.uint8)) == 0
    other.close()


@pytest.mark.parametrize("digest", ["../../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", ""])
def test_only_hashes_name_blobs(store, uploads, digest):
    for ask in (store.size, store.touch, lambda name: store.read(name, 0, 1), uploads.have):
        with pytest.raises(ProtocolError):
            ask(digest)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_chunks_in_any_order_and_number_give_the_blob_or_none(tmp_path_factory, data):
    content = noise(data.draw(st.integers(1, 2000)))
    digest = digest_of(content)
    store = BlobStore(tmp_path_factory.mktemp("blobs"))
    with closing(Uploads(store, store._folder / "incoming")) as uploads:
        have = 0
        for _ in range(data.draw(st.integers(0, 12))):
            start = data.draw(st.integers(0, content.size))
            stop = data.draw(st.integers(start, content.size))
            if data.draw(st.booleans()):
                uploads.close()  # a restart
            now = uploads.write(digest, content.size, start, content[start:stop])
            assert now == (max(have, stop) if start <= have else have)
            have = now
            if have < content.size:
                assert uploads.have(digest) == have
                assert store.size(digest) is None
        assert uploads.write(digest, content.size, have, content[have:]) == content.size
        assert store.read(digest, 0, content.size) == content.tobytes()


def test_a_blob_with_another_hash_is_thrown_away_and_can_be_sent_again(store, uploads):
    content = noise(1000)
    digest = digest_of(content)
    wrong = content.copy()
    wrong[500] ^= 1
    assert uploads.write(digest, 1000, 0, wrong) == 0
    assert store.size(digest) is None
    assert uploads.have(digest) == 0
    assert uploads.write(digest, 1000, 0, content) == 1000
    assert store.size(digest) == 1000


def test_chunks_that_do_not_fit_are_refused(uploads):
    for offset, size in ((-1, 10), (8, 10), (0, 2)):
        with pytest.raises(ProtocolError):
            uploads.write("a" * 64, size, offset, noise(3))


def test_many_uploads_at_once_keep_few_files_open(store, uploads):
    contents = [noise(100, seed=number) for number in range(MAX_OPEN_UPLOADS * 2)]
    for content in contents:
        assert uploads.write(digest_of(content), 100, 0, content[:50]) == 50
    assert len(uploads._open) == MAX_OPEN_UPLOADS
    for content in contents:
        assert uploads.write(digest_of(content), 100, 50, content[50:]) == 100
    assert uploads._open == {}


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_tears_nothing(store, uploads):
    content = noise(300_000)
    digest = digest_of(content)
    assert uploads.write(digest, content.size, 0, content[:90_000]) == 90_000
    with disk_limit(100_000):
        with pytest.raises(ResourcesError, match="disk is full"):
            uploads.write(digest, content.size, 90_000, content[90_000:])
        with pytest.raises(ResourcesError, match="disk is full"):
            store.put(content.data)
    assert uploads.have(digest) == 90_000
    assert uploads.write(digest, content.size, 90_000, content[90_000:]) == content.size
    assert store.path(digest).read_bytes() == content.tobytes()
    assert store.put(content.data) == digest
    files = [path for path in store._folder.rglob("*") if path.is_file()]
    assert files == [store.path(digest)]


def test_cleaning_takes_what_is_old_and_needed_by_nobody(store, uploads):
    old, needed, young = (store.put(noise(10, seed=seed).data) for seed in range(3))
    left = noise(10, seed=9)
    uploads.write(digest_of(left), 10, 0, left[:5])
    uploads.close()
    past = time.time() - 7200
    for path in (store.path(old), store.path(needed), store._folder / "incoming" / digest_of(left)):
        os.utime(path, (past, past))
    assert store.collect({needed}, 3600) == 2
    assert store.size(old) is None
    assert uploads.have(digest_of(left)) == 0
    assert store.size(needed) == store.size(young) == 10
    os.utime(store.path(young), (past, past))
    store.touch(young)
    assert store.collect({needed}, 3600) == 0
