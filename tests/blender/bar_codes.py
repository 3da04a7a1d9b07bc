"""Clips whose every frame carries its number as a bar code, and what a sequencer shows of them."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest

WIDTH, HEIGHT, BITS = 96, 32, 12
MAKE = """
import sys, av, numpy as np
path, fps, pictures = sys.argv[1], int(sys.argv[2]), np.load(sys.argv[3])
with av.open(path, "w") as movie:
    stream = movie.add_stream("libx264", rate=fps, options={"crf": "8", "preset": "veryfast", "bf": "3"})
    stream.width, stream.height, stream.pix_fmt = pictures.shape[2], pictures.shape[1], "yuv420p"
    for picture in pictures:
        movie.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
    movie.mux(stream.encode())
"""


def picture(number):
    """(HEIGHT, WIDTH, 3) uint8 that says `number`, which is below 4095."""
    lit = (number + 1) >> np.arange(BITS) & 1
    return np.broadcast_to(np.where(lit, 235, 20).repeat(WIDTH // BITS)[None, :, None], (HEIGHT, WIDTH, 3)).astype(
        np.uint8
    )


def movie(path, fps, count):
    """Write a movie of so many frames, with B frames and far apart key frames, so that seeking has to work for it."""
    python = os.environ.get("RESTYLE_SERVER_PYTHON")
    if not python:
        pytest.skip("RESTYLE_SERVER_PYTHON does not name an interpreter that has the compute server")
    pictures = path.with_suffix(".npy")
    np.save(pictures, np.stack([picture(number) for number in range(count)]))
    subprocess.run([python, "-c", MAKE, path, str(fps), pictures], check=True)
    pictures.unlink()
    return path


def sequence(part, folder, count):
    """Write that many numbered pictures; returns the first."""
    folder.mkdir()
    for number in range(count):
        (folder / f"f{number:04}.png").write_bytes(part("rasters").png(picture(number)))
    return folder / "f0000.png"


def set_up(scene, fps=24):
    """Render what the sequencer shows as it is."""
    render = scene.render
    (render.resolution_x, render.resolution_y), render.resolution_percentage = (WIDTH, HEIGHT), 100
    render.fps, render.fps_base, render.dither_intensity = fps, 1.0, 0
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    scene.view_settings.view_transform = "Standard"


def shown(scene, frames, folder):
    """The numbers that are shown at these frames of the scene; -1 where there is no picture."""
    import bpy

    numbers = []
    scene.render.filepath = str(folder / "shown.png")
    for frame in frames:
        scene.frame_set(frame)
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(scene.render.filepath)
        floats = np.empty((HEIGHT, WIDTH, 4), np.float32)
        image.pixels.foreach_get(floats.ravel())
        bpy.data.images.remove(image)
        lit = floats[HEIGHT // 2, WIDTH // BITS // 2 :: WIDTH // BITS, 0] > 0.5
        numbers.append(int((lit << np.arange(BITS)).sum()) - 1)
    return numbers


def sequencer(scene):
    """A context in which the sequencer's operators work."""
    import bpy

    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type, area.spaces[0].view_type = "SEQUENCE_EDITOR", "SEQUENCER"
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region, scene=scene)


def add_as_the_artist_does(scene, path, frame):
    """Add a movie by the menu, which has it play at its own rate in a scene of another."""
    import bpy

    add = bpy.ops.sequencer.movie_strip_add
    options = {"move_strips": False} if "move_strips" in add.get_rna_type().properties else {}
    with sequencer(scene):
        add(
            filepath=str(path),
            frame_start=frame,
            channel=1,
            sound=False,
            use_framerate=False,
            adjust_playback_rate=True,
            **options,
        )
    return scene.sequence_editor.active_strip
