"""Run by a Blender of its own: writes frames of a movie or of numbered pictures as raw Targa files.

Blender has no way to read the frames of a movie other than to render it, which would hold up the artist's. So this runs
in a second process, in an empty scene: blender --background --factory-startup --python clip_reader.py -- FOLDER, where
FOLDER/request.json is what `clips.Request` holds. Frame i is written to frame_<i>.tga, the list of them to done.json.
"""

import json
import sys
from pathlib import Path

import bpy


def content_index(number, request, count):
    """The index of the content's frame that shows `number` frames after the strip's start.

    A strip may be longer or shorter than its content: played at another rate, or one picture held.
    """
    position = request["ahead"] + number
    index = int(position * count / request["total"] + 1e-6) if request["total"] else position
    index = min(max(index, 0), count - 1)
    return request["skip"] + (count - 1 - index if request["reverse"] else index)


def add_strip(scene, request):
    """The strip in the empty scene, from its first to its last frame."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    first, *others = request["files"]
    if request["kind"] == "MOVIE":
        return strips.new_movie("clip", first, 1, 1)
    strip = strips.new_image("clip", first, 1, 1)
    for file in others:
        strip.elements.append(Path(file).name)
    return strip


def size_of(strip, request):
    """Width and height of the content."""
    element = strip.elements[0]
    if element.orig_width and element.orig_height:
        return element.orig_width, element.orig_height
    image = bpy.data.images.load(request["files"][0])
    return tuple(image.size)


def set_up(scene, width, height, percent):
    """A render that hands the strip's pixels on as they are, or smaller."""
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, percent
    render.dither_intensity = 0.0
    render.use_sequencer, render.use_compositing = True, False
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format = "TARGA_RAW"
    render.image_settings.color_mode = "RGB"
    render.use_file_extension = False
    scene.view_settings.view_transform = "Standard"


def main(folder):
    """Read the request, write the frames."""
    request = json.loads((folder / "request.json").read_text())
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    strip = add_strip(scene, request)
    count = len(request["files"]) if request["kind"] == "IMAGE" else strip.frame_duration
    count = max(1, count - request["skip"] - request["skip_end"])
    width, height = size_of(strip, request)
    if not width or not height:
        raise SystemExit(f"{request['files'][0]} has no pictures that Blender can read.")
    set_up(scene, width, height, request["percent"])
    indices = [content_index(number, request, count) for number in range(request["length"])]
    for index in sorted(set(indices)):
        scene.frame_set(index + 1)
        scene.render.filepath = str(folder / f"frame_{index}.tga")
        bpy.ops.render.render(write_still=True)
    (folder / "done.json").write_text(json.dumps(indices))


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
