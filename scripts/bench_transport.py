"""Measure the transport: a mesh of a million vertices up and a result down, against a bare socket in the same run.

    python scripts/bench_transport.py [--vertices 1000000] [--rounds 7]

Both move the same number of bytes between two processes over loopback, in turns; the figure is the ratio of medians.
The bare socket is sendall and recv into new memory, as a mesh or a result needs it: no framing, check or disk. The
server's time runs from the call of `submit` until the job is accepted for good (mesh validated, hashed, sent, hashed
again, written, synced, committed), and from the call of `result` until the arrays are there and checked.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import restyle
import restyle.jobs
from restyle import launch

TOYS = Path(__file__).resolve().parents[1] / "tests" / "toys"  # a job that costs nothing itself

PEER = """
import socket, sys
import numpy as np
up, down = int(sys.argv[2]), int(sys.argv[3])
content = bytes(bytearray(b"1") * down)
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line:
    while True:
        memory, got = memoryview(np.empty(up, np.uint8)), 0
        while got < up:
            count = line.recv_into(memory[got:up])
            if not count:
                raise SystemExit
            got += count
        line.sendall(b"!")
        line.recv(1)
        line.sendall(content)
"""


@dataclass(frozen=True)
class Seconds:
    """Of one round, there and back."""

    up: float
    down: float


class BareSocket:
    """A process at the other end of a TCP connection that takes and gives bytes and does nothing with them."""

    def __init__(self, up: int, down: int) -> None:
        self._content = bytes(bytearray(b"1") * up)
        self._down = down
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self._peer = subprocess.Popen([sys.executable, "-c", PEER, str(port), str(up), str(down)])
            self._line = server.accept()[0]

    def round(self) -> Seconds:
        """Move everything once in each direction."""
        begun = time.perf_counter()
        self._line.sendall(self._content)
        self._line.recv(1)
        middle = time.perf_counter()
        self._line.sendall(b"?")
        memory, got = np.empty(self._down, np.uint8).data, 0
        while got < self._down:
            got += self._line.recv_into(memory[got:])
        return Seconds(middle - begun, time.perf_counter() - middle)

    def close(self) -> None:
        """End the other process."""
        self._line.close()
        self._peer.wait()


@contextmanager
def toy_client(folder: Path) -> Iterator[restyle.Client]:
    """A client of a server that knows the test job `toy`."""
    restyle.jobs.__path__.append(str(TOYS / "declared"))
    settings = json.dumps({"data_dir": str(folder)})
    server = subprocess.Popen([sys.executable, str(TOYS / "launch.py"), "serve", settings], stderr=subprocess.DEVNULL)
    try:
        with restyle.connect(launch.wait(server, folder).endpoint, timeout=60) as client:
            yield client
    finally:
        server.terminate()
        server.wait()


def server_round(client: restyle.Client, mesh: restyle.Mesh) -> Seconds:
    """Send the mesh, let the job run unmeasured, fetch its arrays."""
    begun = time.perf_counter()
    job = client.submit("toy", mesh=mesh, steps=0)
    up = time.perf_counter() - begun
    for _ in job.events():
        pass
    begun = time.perf_counter()
    client.result(job.id)
    return Seconds(up, time.perf_counter() - begun)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vertices", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    faces = random.integers(0, options.vertices, (2 * options.vertices, 3)).astype(np.int32)
    up, down = 36 * options.vertices, 28 * options.vertices
    bare, served = [], []
    socket_peer = BareSocket(up, down)
    with tempfile.TemporaryDirectory() as folder, toy_client(Path(folder)) as client:
        for number in range(options.rounds + 1):
            mesh = restyle.Mesh(random.random((options.vertices, 3), np.float32), np.roll(faces, number, axis=0))
            bare.append(socket_peer.round())
            served.append(server_round(client, mesh))
    socket_peer.close()
    print(f"{options.vertices:,} vertices, {up / 1e6:.0f} MB up, {down / 1e6:.0f} MB down, {options.rounds} rounds")
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    totals = []
    for name, size, part in (("up", up, "up"), ("down", down, "down")):
        seconds = [statistics.median(getattr(entry, part) for entry in entries[1:]) for entries in (bare, served)]
        totals.append(seconds)
        rates = [size / 1e9 / value for value in seconds]
        print(
            f"{name:>5}: bare socket {rates[0]:.2f} GB/s, server {rates[1]:.2f} GB/s, ratio {rates[1] / rates[0]:.2f}"
        )
    ratio = (totals[0][0] + totals[1][0]) / (totals[0][1] + totals[1][1])
    print(f"both: ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
