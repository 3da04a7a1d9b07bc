"""One module per declared job, with `run(context, inputs, parameters) -> outputs`; the worker imports it by name."""
