"""A real server whose `stylize_mesh` is a cheap stand-in, for tests of what happens around a job.

python launch.py serve DATA_DIR
python launch.py worker
"""

import sys
from pathlib import Path

import restyle_server.jobs

if __name__ == "__main__":
    restyle_server.jobs.__path__.insert(0, str(Path(__file__).resolve().parent / "implemented"))
    if sys.argv[1] == "worker":
        from restyle_server import worker

        worker.warm_up = lambda: None  # the stand-ins need no torch, whose import would take longer than most tests
        worker.main()
    else:
        from restyle_server.app import serve
        from restyle_server.config import ServerConfig

        command = (sys.executable, __file__, "worker")
        raise SystemExit(serve(ServerConfig(data_dir=Path(sys.argv[2]), device="cpu", worker_command=command)))
