"""The server as a program: puts the parts together, runs them, takes them apart again."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import zmq

from restyle import discovery
from restyle.errors import RestyleError
from restyle.version import __version__

from .config import AUTO, ServerConfig
from .control import ControlService
from .data import DataService
from .executors.local import LocalExecutor
from .router import Router
from .scheduler import Scheduler
from .store import Store

logger = logging.getLogger(__name__)
WATCH_INTERVAL = 0.5


class Server:
    """One server on one data folder. Raises UsageError if the folder or an address is taken or not allowed."""

    def __init__(self, config: ServerConfig) -> None:
        addresses = config.addresses()
        config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config = config
        self._stopping = threading.Event()
        self._retiring = False
        with ExitStack() as parts:
            self._store = Store(config.data_dir / "jobs.sqlite")
            parts.callback(self._store.close)
            self._store.recover()
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            parts.callback(context.destroy, linger=0)
            executor = LocalExecutor(context, config)
            parts.callback(executor.close)
            scheduler = Scheduler(self._store, executor, config.jobs_dir, config.silence)
            data = DataService(config, self._store, scheduler.wake)
            control = ControlService(config, self._store, executor, scheduler, self._retire)
            self._control = Router("control", context, addresses[0], control.handlers, control.tick)
            self._data = Router("data", context, addresses[1], data.handlers, data.tick)
            self._parts = parts.pop_all()
        control.endpoints = (self._control.endpoint, self._data.endpoint)
        self._store.on_change = self._control.wake
        self._threads = (scheduler, self._control, self._data)

    def run(self) -> int:
        """Serve until told to stop; returns the exit code, which is not 0 if a part of the server broke."""
        for thread in self._threads:
            thread.start()
        address = discovery.Address(
            self._control.endpoint, self._data.endpoint, os.getpid(), __version__, self._config.owner_pid
        )
        discovery.publish(self._config.data_dir, address)
        logger.info("Restyle %s serves at %s, process %d", __version__, self._control.endpoint, os.getpid())
        while not self._stopping.wait(WATCH_INTERVAL) and all(thread.is_alive() for thread in self._threads):
            self._watch_owner()
        return self._close()

    def stop(self) -> None:
        """End `run`; jobs that are not finished are taken up by the next server."""
        self._stopping.set()

    def _retire(self) -> bool:
        self._retiring = self._config.owner_pid is not None
        if self._retiring and not self._store.busy():
            self.stop()
        return self._stopping.is_set()

    def _watch_owner(self) -> None:
        owner = self._config.owner_pid
        self._retiring |= owner is not None and not discovery.process_alive(owner)
        if self._retiring and not self._store.busy():
            self.stop()

    def _close(self) -> int:
        broken = [thread.name for thread in self._threads if not thread.is_alive()]
        discovery.withdraw(self._config.data_dir)
        for thread in self._threads:
            thread.stop()
        for thread in self._threads:
            thread.join()
        self._parts.close()
        if broken:
            logger.error("stopped because of an error in: %s", ", ".join(broken))
        return 1 if broken else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server as the command line says; returns the exit code."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return serve(options)
    except RestyleError as error:
        print(error.message, file=sys.stderr)  # noqa: T201  the program's own message to who started it
        return error.exit_code
    except OSError as error:
        print(f"The server cannot run: {error}.", file=sys.stderr)  # noqa: T201
        return 1


def serve(config: ServerConfig) -> int:
    """Run a server until SIGTERM or SIGINT; to be called from the main thread."""
    server = Server(config)

    def stop(number: int, frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return server.run()


def parse(arguments: Sequence[str] | None) -> ServerConfig:
    """The configuration that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m restyle_server", description="Runs the Restyle compute server.")
    parser.add_argument("--endpoint", default=AUTO, help="tcp://127.0.0.1:PORT, ipc://PATH or auto (default)")
    parser.add_argument(
        "--data-dir", type=Path, help="where jobs and results are kept (default: the user's data folder)"
    )
    parser.add_argument("--device", default=AUTO, type=_device, help="auto (default), cpu, cuda or cuda:N")
    parser.add_argument("--owner-pid", type=int, help="stop when this process is gone and no job is left")
    given = parser.parse_args(arguments)
    folder = given.data_dir or discovery.data_dir()
    return ServerConfig(folder.resolve(), given.endpoint, given.device, given.owner_pid)


def _device(text: str) -> str:
    kind, _, index = text.partition(":")
    if text not in (AUTO, "cpu", "cuda") and not (kind == "cuda" and index.isascii() and index.isdigit()):
        raise argparse.ArgumentTypeError("use auto, cpu, cuda or cuda:N")
    return text
