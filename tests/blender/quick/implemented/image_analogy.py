"""Gives the structure picture back as it came, shifted by as many columns as the seed says; tells what else came."""

import time

import numpy as np


def run(context, inputs, parameters):
    iterations = parameters["iterations"] or 2
    picture = inputs.get("structure", inputs["appearance"])
    for iteration in range(iterations):
        context.progress(iteration / iterations, f"Step {iteration} of {iterations}")
        if iteration % 4 == 1:
            context.preview("picture", "image", picture)
        time.sleep(0.05)
    report = {"device": context.device, "seconds": 0.05 * iterations}
    report["inputs"] = {name: describe(value) for name, value in inputs.items()}
    made = np.ascontiguousarray(np.roll(picture, parameters["seed"], axis=1))
    outputs = {"picture": made, "report": report}
    outputs |= {f"sample_{number}": made for number in range(2, parameters["samples"] + 1)}
    if parameters["field"]:  # every pixel from the same place of the appearance, in the other corner of the picture
        height, width = picture.shape[:2]
        report["appearance_size"] = [2 * height, 2 * width]
        rows, columns = np.mgrid[height : 2 * height, width : 2 * width].astype(np.int32)
        outputs["field"] = {"row": rows[..., None], "column": columns[..., None]}
    return outputs | ({"reverse": inputs["appearance"]} if parameters["both"] else {})


def describe(value):
    if isinstance(value, dict):
        return {name: describe(part) for name, part in value.items()}
    return {
        "shape": list(value.shape),
        "dtype": str(value.dtype),
        "low": float(value.min()),
        "high": float(value.max()),
        "mean": float(value.mean(dtype=float)),
    }
