"""`restyle image` as a user runs it: real files, a real server, the real engines at small sizes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command_line import RESTYLE, run
from exr_files import write_passes
from movies import sound_of, write_test_movie
from PIL import Image
from toy_server import wait_until

import restyle
from restyle import discovery
from restyle.clipfile import read_clip
from restyle.jobs import declaration
from restyle.picturefile import read_picture

RANDOM = np.random.default_rng(0)
SMALL = ["--preset", "draft", "--granularity", "12"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.png: a dark square on grey. b.png: dark spots on grass. ids of both, a mask, a clip of five frames."""
    squares = np.full((40, 56, 3), 150, np.uint8)
    squares[12:28, 20:36] = 40
    spots = np.full((48, 48, 3), (60, 160, 50), np.uint8)
    spots += RANDOM.integers(0, 20, (48, 48, 1), np.uint8)
    for row, column in ((4, 6), (20, 30), (34, 10)):
        spots[row : row + 10, column : column + 10] = (30, 20, 60)
    Image.fromarray(squares).save(tmp_path / "a.png")
    Image.fromarray(spots).save(tmp_path / "b.png")
    for name, picture in (("a", squares), ("b", spots)):
        Image.fromarray((picture[..., 1] < 60).astype(np.uint8)).save(tmp_path / f"{name}_ids.png")
    mask = np.zeros((40, 56), np.uint8)
    mask[:, 28:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (tmp_path / "shot").mkdir()
    for number in range(5):
        Image.fromarray(np.roll(squares, 3 * number, axis=1)).save(tmp_path / "shot" / f"s.{number + 8:04}.png")
    return tmp_path


def test_a_picture_with_guides_masks_and_all_its_company(serving: dict[str, str], folder: Path) -> None:
    extras = ["--guide-id", "a_ids.png", "b_ids.png", "--structure-mask", "mask.png", "--both", "--samples", "2"]
    words = ["a.png", "b.png", "-o", "out.png", *SMALL, *extras, "--field", "--preview", "seen", "--seed", "3"]
    record, _ = run(serving, folder, "image", *words)
    assert (record["state"], record["name"], record["device"]) == ("done", "image_analogy", "cpu")
    assert record["parameters"]["seed"] == 3
    assert (record["parameters"]["width"], record["parameters"]["height"]) == (56, 40)
    assert record["parameters"]["completeness"] > 0
    outputs = record["outputs"]
    assert outputs["picture"] == str(folder / "out.png")
    assert Path(outputs["reverse"]).name == "out.reverse.png"
    assert Path(outputs["sample_2"]).name == "out.2.png"
    assert outputs["previews"]
    picture, structure = read_picture(folder / "out.png"), read_picture(folder / "a.png")
    assert np.abs(picture[:, :26].astype(int) - structure[:, :26]).max() <= 1, "outside of the mask it stays"
    assert picture[:8, 34:, 1].mean() > picture[:8, 34:, 2].mean() + 40, "inside it is grass"
    assert read_picture(outputs["reverse"]).shape == (48, 48, 3)
    with np.load(outputs["field"]) as field:
        assert field["row"].shape == (40, 56, 1)


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["b.png", "--mode", "retarget", "--size", "70x"], (48, 70)),
        (["b.png", "--mode", "vary", "--seed", "2"], (48, 48)),
        (["a.png", "--mode", "fill", "--hole", "mask.png"], (40, 56)),
        (["a.png", "b.png", "--size", "80x60"], (60, 80)),
    ],
)
def test_one_picture_and_other_sizes(
    serving: dict[str, str], folder: Path, words: list[str], size: tuple[int, int]
) -> None:
    run(serving, folder, "image", *words, "-o", "out.png", *SMALL)
    assert read_picture(folder / "out.png").shape[:2] == size


def test_a_sequence_keeps_its_names_and_a_movie_its_sound(serving: dict[str, str], folder: Path) -> None:
    record, _ = run(serving, folder, "image", "shot", "b.png", "-o", "made", *SMALL, "--fps", "10")
    assert record["name"] == "frames_analogy"
    assert record["outputs"]["frames"] == str(folder / "made")
    assert sorted(path.name for path in (folder / "made").iterdir()) == [f"s.{n:04}.png" for n in range(8, 13)]
    pytest.importorskip("av")
    run(serving, folder, "image", "shot/s.####.png", "b.png", "-o", "made.mp4", *SMALL, "--fps", "10")
    clip = read_clip(folder / "made.mp4")
    assert clip.frames.pixels.shape == (5, 40, 56, 3)
    assert clip.frames.fps == 10


