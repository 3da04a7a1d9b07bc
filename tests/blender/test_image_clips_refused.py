"""Clips that cannot be sent: what is said, before anything is read."""

from __future__ import annotations

import pytest
from clip_parts import refused
from strip_names import put

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
pytest_plugins = ["clip_fixtures"]
QUICK_SERVER = True


def test_no_strip(scene, editor, matter):
    refused("Select a movie or image strip first")


def test_strips_of_other_kinds(scene, editor, strips, matter):
    color = {"name": "color", "type": "COLOR", "channel": 1, "frame_start": 1}
    try:
        strip = strips.new_effect(**color, length=10)
    except TypeError:
        strip = strips.new_effect(**color, frame_end=10)
    editor.active_strip = strip
    refused("“color” is a color strip: render it")


def test_a_frame_that_is_missing(scene, sequence, tmp_path):
    (tmp_path / "shot" / "f003.png").unlink()
    refused(r"“shot” needs .*f003\.png, which does not exist")


def test_a_movie_that_is_none(scene, server, editor, strips, matter, tmp_path):
    good = tmp_path / "shot.mkv"
    good.write_bytes(b"this is no movie")
    strip = strips.new_movie("shot", str(good), 1, 1)
    if strip is None or not len(strip.elements):
        pytest.skip("this Blender does not even make a strip of it")
    editor.active_strip = strip
    refused("“shot” cannot be read|has no pictures")


def test_a_clip_that_is_too_long_is_refused_before_it_is_read(scene, sequence, part):
    put(sequence, duration=300_000)
    refused("Structure: frames: 300,000 frames of 54 x 36 are too much")
