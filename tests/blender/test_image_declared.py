"""Jobs on pictures that are only declared get their pickers, operator and panel in the editor where results belong."""

from __future__ import annotations

import importlib

import pytest
from staging import PACKAGE, staged_with

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender

DECLARED = """
from ..declare import JobDeclaration, Parameter, Port

JOBS = (
    JobDeclaration(
        name="grain_image",
        title="Grain",
        help="Gives a picture a grain.",
        inputs=(
            Port("photo", "image", "The picture."),
            Port("film", "text", "Which film.", optional=True),
            Port("sky", "mask", "Where the sky is.", optional=True),
        ),
        outputs=(Port("picture", "image", "With grain."),),
        parameters=(Parameter("amount", "float", 0.5, "How much.", "Amount", 0.0, 1.0, front=True),),
    ),
    JobDeclaration(
        name="loop_clip",
        title="Loop",
        help="Makes a clip a loop.",
        inputs=(Port("clip", "frames", "The clip."),),
        outputs=(Port("frames", "frames", "The loop."),),
        parameters=(),
    ),
    JobDeclaration(
        name="paint_mesh",
        title="Paint Mesh",
        help="Paints a mesh like a picture.",
        inputs=(Port("mesh", "mesh", "The mesh."), Port("photo", "image", "The picture.", optional=True)),
        outputs=(Port("attributes", "attributes", "colors."),),
        parameters=(),
    ),
    JobDeclaration(
        name="count_image",
        title="Count",
        help="Gives nothing that Blender could show.",
        inputs=(Port("photo", "image", "The picture."),),
        outputs=(Port("report", "report", "Numbers."),),
        parameters=(),
    ),
)
"""


@pytest.fixture(scope="module")
def restyle() -> object:
    """The panel settings of an extension that was staged with these declarations."""
    return staged_with(DECLARED)


@pytest.mark.parametrize(
    ("job", "editor"),
    [("grain_image", "IMAGE_EDITOR"), ("loop_clip", "SEQUENCE_EDITOR"), ("paint_mesh", "VIEW_3D")],
)
def test_the_panel_stands_where_the_result_belongs(restyle, job, editor):
    panel = getattr(bpy.types, f"RESTYLE_PT_{job}")
    assert (panel.bl_space_type, panel.bl_category) == (editor, "Restyle")
    assert hasattr(bpy.ops.restyle, job)


def test_a_job_without_a_place_for_its_result_is_not_offered(restyle):
    assert not hasattr(bpy.types, "RESTYLE_PT_count_image")


def test_each_editor_has_the_server_panel(restyle):
    for editor in ("view_3d", "image_editor", "sequence_editor"):
        assert getattr(bpy.types, f"RESTYLE_PT_server_{editor}").bl_space_type == editor.upper()


def test_pictures_are_chosen_by_name_of_the_input(restyle):
    settings = importlib.import_module(f"{PACKAGE}.settings")
    job = next(job for job in settings.panel_jobs() if job.name == "grain_image")
    group = restyle.grain_image
    assert settings.choices(group, job) == {}
    image = group.from_sky = bpy.data.images.new("sky", 4, 4)
    group.from_photo.source, group.from_photo.path = "FILE", "/somewhere/photo.png"
    found = settings.choices(group, job)
    assert (found["photo"].source, found["photo"].label) == ("FILE", "photo.png")
    assert found["sky"].image == image
    assert group.film == ""


def test_what_is_lacking_is_said(restyle):
    restyle.grain_image.from_photo.source = "IMAGE"
    with pytest.raises(RuntimeError, match="Choose the photo picture"):
        bpy.ops.restyle.grain_image()
    with pytest.raises(RuntimeError, match="Select a movie or image strip first"):
        bpy.ops.restyle.loop_clip()


def test_a_mesh_job_has_its_picture_too(restyle):
    assert restyle.paint_mesh.from_photo.bl_rna.properties["source"].enum_items.keys() == [
        "IMAGE",
        "RENDER",
        "FILE",
        "STRIP",
    ]
