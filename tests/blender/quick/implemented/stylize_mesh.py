"""Takes 0.05 s per iteration and moves every vertex outwards, by an amount that depends on the seed alone.

Tells in its report what came, and in previews how far it is; its style is the amount.
"""

import time

import numpy as np

from restyle.kinds.model import Model
from restyle.styleset import joined


def run(context, inputs, parameters):
    iterations = parameters["iterations"] or 10
    vertices = inputs["mesh"].vertices.astype(np.float32)
    for iteration in range(iterations):
        context.progress(iteration / iterations, f"Step {iteration} of {iterations}")
        if iteration % 4 == 1:
            so_far = attributes(vertices, amount_of(parameters["seed"]) * np.float32(iteration / iterations))
            context.preview("attributes", "attributes", {name: so_far[name] for name in ("colors", "offset")})
        time.sleep(0.05)
    count = parameters["variations"]
    seeds = [parameters["seed"] + number for number in range(count)]
    report = {"model": "mini", "stand_in": True, "device": context.device, "seconds": 0.05 * iterations}
    report["inputs"] = {name: describe(value) for name, value in inputs.items()}
    report["detail"] = {"level": 2, "limit": 0.03, "longest": 0.1}
    report["variations"] = [{"seed": seed, "score": 0.5} for seed in seeds]
    owner = inputs.get("vertex_attributes", {}).get("object", np.zeros(1))
    styles = [
        style(seed, number, each, inputs.get("prompt", "a picture"))
        for number, seed in enumerate(seeds, 1)
        for each in range(1, 2 + int(owner.max()))
    ]
    outputs = {
        "attributes": attributes(vertices, amount_of(seeds[0])),
        "picture": np.zeros((4, 4, 3), np.uint8),
        "style": styles[0],
        "report": report,
    }
    if len(styles) > 1:
        outputs["styles"] = joined(styles)
    if count == 1:
        return outputs
    made = [attributes(vertices, amount_of(seed)) for seed in seeds]
    packed = {
        f"variation_{number}": np.concatenate([each["colors"], each["displacement"][:, None]], axis=1)
        for number, each in enumerate(made, 1)
    }
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    tiles = np.repeat(np.repeat(np.arange(rows * columns).reshape(rows, columns), 8, axis=0), 8, axis=1)
    sheet = np.ascontiguousarray(np.repeat(tiles[..., None], 3, axis=2).astype(np.uint8) * 20)
    return outputs | {"variations": {"normal": vertices} | packed, "variations_picture": sheet}


def style(seed, variation, number, prompt):
    """Moves by the amount of its seed, and 0.5 more for each further object."""
    about = {"prompt": prompt, "seed": seed, "model": "mini", "variation": variation, "object": number}
    return Model({"amount": np.float32([amount_of(seed) + (number - 1) / 2])}, {"about": about})


def amount_of(seed):
    return np.float32(0.1 + seed % 100 / 1000)


def attributes(vertices, amount):
    return {
        "colors": np.ascontiguousarray(np.clip(np.abs(vertices), 0, 1)),
        "displacement": np.full(len(vertices), amount),
        "offset": vertices * amount,
    }


def describe(value):
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: {"shape": list(array.shape), "sum": float(array.sum())} for name, array in value.items()}
    if hasattr(value, "faces"):
        middle = value.vertices.mean(axis=0)
        return {
            "vertices": len(value.vertices),
            "faces": len(value.faces),
            "up": value.up,
            "uv": None if value.uv is None else list(value.uv.shape),
            "middle": [float(part) for part in middle],
            "extent": [float(part) for part in np.ptp(value.vertices, axis=0)],
        }
    return {"shape": list(value.shape), "mean": float(value.mean())}
