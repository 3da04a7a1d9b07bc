"""Fetch a model once: resumable, checked by its hash, never half there."""

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from restyle.errors import BadInputError, ResourcesError, RetryableError, UsageError

from .registry import Model, file_sha256, verify

BLOCK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30.0
ATTEMPTS = 5  # in a row without a single new byte
SCHEMES = ("https", "http", "file")

Progress = Callable[[int, int | None], None]


def override_variable(model: Model) -> str:
    """The environment variable that names a mirror of this model: RESTYLE_MODEL_URL_VIT_B_32."""
    return "RESTYLE_MODEL_URL_" + re.sub(r"\W", "_", model.name).upper()


def download(
    model: Model,
    models_dir: Path,
    *,
    url: str | None = None,
    progress: Progress = lambda done, total: None,
    pause: float = 1.0,
) -> Path:
    """Fetch `model` into `models_dir` unless it is there and intact; return its path.

    url: instead of the published address and of the environment's override. What comes must have the published hash.
    progress: called with bytes there and bytes in all, if known. pause: seconds before the first repetition; doubles.
    An interrupted download goes on where it stopped, also in a later call.
    Raises UsageError for a bundled model or an impossible address, RetryableError when nobody answers or what came is
    damaged (it is removed), BadInputError when the address refuses or the folder cannot be written, ResourcesError
    when the disk is full.
    """
    if model.bundled:
        raise UsageError(f"The model {model.name} comes with Restyle; there is nothing to download.")
    target = model.path(models_dir)
    if verify(model, models_dir) == "intact":
        return target
    part = target.with_name(target.name + ".part")
    override = url or os.environ.get(override_variable(model))
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        _require_space(model, part)
        _fetch_from((override,) if override else model.urls, part, progress, pause)
        _check(model, part)
        part.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourcesError(
                f"{part}: the disk is full. Free some space; the download goes on from here."
            ) from error
        raise BadInputError(
            f"{models_dir}: the model cannot be stored there: {error.strerror or error}. Set RESTYLE_MODELS_DIR to a "
            "folder that can be written."
        ) from error
    return target


def _require_space(model: Model, part: Path) -> None:
    needed = (model.bytes or 0) - _size(part)
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise ResourcesError(f"{part.parent}: {needed:,} more bytes are needed there, but only {free:,} are free.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch_from(urls: tuple[str, ...], part: Path, progress: Progress, pause: float) -> None:
    """Try the addresses in order until one has given the whole file."""
    for url in urls[:-1]:
        try:
            return _fetch_persistently(url, part, progress, pause)
        except (RetryableError, BadInputError):
            continue  # the last address is the one whose error counts
    return _fetch_persistently(urls[-1], part, progress, pause)


def _fetch_persistently(url: str, part: Path, progress: Progress, pause: float) -> None:
    """Fetch with repetitions; only attempts in a row that brought nothing count against it."""
    if urllib.parse.urlsplit(url).scheme not in SCHEMES:
        raise UsageError(f"{url}: an address begins with {', '.join(f'{scheme}:' for scheme in SCHEMES)}.")
    failures = 0
    while True:
        before = _size(part)
        try:
            if _fetch_rest(url, part, progress):
                return
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            with error:
                if error.code < 500 and error.code not in (408, 429):
                    raise BadInputError(
                        f"{url} answers {error.code} {error.reason}. Name another source with --url."
                    ) from None
            reason = f"it answers {error.code} {error.reason}"
        except urllib.error.URLError as error:
            if isinstance(error.reason, FileNotFoundError | PermissionError):
                raise BadInputError(f"{url}: it cannot be read: {error.reason.strerror}.") from None
            reason = str(error.reason)
        except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            reason = str(error) or type(error).__name__
        failures = 0 if _size(part) > before else failures + 1
        if failures >= ATTEMPTS:
            raise RetryableError(
                f"{url} cannot be reached: {reason}. Check the network and run the command again (it goes on where it "
                f"stopped), or name another source with --url."
            )
        time.sleep(pause * 2**failures)


def _fetch_rest(url: str, part: Path, progress: Progress) -> bool:
    """One request for what is missing from `part`; whether the file is complete afterwards."""
    start = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "restyle"})  # noqa: S310  the scheme was checked
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        with error:  # "range not satisfiable": everything is there already, or too much, which the hash will tell
            return True
    with response:
        if start and not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            start = 0  # a server that knows no ranges sends everything again
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None and length.isdecimal() else None
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            progress(start, total)
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                start += len(block)
                progress(start, total)
            file.flush()
            os.fsync(file.fileno())
    return total is None or start >= total


def _check(model: Model, part: Path) -> None:
    digest = file_sha256(part)
    if digest != model.sha256:
        size = _size(part)
        part.unlink()
        raise RetryableError(
            f"What was downloaded as {model.name} ({size:,} bytes) is not the published file: its SHA-256 is "
            f"{digest[:16]}..., expected {str(model.sha256)[:16]}.... It was removed. Run the command again, "
            "or name another source with --url."
        )