@pytest.mark.parametrize("kind", ["made.mp4", "made.mkv"])
def test_the_sound_of_a_movie_is_left_as_it_is(serving: dict[str, str], folder: Path, kind: str) -> None:
    pytest.importorskip("av")
    pictures = np.stack([read_picture(folder / "shot" / f"s.{number:04}.png") for number in range(8, 13)])
    write_test_movie(folder / "told.mp4", pictures, Fraction(10), sound="aac")
    run(serving, folder, "image", "told.mp4", "b.png", "-o", kind, *SMALL)
    assert read_clip(folder / kind).frames.pixels.shape == pictures.shape
    assert sound_of(folder / kind) == sound_of(folder / "told.mp4")
    assert len(sound_of(folder / kind)) > 40


def interrupt(serving: dict[str, str], folder: Path, words: list[str], shown: str) -> tuple[dict, str]:
    """Run the command, press Ctrl-C once a preview of that name was shown, and give its record and job."""
    process = subprocess.Popen(
        [*RESTYLE, "image", *words, "--json"],
        env=serving,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with restyle.connect(discovery.read(Path(serving["RESTYLE_DATA_DIR"])).endpoint) as client:
        known = {status.id for status in client.jobs()}
        wait_until(lambda: {status.id for status in client.jobs()} - known, 60)
        (job,) = {status.id for status in client.jobs()} - known
        wait_until(lambda: any(e.data.get("name") == shown for e in client.events(job) if e.type == "preview"), 120)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=90)
        assert process.returncode == 30, said
        assert client.status(job).state == "cancelled"
    assert "Traceback" not in said
    assert "so far" in said or "frames" in said
    return json.loads(out), job


