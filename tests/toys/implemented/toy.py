"""The implementation of the test job; its result depends on seed and steps alone, however often it was interrupted."""

import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import time

import numpy as np

from restyle.errors import BadInputError
from restyle.kinds.media import MovieFile


def run(context, inputs, parameters):
    if parameters["misbehave"] != "no":
        misbehave(context, parameters["misbehave"])
    if parameters["misbehave"] == "no_output":
        return {}
    if parameters["misbehave"] == "bad_output":
        return {"report": {}, "attributes": {"colors": np.full((3, 3), np.nan, np.float32)}}
    checkpoint = context.scratch / "step.txt"
    done, value = 0, float(parameters["seed"])
    if checkpoint.exists():
        step, text = checkpoint.read_text().split()
        done, value = int(step), float(text)
    for step in range(done, parameters["steps"]):
        value = value * 0.5 + 1.0
        time.sleep(parameters["pause"])
        part = checkpoint.with_suffix(".part")
        part.write_text(f"{step + 1} {value!r}")
        part.replace(checkpoint)
        context.progress((step + 1) / parameters["steps"], f"Step {step + 1}", value=np.float32(value), pid=os.getpid())
    outputs = {"report": {"value": value, "resumed_at": done, "pid": os.getpid(), "prompt": inputs.get("prompt", "")}}
    if "mesh" in inputs:
        vertices = inputs["mesh"].vertices.astype(np.float32)
        context.preview("picture", "image", np.full((4, 5, 3), int(value), np.uint8))
        outputs["attributes"] = {
            "colors": np.ascontiguousarray(np.abs(vertices)),
            "offset": vertices * np.float32(value),
            "displacement": np.linalg.norm(vertices, axis=1).astype(np.float32),
        }
    if "clip" in inputs:
        outputs["report"]["clip"] = hashlib.sha256(b"".join(inputs["clip"].parts)).hexdigest()
    if parameters["film"]:
        film = context.scratch / "film.mp4"
        random = np.random.default_rng(parameters["seed"])
        with film.open("wb") as file:
            for _ in range(parameters["film"]):
                file.write(random.bytes(1 << 20))
        outputs["film"] = MovieFile.of(film)
        outputs["report"]["film"] = hashlib.sha256(film.read_bytes()).hexdigest()
    return outputs


def misbehave(context, how):
    if how == "sleep":
        context.progress(0.0, "Asleep")
        time.sleep(600)
    if how == "child":
        child = subprocess.Popen(["sleep", "600"])
        context.progress(0.0, "Waiting", child=child.pid)
        child.wait()
    if how == "wedge":
        context.progress(0.0, "Wedged")
        time.sleep(0.3)  # the report goes out
        ctypes.PyDLL(None).sleep(600)  # PyDLL keeps the interpreter's lock, as badly written native code does
    if how == "crash" or (how == "crash_once" and context.attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "memory":
        np.empty(2**60, np.uint8)
    if how == "bug":
        print("about to divide")
        _ = 1 // 0
    if how == "bad_input":
        raise BadInputError("toy: vertices[3] is not to my taste. Use another.")
    if how == "chatty":
        raise BadInputError("toy: " + 50_000 * "long ")
    if how == "exit":
        sys.exit(3)
