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
def sequence(part, strips, editor, matter, tmp_path):
    """An image strip of COUNT frames, from frame 10 on in channel 2."""
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"f{number:03}.png").write_bytes(part("rasters").png(frame(number)))
    strip = strips.new_image("shot", str(folder / "f000.png"), 2, 10)
    for number in range(1, COUNT):
        strip.elements.append(f"f{number:03}.png")
    editor.active_strip = strip
    bpy.ops.ed.undo_push(message="Strip")
    return strip
