"""Takes 0.05 s per iteration and moves every vertex outwards, by an amount that depends on the seed alone."""

import time

import numpy as np


def run(context, inputs, parameters):
    iterations = parameters["iterations"] or 10
    for iteration in range(iterations):
        context.progress(iteration / iterations, f"Step {iteration} of {iterations}")
        time.sleep(0.05)
    vertices = inputs["mesh"].vertices.astype(np.float32)
    amount = np.float32(0.1 + parameters["seed"] % 100 / 1000)
    attributes = {
        "colors": np.ascontiguousarray(np.clip(np.abs(vertices), 0, 1)),
        "displacement": np.full(len(vertices), amount),
        "offset": vertices * amount,
    }
    report = {"model": "mini", "stand_in": True, "device": context.device, "seconds": 0.05 * iterations}
    return {"attributes": attributes, "picture": np.zeros((4, 4, 3), np.uint8), "report": report}
