"""Media files of many megabytes to and from a real server: in little memory, whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_server import TOYS, ToyServer

import restyle
from restyle.errors import BlobMissingError

FILM = 80  # MiB; above the size from which a file comes in several arrays
ROOM = 40 << 20  # bytes that a client may take beside what it has once it is connected
LIMIT = 30 << 20  # bytes of a file, at which the system refuses to write on

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the limits of processes are Linux's")

# A client in a process of its own. The system itself holds it to its room: what needs more is a MemoryError.
CLIENT = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from toy_server import toy_declared
import restyle
with restyle.connect(sys.argv[2]) as client, toy_declared():
    client.jobs()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    taken = int(status["VmData"].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_DATA, (taken + int(sys.argv[3]),) * 2)
    exec(sys.argv[4])
"""

# The same, whose files the system ends at LIMIT bytes, by a signal; what that does is the test's choice.
LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, {handler})
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit},) * 2)
client.result({job!r}).film.save(Path({path!r}))
"""


def call(server: ToyServer, work: str) -> subprocess.CompletedProcess[str]:
    with server.connect() as client:
        endpoint = client.server.endpoint
    command = [sys.executable, "-c", CLIENT, str(TOYS), endpoint, str(ROOM), work]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def done(shared_server: ToyServer) -> restyle.Result:
    """A job that is done, with a film of FILM megabytes among its results."""
    with shared_server.connect() as client:
        return client.submit("toy", film=FILM).result()


@needs_linux
def test_a_film_is_saved_in_little_memory(shared_server: ToyServer, done: restyle.Result, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    ran = call(shared_server, f"client.result({done.status.id!r}).film.save(Path({str(path)!r}))")
    assert ran.returncode == 0, ran.stderr
    assert path.stat().st_size == FILM << 20
    assert hash_of(path) == done.report["film"]
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]
    # To show that the limit would tell: in memory there is no room for it.
    ran = call(shared_server, f"client.result({done.status.id!r}).film.load()")
    assert "MemoryError" in ran.stderr


@needs_linux
def test_the_command_fetches_it_in_little_memory(
    shared_server: ToyServer, done: restyle.Result, tmp_path: Path
) -> None:
    words = ["jobs", "fetch", done.status.id, "-o", str(tmp_path), "--server"]
    ran = call(
        shared_server,
        f"from restyle.cli.main import main; raise SystemExit(main([*{words!r}, sys.argv[2]]))",
    )
    assert ran.returncode == 0, ran.stderr
    assert hash_of(tmp_path / "film.mp4") == done.report["film"]


@needs_linux
def test_a_film_is_sent_in_little_memory(shared_server: ToyServer, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(np.random.default_rng(5).bytes(FILM << 20))
    work = "print(client.submit('toy', clip=restyle.MovieFile.{}).result().report['clip'])"
    ran = call(shared_server, work.format(f"of({str(path)!r})"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == hash_of(path)


@needs_linux
@pytest.mark.parametrize(
    ("handler", "code", "said", "left"),
    [
        ("signal.SIG_IGN", 1, "film.mp4: it cannot be written: File too large", []),
        ("signal.default_int_handler", -signal.SIGINT, "KeyboardInterrupt", []),
        ("signal.SIG_DFL", -signal.SIGXFSZ, "", [".film.mp4.*.restyle-part"]),
    ],
    ids=["full", "interrupted", "killed"],
)
def test_a_film_that_is_interrupted_leaves_what_was_there(
    shared_server: ToyServer,
    done: restyle.Result,
    tmp_path: Path,
    handler: str,
    code: int,
    said: str,
    left: list[str],
) -> None:
    """In the midst of it, after LIMIT bytes. Of one that was killed a hidden file stays, until the next is written."""
    path = tmp_path / "film.mp4"
    path.write_text("an earlier film")
    ran = call(shared_server, LIMITED.format(handler=handler, limit=LIMIT, job=done.status.id, path=str(path)))
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr
    assert path.read_text() == "an earlier film"
    others = [file for file in tmp_path.iterdir() if file != path]
    assert [re.sub(r"\.[0-9a-f]{8}\.", ".*.", file.name) for file in others] == left
    assert all(file.stat().st_size == LIMIT for file in others)
    with shared_server.connect() as client:  # the server still has it
        client.result(done.status.id).film.save(path)
    assert hash_of(path) == done.report["film"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_loaded_is_the_same(client: restyle.Client, tmp_path: Path) -> None:
    result = client.submit("toy", film=2, seed=9).result()
    film = result.film
    assert repr(film) == "ResultFile(suffix='.mp4', size=2097152)"
    film.save(tmp_path / "one.mp4")
    loaded = film.load()
    assert isinstance(loaded, restyle.MovieFile)
    assert (loaded.size, loaded.suffix, loaded.first, loaded.last) == (film.size, film.suffix, None, None)
    sent = client.submit("toy", clip=film).result().report["clip"]  # it can be the input of another job
    client.close()
    loaded.save(tmp_path / "two.mp4")
    assert {sent, hash_of(tmp_path / "one.mp4"), hash_of(tmp_path / "two.mp4")} == {result.report["film"]}
    with pytest.raises(restyle.ServerUnavailableError, match="This client is closed"):
        film.save(tmp_path / "three.mp4")
    assert {file.name for file in tmp_path.iterdir()} == {"one.mp4", "two.mp4"}


def test_a_fetch_that_begins_anew_does_not_add_to_the_first(client: restyle.Client, tmp_path: Path) -> None:
    result = client.submit("toy", film=2, seed=10).result()
    film = result.film
    again = dataclasses.replace(film, fetch=lambda use: [film.fetch(use) for _ in range(2)])
    again.save(tmp_path / "film.mp4")
    assert hash_of(tmp_path / "film.mp4") == result.report["film"]


def test_what_came_damaged_is_refused(client: restyle.Client, shared_server: ToyServer, tmp_path: Path) -> None:
    film = client.submit("toy", film=2, seed=11).result().film
    digest = film.described["arrays"]["part00"]["hash"]
    blob = shared_server.data_dir / "blobs" / digest[:2] / digest
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    with pytest.raises(restyle.RetryableError, match="arrived damaged"):
        film.save(tmp_path / "film.mp4")
    blob.write_bytes(content[: 1 << 20])
    with pytest.raises(restyle.RetryableError, match="arrived damaged"):
        film.save(tmp_path / "film.mp4")
    blob.unlink()
    with pytest.raises(BlobMissingError):
        film.save(tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []
