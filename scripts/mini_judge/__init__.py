"""A second model that judges what `mini` makes: its own surfaces, meshes, pictures and network, and checks without one.

Nothing here is shipped, shares a drawing with `mini_world`, or is used to tune `mini` or the stylizer.
"""
