"""A job that is only declared gets its properties, its operator and its panel; no code of the extension knows it."""

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
        name="weather_mesh",
        title="Weather Mesh",
        help="Ages a mesh.",
        inputs=(
            Port("mesh", "mesh", "The mesh."),
            Port("place", "text", "Where it stood."),
            Port("photo", "image", "What it looks like there.", optional=True),
        ),
        outputs=(Port("attributes", "attributes", "colors."),),
        parameters=(
            Parameter("years", "float", 5.0, "How long.", "Years", 0.0, 100.0, "years", front=True),
            Parameter("rain", "bool", True, "Whether it rained.", front=True),
            Parameter("mode", "choice", "rust", "What happens.", choices={"rust": "Red", "moss": "Green"}),
            Parameter("layers", "int", None, "How many layers.", "", 1, 9),
        ),
    ),
)
"""


@pytest.fixture(scope="module")
def settings() -> object:
    """The panel settings of the declared job, in an extension that was staged with its declaration."""
    return staged_with(DECLARED).weather_mesh


def test_every_parameter_is_a_property_with_its_default_and_range(settings):
    assert (settings.place, settings.years, settings.rain, settings.mode) == ("", 5.0, True, "rust")
    years = settings.bl_rna.properties["years"]
    assert (years.hard_min, years.hard_max, years.name, years.description) == (0.0, 100.0, "Years", "How long")
    assert [item.identifier for item in settings.bl_rna.properties["mode"].enum_items] == ["rust", "moss"]
    assert settings.bl_rna.properties["layers"].hard_max == 9
    settings.years = 1000
    assert settings.years == 100


def test_what_the_job_may_decide_is_left_to_it_until_asked(settings):
    module = importlib.import_module(f"{PACKAGE}.settings")
    job = next(job for job in module.panel_jobs() if job.name == "weather_mesh")
    assert module.values(settings, job) == {"years": 100.0, "rain": True, "mode": "rust"}
    settings.use_layers, settings.layers = True, 4
    assert module.values(settings, job)["layers"] == 4


def test_it_has_an_operator_and_a_panel(settings):
    assert bpy.ops.restyle.weather_mesh.get_rna_type().name == "Weather Mesh"
    panel = bpy.types.RESTYLE_PT_weather_mesh
    assert (panel.bl_category, panel.bl_label) == ("Restyle", "Weather Mesh")
    assert hasattr(bpy.types, "RESTYLE_PT_stylize_mesh")
    bpy.ops.object.camera_add()
    with pytest.raises(RuntimeError, match="is not a mesh"):
        bpy.ops.restyle.weather_mesh()
