"""Weights of one's own in the sequencer's panel with a real server: what they change, what is refused, the heat map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from retiming_tools import COUNT

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
pytest_plugins = ["retiming_fixtures"]
BUNDLED = Path(__file__).parents[2] / "server/restyle_server/retime/speediness/weights/small.safetensors"
SURE = -100.0  # the rise of logits over rates above which the network is sure: of all that moves
NATURAL, HURRIED = -50.0, 50.0  # levels of the logits at which every copy looks natural, or sped up


@pytest.fixture
def group(scene):
    group = scene.restyle.retime_clip
    group.method, group.speed = "speednet", 2.0
    return group


@pytest.fixture
def saved(part, tmp_path):
    """Writes the bundled weights again as `restyle retime --train` does, with levels of their own; gives the file."""
    kind = part("restyle.kinds.model")

    def save(name, natural, change=lambda arrays: arrays, what="restyle speediness"):
        arrays = change(dict(kind.decode(BUNDLED.read_bytes()).arrays))
        about = {"what": what, "natural": natural, "rise": SURE}
        (tmp_path / name).write_bytes(kind.encode(kind.Model(arrays, about)))
        return tmp_path / name

    return save


def newest(part):
    return list(part("session").session().tasks.values())[-1]


def wanted(part):
    """V(t) of the newest plan, and its report."""
    outputs = newest(part).result.outputs
    return outputs["speeds"].series["wanted"], outputs["report"]


def test_weights_of_ones_own_make_the_curve_and_are_named(server, group, movie, part, saved, owner):
    bpy.ops.restyle.retime_clip()
    assert wanted(part)[1]["weights"] == "bundled"
    curves = {}
    for name, natural in (("calm.safetensors", NATURAL), ("hurried.safetensors", HURRIED)):
        group.from_network = str(saved(name, natural))
        assert bpy.ops.restyle.retime_clip() == {"FINISHED"}
        curves[name], report = wanted(part)
        assert (report["weights"], report["method"], report["unsure"]) == ("given", "speednet", [])
        assert newest(part).warnings == []
    assert curves["calm.safetensors"].min() > 7.4 / 4  # every copy is natural, so V is the fastest, less one factor
    assert np.ptp(curves["hurried.safetensors"]) == 0  # none is, so V is 1x throughout
    assert not np.array_equal(*curves.values())
    bpy.ops.restyle.retime_apply()
    recipe = part("retiming_source").record_of(movie)["recipe"]
    assert recipe["sources"]["clip"]["weights"] == group.from_network
    bpy.ops.restyle.retime_restore()
    assert part("compat").strip_span(movie) == (11, COUNT)


def test_the_file_may_stand_beside_the_blend(server, group, movie, part, saved, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    saved("ours.safetensors", HURRIED)
    group.from_network = " //ours.safetensors "  # as pasted
    bpy.ops.restyle.retime_clip()
    assert wanted(part)[1]["weights"] == "given"
    assert newest(part).sources["clip"]["weights"] == "//ours.safetensors"


def test_they_are_left_alone_where_no_network_judges(server, group, movie, part):
    group.from_network = "  "
    assert bpy.ops.restyle.retime_clip() == {"FINISHED"}
    group.from_network, group.method = "/no/such/file.safetensors", "motion"
    assert bpy.ops.restyle.retime_clip() == {"FINISHED"}
    assert wanted(part)[1]["weights"] == "bundled"
    assert bpy.ops.restyle.retime_bake() == {"FINISHED"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path, saved: path / "none.safetensors", "none.safetensors: it cannot be read .No such file"),
        (lambda path, saved: path, "this is no ordinary file"),
        (lambda path, saved: saved("style.safetensors", 0.0, what="a style"), "style.safetensors: these are neither"),
        (
            lambda path, saved: saved("s3d.safetensors", 0.0, lambda arrays: {"mixed_3b.a": arrays["head.bias"]}),
            "s3d.safetensors: these are the weights of an S3D-G's backbone",
        ),
        (lambda path, saved: _text(path / "text.safetensors"), "text.safetensors: it is no safetensors file"),
        (lambda path, saved: _text(path / "net.pth"), "net.pth: weights are read as safetensors only"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_is_sent(group, movie, part, saved, tmp_path, make, said):
    """No server runs here, and none is asked for."""
    group.from_network = str(make(tmp_path, saved))
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.restyle.retime_clip()
    session = part("session").session()
    assert (len(session.tasks), session.unlinked) == (0, True)
    assert part("compat").strip_span(movie) == (11, COUNT)


def _text(path):
    path.write_text("no weights at all")
    return path


def test_weights_of_another_shape_are_refused_by_the_server(server, group, movie, part, saved, strips):
    """Only the engine knows the shapes."""
    cut = saved("cut.safetensors", 0.0, lambda arrays: arrays | {"head.bias": np.zeros(2, np.float32)})
    group.from_network = str(cut)
    with pytest.raises(RuntimeError, match=r"network: head.bias is float32 \(2,\); it must be"):
        bpy.ops.restyle.retime_clip()
    assert (len(strips), part("compat").strip_span(movie)) == (1, (11, COUNT))


def test_the_heat_map_lies_above_in_step_before_and_after(scene, server, group, movie, strips, part, saved):
    group.heat, group.from_network = True, str(saved("sure.safetensors", -1.0))
    bpy.ops.restyle.retime_clip()
    assert type(newest(part).result.outputs["heat"]) is part("restyle.resultfile").ResultFile
    bpy.ops.restyle.retime_heat()
    spans = part("compat").strip_span
    heat = next(strip for strip in strips if strip.name == "shot heat")
    assert (spans(heat), heat.channel > movie.channel + 2) == (spans(movie), True)
    strips.remove(heat)
    bpy.ops.restyle.retime_apply()
    frames = part("retiming").frames_now(scene, movie)
    bpy.ops.restyle.retime_heat()
    effect = next(strip for strip in strips if strip.name == "shot heat retimed")
    assert spans(effect) == spans(movie) == (11, COUNT // 2)
    keys = part("compat").fcurve(scene, effect, "speed_frame_number")
    assert [int(keys.evaluate(11 + number)) for number in range(COUNT // 2)] == frames.tolist()