def test_ctrl_c_keeps_the_frames_so_far(serving: dict[str, str], folder: Path) -> None:
    for number in range(13, 200):
        os.link(folder / "shot" / "s.0008.png", folder / "shot" / f"s.{number:04}.png")
    record, job = interrupt(serving, folder, ["shot", "b.png", "-o", "made", *SMALL], "frame 000002")
    assert record["state"] == "cancelled"
    assert not (folder / "made").exists()
    kept = sorted(path.name for path in (folder / "made.partial").iterdir())
    assert kept == [f"s.{number:04}.png" for number in range(8, 8 + len(kept))]
    assert 2 <= len(kept) < 190
    assert read_picture(folder / "made.partial" / "s.0009.png").shape == (40, 56, 3)
    fetched = subprocess.run(
        [*RESTYLE, "jobs", "fetch", job, "-o", "kept", "--json"],
        env=serving,
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert fetched.returncode == 30
    assert (folder / "kept" / "frame 000002.png").exists()


def test_ctrl_c_keeps_the_picture_so_far_of_a_training(serving: dict[str, str], folder: Path) -> None:
    words = ["a.png", "b.png", "-o", "out.png", "--method", "gan", "--preset", "standard"]
    record, _ = interrupt(serving, folder, words, "picture")
    assert record["outputs"]["partial"]["picture"] == str(folder / "out.partial.png")
    assert read_picture(folder / "out.partial.png").ndim == 3
    assert not (folder / "out.png").exists()


def test_a_job_from_python(serving: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    structure, appearance = read_picture(folder / "a.png"), read_picture(folder / "b.png")
    with restyle.connect(discovery.read(Path(serving["RESTYLE_DATA_DIR"])).endpoint) as client:
        job = client.submit("image_analogy", structure=structure, appearance=appearance, preset="draft", granularity=12)
        assert job.result().picture.shape == structure.shape
        for careless in (False, True):  # the server looks itself, too
            if careless:
                monkeypatch.setattr("restyle.client.declaration", lambda name: replace(declaration(name), check=None))
            with pytest.raises(restyle.UsageError, match="'paper' is not for the method patch"):
                client.submit("image_analogy", structure=structure, appearance=appearance, preset="paper")


def test_passes_of_a_renderer_guide_each_frame_of_a_clip(serving: dict[str, str], folder: Path) -> None:
    """The pictures are grey and tell nothing; the IDs say which half of each frame is red matter, the rest is blue."""
    (folder / "grey").mkdir()
    (folder / "passes").mkdir()
    random = np.random.default_rng(1)
    halves = [14, 28, 42]
    for number, red in enumerate(halves, 1):
        shade = random.integers(100, 156, (40, 56, 1), np.uint8).repeat(3, axis=2)
        Image.fromarray(shade).save(folder / "grey" / f"g.{number:04}.png")
        ids = np.where(np.arange(56) < red, 7, 2)[None].repeat(40, axis=0).astype(np.float32)
        write_passes(folder / "passes" / f"p.{number:04}.exr", ids)
    colors = np.where(np.arange(48)[:, None, None] < 24, [200, 40, 40], [40, 40, 200]).repeat(48, axis=1)
    Image.fromarray((colors + random.integers(-20, 20, colors.shape)).astype(np.uint8)).save(folder / "painting.png")
    ids = np.where(np.arange(48) < 24, 7, 2)[:, None].repeat(48, axis=1).astype(np.float32)
    write_passes(folder / "painting.exr", ids)
    guide = ["--guide-passes", "passes/p.####.exr", "painting.exr", "--guide-weight", "4"]
    run(serving, folder, "image", "grey", "painting.png", "-o", "made", *SMALL, *guide)
    for number, red in enumerate(halves, 1):
        made = read_picture(folder / "made" / f"g.{number:04}.png").astype(int)
        redder = made[..., 0] > made[..., 2]
        wanted = np.arange(56) < red
        assert (redder == wanted).mean() > 0.8, number
    (folder / "passes" / "p.0003.exr").unlink()
    words = ["image", "grey", "painting.png", "-o", "again", *SMALL, *guide]
    record, _ = run(serving, folder, *words, code=20)
    assert "passes/p.####.exr: it has 2 frames, but grey has 3" in record["error"]["message"]


def test_a_mask_says_where_a_clip_is_changed_and_lightness_what_belongs_together(
    serving: dict[str, str], folder: Path
) -> None:
    (folder / "masks").mkdir()
    halves = [14, 22, 30, 38, 46]
    for number, white in enumerate(halves, 1):
        mask = np.where(np.arange(56) < white, 255, 0)[None].repeat(40, axis=0).astype(np.uint8)
        Image.fromarray(mask).save(folder / "masks" / f"m.{number:04}.png")
    words = ["image", "shot", "b.png", *SMALL, "--lightness-guide", "2"]
    run(serving, folder, *words, "-o", "whole")
    run(serving, folder, *words, "-o", "half", "--structure-mask", "masks")
    run(serving, folder, *words, "-o", "third", "--structure-mask", "masks/m.0002.png")
    for number, white in enumerate(halves):
        given, whole, half, third = (
            read_picture(folder / name / f"s.{number + 8:04}.png") for name in ("shot", "whole", "half", "third")
        )
        assert np.array_equal(half[:, white:], given[:, white:])
        assert np.array_equal(half[:, :white], whole[:, :white])
        assert np.array_equal(third[:, halves[1] :], given[:, halves[1] :])
        dark = given[..., 1] < 60
        assert whole[dark].mean() < whole[~dark].mean() - 20, "the dark square is of the dark spots' matter"


@pytest.mark.parametrize(
    ("size", "count", "white", "words"),
    [
        ((40, 56), 3, 255, "masks: it has 3 frames, but shot has 5. Give one for each, or one picture."),
        ((56, 40), 5, 255, "masks: it is 40 x 56, but shot is 56 x 40. Give both the same shape."),
        ((40, 56), 5, 0, "masks: it is empty (black everywhere). Paint white what is to be changed."),
    ],
)
def test_masks_that_do_not_go_with_a_clip(
    serving: dict[str, str], folder: Path, size: tuple[int, int], count: int, white: int, words: str
) -> None:
    (folder / "masks").mkdir()
    for number in range(1, count + 1):
        Image.fromarray(np.full(size, white, np.uint8)).save(folder / "masks" / f"m.{number:04}.png")
    asked = ["image", "shot", "b.png", "-o", "made", *SMALL, "--structure-mask", "masks"]
    record, _ = run(serving, folder, *asked, code=20)
    assert record["error"]["message"] == words
    assert not (folder / "made").exists()
