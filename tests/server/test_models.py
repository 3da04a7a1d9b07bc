"""The model registry, and downloads from a real HTTP server on localhost that misbehaves on purpose."""

from __future__ import annotations

import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from restyle.errors import BadInputError, ModelMissingError, ResourcesError, RetryableError, UsageError
from restyle_server.models import registry
from restyle_server.models.download import download, override_variable
from restyle_server.models.registry import MODELS, Model, describe, resolve, verify

CONTENT = bytes(range(256)) * 20_000  # 5 MB
SMALL = Model(
    name="small.one",
    title="A small file",
    architecture="none",
    file="small.bin",
    urls=("http://127.0.0.1:9/nobody/listens/here",),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    bytes=len(CONTENT),
)


def safetensors(words: str) -> bytes:
    """A whole file with one tensor of four bytes, put together by hand from the format's description."""
    card = {"words": words, "knows": '{"materials": ["brick"]}', "scores": '{"color": 0.9}'}
    header = {"__metadata__": card, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(4)


class Source(http.server.ThreadingHTTPServer):
    """Serves CONTENT; `faults` are used up, one per request, before it behaves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[str] = []
        self.requests: list[tuple[int, int]] = []  # first byte asked for, bytes sent
        self.content = CONTENT
        self.ranges = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/small.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        fault = self.server.faults.pop(0) if self.server.faults else ""
        if fault.isdecimal():
            self.send_error(int(fault))
            return
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        content = self.server.content
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start : start + 1_500_000] if fault == "cut" else content[start:]
        self.server.requests.append((start, len(rest)))
        self.wfile.write(rest)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def source() -> Iterator[Source]:
    with Source() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_download_reports_progress_and_is_not_repeated(source: Source, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = download(SMALL, tmp_path / "new", url=source.url, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert download(SMALL, tmp_path / "new", url=source.url) == path
    assert len(source.requests) == 1
    assert [file.name for file in path.parent.iterdir()] == ["small.bin"]


def test_interrupted_download_goes_on_where_it_stopped(source: Source, tmp_path: Path) -> None:
    source.faults = ["cut", "503", "cut"]
    path = download(SMALL, tmp_path, url=source.url, pause=0.001)
    assert path.read_bytes() == CONTENT
    assert [start for start, _ in source.requests] == [0, 1_500_000, 3_000_000]


@pytest.mark.parametrize("faults", [["503"] * 4 + ["cut"] + ["503"] * 4, ["429", "408"]])
def test_who_is_busy_is_asked_again_and_new_bytes_renew_the_patience(
    source: Source, tmp_path: Path, faults: list[str]
) -> None:
    source.faults = list(faults)
    assert download(SMALL, tmp_path, url=source.url, pause=1e-6).read_bytes() == CONTENT


def test_a_later_call_goes_on_from_the_part_file(source: Source, tmp_path: Path) -> None:
    (tmp_path / "small.bin.part").write_bytes(CONTENT[:4_000_000])
    download(SMALL, tmp_path, url=source.url)
    assert source.requests == [(4_000_000, len(CONTENT) - 4_000_000)]


def test_a_complete_part_file_is_only_checked(source: Source, tmp_path: Path) -> None:
    (tmp_path / "small.bin.part").write_bytes(CONTENT)
    assert download(SMALL, tmp_path, url=source.url).read_bytes() == CONTENT
    assert source.requests == []


def test_a_source_without_ranges_sends_all_again(source: Source, tmp_path: Path) -> None:
    source.ranges = False
    source.faults = ["cut"]
    assert download(SMALL, tmp_path, url=source.url, pause=0.001).read_bytes() == CONTENT
    assert [start for start, _ in source.requests] == [0, 0]


def test_wrong_content_is_removed_and_an_intact_file_stays_away(source: Source, tmp_path: Path) -> None:
    source.content = CONTENT[:-1] + b"x"
    with pytest.raises(RetryableError, match=r"small\.one.*not the published file"):
        download(SMALL, tmp_path, url=source.url)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model_is_replaced(source: Source, tmp_path: Path) -> None:
    (tmp_path / "small.bin").write_bytes(b"half")
    assert verify(SMALL, tmp_path) == "damaged"
    download(SMALL, tmp_path, url=source.url)
    assert verify(SMALL, tmp_path) == "intact"


def test_not_found_says_so_at_once(source: Source, tmp_path: Path) -> None:
    source.faults = ["404"]
    with pytest.raises(BadInputError, match=r"small\.bin answers 404 .*--url"):
        download(SMALL, tmp_path, url=source.url)


def test_offline_is_retried_and_then_named(tmp_path: Path) -> None:
    with pytest.raises(RetryableError, match=r"127\.0\.0\.1:9/.* cannot be reached: .*--url"):
        download(SMALL, tmp_path, pause=0.001)


def test_further_addresses_are_tried(source: Source, tmp_path: Path) -> None:
    both = replace(SMALL, urls=(source.url.replace("small", "404"), source.url))
    source.faults = ["404"]
    assert download(both, tmp_path).read_bytes() == CONTENT


def test_mirror_from_the_environment_and_from_a_file(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert override_variable(SMALL) == "RESTYLE_MODEL_URL_SMALL_ONE"
    monkeypatch.setenv(override_variable(SMALL), source.url)
    assert download(SMALL, tmp_path / "a").read_bytes() == CONTENT
    (tmp_path / "mirror.bin").write_bytes(CONTENT)
    assert download(SMALL, tmp_path / "b", url=(tmp_path / "mirror.bin").as_uri()).read_bytes() == CONTENT
    with pytest.raises(BadInputError, match="no_mirror"):
        download(SMALL, tmp_path / "c", url=(tmp_path / "no_mirror.bin").as_uri())
    with pytest.raises(UsageError, match="ftp://"):
        download(SMALL, tmp_path / "c", url="ftp://somewhere/small.bin")


def test_space_and_folder_are_checked(source: Source, tmp_path: Path) -> None:
    with pytest.raises(ResourcesError, match="are free"):
        download(replace(SMALL, bytes=1 << 60), tmp_path, url=source.url)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="RESTYLE_MODELS_DIR"):
        download(SMALL, tmp_path / "file", url=source.url)
    assert source.requests == []


def test_full_disk_is_named(source: Source, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "small.bin.part").symlink_to("/dev/full")
    with pytest.raises(ResourcesError, match="disk is full"):
        download(SMALL, tmp_path, url=source.url)


# Registry


def test_the_published_hash_is_in_the_address() -> None:
    real = registry.known("ViT-B-32")
    assert all(str(real.sha256) in url for url in real.urls)
    assert real.architecture == "ViT-B-32-quickgelu"


def test_the_bundled_model_is_whole_and_small() -> None:
    mini = registry.known("mini")
    assert verify(mini, Path()) == "intact"
    assert mini.path(Path()).stat().st_size <= 16_000_000


def test_auto_takes_the_best_one_present(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BUNDLED", tmp_path / "package")
    with pytest.raises(ModelMissingError, match="restyle models download ViT-B-32"):
        resolve("auto", tmp_path)
    (tmp_path / "package" / "mini").mkdir(parents=True)
    (tmp_path / "package" / "mini" / "mini.safetensors").write_bytes(safetensors("brick red"))
    assert resolve("auto", tmp_path).name == "mini"
    assert resolve("auto", tmp_path).stand_in
    with pytest.raises(ModelMissingError, match="restyle models download ViT-B-32"):
        resolve("ViT-B-32", tmp_path)
    (tmp_path / "ViT-B-32.pt").write_bytes(b"pretend")
    with pytest.raises(ModelMissingError, match="not the published file"):
        resolve("auto", tmp_path)
    published = replace(registry.known("ViT-B-32"), sha256=hashlib.sha256(b"pretend").hexdigest())
    monkeypatch.setattr(registry, "MODELS", (published, registry.known("mini")))
    entry = resolve("auto", tmp_path)
    assert (entry.name, entry.stand_in, entry.path) == ("ViT-B-32", False, tmp_path / "ViT-B-32.pt")
    assert resolve("mini", tmp_path).name == "mini"
    assert verify(registry.known("ViT-B-32"), tmp_path) == "intact"
    assert verify(registry.known("mini"), tmp_path) == "intact"
    (tmp_path / "ViT-B-32.pt").write_bytes(b"changed")
    with pytest.raises(ModelMissingError, match="not the published file"):
        resolve("auto", tmp_path)
    real, mini = describe(tmp_path)
    assert (real["present"], real["bytes"], real["words"]) == (True, 7, None)
    assert mini["words"] == ["brick", "red"]
    assert (mini["knows"], mini["scores"], mini["words_right"]) == ({"materials": ["brick"]}, {"color": 0.9}, {})
    assert (real["knows"], real["scores"]) == ({}, {})
    json.dumps([real, mini])


@pytest.mark.parametrize(
    "content", [*(safetensors("brick")[:-cut] for cut in (1, 5, 100, 1000)), b"\xff" * 8 + safetensors("brick")[8:]]
)
def test_a_cut_or_broken_bundled_model_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(registry, "BUNDLED", tmp_path)
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "mini.safetensors").write_bytes(content)
    assert verify(registry.known("mini"), tmp_path) == "damaged"
    assert describe(tmp_path)[1]["present"]


def test_a_missing_bundled_model_and_an_unknown_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BUNDLED", tmp_path)
    with pytest.raises(ModelMissingError, match="Install Restyle again"):
        resolve("mini", tmp_path)
    with pytest.raises(UsageError, match="ViT-B-32, mini"):
        resolve("ViT-L-14", tmp_path)
    with pytest.raises(UsageError, match="nothing to download"):
        download(registry.known("mini"), tmp_path)


def test_names_are_unique() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)


def test_the_registry_imports_no_torch() -> None:
    code = "import sys, restyle_server.models.registry; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.call([sys.executable, "-c", code]) == 0
