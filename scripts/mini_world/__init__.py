"""The picture world on which the bundled CLIP `mini` is trained: procedural scenes, a sphere tracer and captions."""
