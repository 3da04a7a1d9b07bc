"""What is being written stays hidden until it is whole, and what a killed process leaves of it goes with the next."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from restyle import outfile
from restyle.errors import BadInputError
from restyle.outfile import check_file, check_folder, check_new_folder, new_file, write_atomically

# Another process in the midst of a file, until it is killed.
WRITER = """
import sys
from contextlib import suppress
from pathlib import Path
from restyle.outfile import new_file
with new_file(Path(sys.argv[1]), 9) as file:
    file.write(b"new")
    file.flush()
    print("in the midst of it", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_what_a_killed_process_leaves_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_text("old")
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        (part,) = (file for file in tmp_path.iterdir() if file != path)
        assert part.name.startswith(".film.mp4.")
        (tmp_path / ".film.mp4.1a2b3c4d.part").touch()  # another program's
        kept = names(tmp_path)
        check_file(path)
        write_atomically(tmp_path / "other", b"")
        check_file(tmp_path / "other")
        assert names(tmp_path) == sorted([*kept, "other"]), "it is in use"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert part.read_text() == "new"
        check_file(tmp_path / "any other.png")
    assert names(tmp_path) == sorted({*kept, "other"} - {part.name})
    assert path.read_text() == "old"


def test_where_no_file_can_be_held_none_is_left_or_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network disks have no locks."""

    def refuse(file: object, *, wait: bool) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(outfile, "_lock", refuse)
    (tmp_path / ".a.1a2b3c4d.restyle-part").touch()
    check_file(tmp_path / "a")
    write_atomically(tmp_path / "a", b"whole")
    assert names(tmp_path) == [".a.1a2b3c4d.restyle-part", "a"]


def test_a_file_that_went_before_it_was_held_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may clear the folder in between."""
    held: list[object] = []

    def late(file: IO[bytes], *, wait: bool) -> None:
        if not held:
            Path(file.name).unlink()
        held.append(file)

    monkeypatch.setattr(outfile, "_lock", late)
    write_atomically(tmp_path / "a", b"whole")
    assert (len(held), names(tmp_path)) == (2, ["a"])


def test_a_folder_is_cleared_too(tmp_path: Path) -> None:
    for check, folder in ((check_folder, tmp_path), (check_folder, tmp_path / "new"), (check_new_folder, tmp_path)):
        (tmp_path / ".0001.png.1a2b3c4d.restyle-part").touch()
        check(folder)
        assert names(tmp_path) == []


def test_it_takes_its_place_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, b"first")
    with suppress(KeyError), new_file(path, 6) as file:
        file.write(b"second")
        raise KeyError
    assert (path.read_bytes(), names(tmp_path)) == (b"first", ["a.txt"])
    with pytest.raises(BadInputError, match=r"a\.txt.b: it cannot be written: Not a directory"):
        write_atomically(path / "b", b"")


def test_a_new_folder_is_not_made_yet(tmp_path: Path) -> None:
    check_new_folder(tmp_path / "a" / "b")
    assert names(tmp_path) == []
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match=r"b: .*file is a file; name a folder"):
        check_new_folder(tmp_path / "file" / "b")
