"""A strip of pictures to make a clip of. A test file takes these fixtures by `pytest_plugins = ["clip_fixtures"]`."""

from __future__ import annotations

import pytest
from clip_parts import COUNT, frame

bpy = pytest.importorskip("bpy", reason="needs the bpy module")


@pytest.fixture
def editor(scene):
    return scene.sequence_editor_create()


@pytest.fixture
def strips(part, editor):
    """The collection of strips, by whatever name this version has."""
    return part("compat").strips_of(editor)


@pytest.fixture
def matter(scene):
    image = bpy.data.images.new("matter", 16, 16)
    scene.restyle.frames_analogy.from_appearance.image = image
    return image


@pytest.fixture
def strip_of(part, strips, editor, tmp_path):
    """Make an image strip of these pictures; what was the active strip stays it."""

    def make(name, pictures, channel=5, start=100):
        folder = tmp_path / name
        folder.mkdir()
        for number, pixels in enumerate(pictures):
            (folder / f"f{number:03}.png").write_bytes(part("rasters").png(pixels))
        active = editor.active_strip
        strip = strips.new_image(name, str(folder / "f000.png"), channel, start)
        for number in range(1, len(pictures)):
            strip.elements.append(f"f{number:03}.png")
        editor.active_strip = active
        return strip

    return make


@pytest.fixture
def sequence(strip_of, editor, matter):
    """An image strip of COUNT frames, from frame 10 on in channel 2; the active one."""
    editor.active_strip = strip = strip_of("shot", [frame(number) for number in range(COUNT)], 2, 10)
    bpy.ops.ed.undo_push(message="Strip")
    return strip


@pytest.fixture
def send(part, scene):
    """Send as the operator does in a window, without waiting."""

    def begin(**values):
        job = part("restyle.jobs").declaration("frames_analogy")
        choices = part("settings").choices(scene.restyle.frames_analogy, job)
        return part("session").session().submit(job.name, None, {}, values, choices)

    return begin
