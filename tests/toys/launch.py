"""Starts a server, or one of its workers, that knows the test jobs and nothing else.

python launch.py serve '{"data_dir": ..., and whatever else ServerConfig takes}'
python launch.py worker
"""

import json
import logging
import sys
from pathlib import Path

import restyle.jobs
import restyle_server.jobs

HERE = Path(__file__).resolve().parent


def use_toys() -> None:
    """Let both packages of jobs look into the folders of this one."""
    restyle.jobs.__path__[:] = [str(HERE / "declared")]
    restyle_server.jobs.__path__[:] = [str(HERE / "implemented")]


if __name__ == "__main__":
    use_toys()
    if sys.argv[1] == "worker":
        from restyle_server.worker import main

        main()
    else:
        from restyle.errors import RestyleError
        from restyle_server.app import serve
        from restyle_server.config import ServerConfig

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
        settings = json.loads(sys.argv[2])
        settings["data_dir"] = Path(settings["data_dir"])
        command = (sys.executable, __file__, "worker")
        try:
            raise SystemExit(serve(ServerConfig(**{"device": "cpu", "worker_command": command} | settings)))
        except RestyleError as error:
            raise SystemExit(error.message) from error
