"""Gives the clip back as it came; so far as it is, in previews."""

import time

import numpy as np


def run(context, inputs, parameters):
    clip = inputs["structure"]
    iterations = parameters["iterations"] or 2
    for iteration in range(iterations):
        context.progress(iteration / iterations, f"Frame {iteration} of {iterations}")
        if iteration % 4 == 1:
            for number in (1, 2):
                context.preview(f"frame {number:06}", "image", np.ascontiguousarray(clip.pixels[number - 1]))
        time.sleep(0.05)
    return {"frames": clip, "report": {"device": context.device, "seconds": 0.1, "fps": clip.fps}}
