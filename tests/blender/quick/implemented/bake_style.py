"""Bakes a ramp from left to right: red in the colours, from -amount to amount in the displacement."""

import numpy as np

from restyle_server.jobs.stylize_mesh import describe


def run(context, inputs, parameters):
    context.progress(0.5, "Baking")
    size, amount = parameters["size"], float(inputs["style"].arrays["amount"][0])
    ramp = np.tile(np.linspace(0, 1, size, dtype=np.float32), (size, 1))
    colors = np.zeros((size, size, 3), np.uint8)
    colors[..., 0] = np.rint(ramp * 255)
    outputs = {
        "colors": colors,
        "displacement": {"displacement": (amount * (2 * ramp - 1))[..., None]},
        "picture": np.zeros((4, 4, 3), np.uint8),
        "report": {
            "scale": 2 * amount,
            "midlevel": 0.5,
            "seconds": 0.1,
            "device": context.device,
            "warnings": [],
            "inputs": {name: describe(value) for name, value in inputs.items() if name != "style"},
        },
    }
    if parameters["normal_map"]:
        outputs["normals"] = np.full((size, size, 3), (128, 128, 255), np.uint8)
    return outputs
