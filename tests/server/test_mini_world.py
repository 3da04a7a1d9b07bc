"""The picture world of mini: repeatable, honest about what is held out, and captions that say what is shown."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("numba")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from mini_world import grammar, mine, recipe, store, tracer
from mini_world.palettes import COLORS, NATURAL
from mini_world.scene import GEOMETRIES, SCENE
from mini_world.surface import SURFACES, Surface
from mini_world.tokens import CONTEXT, UNKNOWN, CompactTokenizer
from restyle_server.models.clip import load_mini


def plain_ball(color: str, look: int = 0) -> np.ndarray:
    """One scene of a plain ball on white, centred."""
    scenes = np.zeros(1, SCENE)
    scenes["zoom"], scenes["frame"], scenes["palette"] = 1.0, np.eye(3), COLORS[color]
    scenes["background"], scenes["look"], scenes["scale"] = 1.0, look, 1.0
    return scenes


def render(scenes: np.ndarray, size: int = 32) -> np.ndarray:
    out = np.empty((len(scenes), size, size, 3), np.uint8)
    tracer.render_all(scenes, out)
    return out


def test_same_seed_same_scenes_and_pictures() -> None:
    first, second = recipe.draw_scenes(4, 3), recipe.draw_scenes(4, 3)
    assert (first == second).all()
    assert (render(first) == render(second)).all()
    assert (first != recipe.draw_scenes(4, 4)).any()


def test_training_never_shows_a_held_out_combination() -> None:
    assert not any(recipe.held_out(row) for row in recipe.labels_of(recipe.draw_scenes(1500, 1)))
    assert all(recipe.held_out(row) for row in recipe.labels_of(recipe.draw_scenes(50, 1, held_share=1.0)))


def test_imitations_wear_the_colours_but_not_the_structure() -> None:
    scenes = recipe.draw_imitations(300, 1)
    assert (scenes["imitates"] > 0).all()
    assert (scenes["surface"] != scenes["imitates"]).all()
    assert not any(recipe.held_out(row) for row in recipe.labels_of(scenes))
    bricks = scenes[scenes["imitates"] == Surface.BRICK]
    assert set(bricks["color"]) <= {tuple(COLORS).index("red"), tuple(COLORS).index("grey")}
    assert "brick" not in {word for row in recipe.labels_of(bricks) for word in grammar.canonical(row).split()}


def test_the_light_is_text2mesh_s() -> None:
    picture = render(plain_ball("white"), 65)[0]
    # Facing the camera the normal is (0, 0, 1): L = 0.28209479 + 0.48860251.
    expected = 255 * 0.77069730 * np.array(COLORS["white"])
    assert np.abs(picture[32, 32] - expected).max() < 3
    assert picture[20, 40].mean() > picture[44, 22].mean() + 60
    assert (picture[0, 0] == 255).all()


@pytest.mark.parametrize("color", ["red", "green", "blue"])
def test_a_plain_ball_has_its_colour(color: str) -> None:
    picture = render(plain_ball(color))[0]
    assert picture[16, 16].argmax() == ("red", "green", "blue").index(color)


def test_every_surface_draws_something_of_its_own() -> None:
    scenes = np.repeat(plain_ball("grey"), len(SURFACES))
    scenes["surface"], scenes["seed"], scenes["detail"] = np.arange(len(SURFACES)), 5, 0.4
    for scene in scenes:
        name = SURFACES[scene["surface"]]
        scene["palette"] = NATURAL.get(name, [[COLORS["red"], COLORS["white"], COLORS["white"]]])[0]
    pictures = render(scenes).astype(int)
    assert all(np.abs(a - b).mean() > 1 for i, a in enumerate(pictures) for b in pictures[:i])


def test_every_drawing_of_a_surface_differs_from_its_others() -> None:
    for name in (
        "cobblestone",
        "marble",
        "lava",
        "moss",
        "bark",
        "honeycomb",
        "scales",
        "checks",
        "plaid",
        "camouflage",
    ):
        scenes = np.repeat(plain_ball("grey"), 2)
        scenes["surface"], scenes["seed"], scenes["variant"] = SURFACES.index(name), 5, (0, 1)
        scenes["palette"] = NATURAL.get(name, [[COLORS["red"], COLORS["white"], COLORS["white"]]])[0]
        first, second = render(scenes).astype(int)
        assert np.abs(first - second).mean() > 2, name


def test_every_relief_changes_the_outline() -> None:
    scenes = np.repeat(plain_ball("white", look=1), 6)
    scenes["geometry"], scenes["relief"], scenes["seed"] = np.arange(6), (0, 0.05, 0.13, 0.05, 0.05, 0.05), 3
    scenes["relief_scale"], scenes["light"], scenes["ambient"] = 5.0, (0, 0, 1), 0.3
    pictures = render(scenes, 64).astype(int)
    rows, columns = np.indices((64, 64)) - 31.5
    inside = rows**2 + columns**2 < 25**2
    for number in range(1, 6):
        assert np.abs(pictures[number] - pictures[0])[inside].mean() > 4, GEOMETRIES[number]


def test_painted_surfaces_are_named_as_a_person_would() -> None:
    names = tuple(COLORS)
    assert [names[i] for i in mine.names_of(np.array(list(COLORS.values())))] == list(names)
    dull = np.array([[0.30, 0.45, 0.62], [0.50, 0.48, 0.45], [0.25, 0.40, 0.22]])
    assert [names[i] for i in mine.names_of(dull)] == ["blue", "grey", "green"]
    half = np.array([[0.7, 0.1, 0.1]] * 5 + [[0.9, 0.9, 0.9]] * 5)
    assert mine.colors_of(half, np.ones(10)) == (names.index("red"), names.index("white"))
    assert mine.colors_of(half, np.array([1.0] * 5 + [0.1] * 5)) == (names.index("red"), -1)


def test_mined_pictures_show_what_the_optimiser_painted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mine, "STEPS", 2)
    monkeypatch.setattr(mine, "VIEWS", 3)
    mine.mine(load_mini(), 2, 0, tmp_path)
    pictures, scenes = store.load(tmp_path, "mined")
    assert pictures.shape == (6, store.SIZE, store.SIZE, 3)
    # After two steps from grey a surface is grey still, and is called so.
    assert set(scenes["color"]) == {tuple(COLORS).index("grey")}
    assert set(scenes["surface"]) == {Surface.PLAIN}
    assert (np.ptp(pictures[:, 40:56, 40:56].reshape(6, -1, 3).astype(int), axis=2).mean(1) < 40).all()


def test_captions_use_listed_words_and_fit_the_context() -> None:
    rng = np.random.default_rng(0)
    words = set(grammar.vocabulary())
    tokenizer = CompactTokenizer()
    for scene, labels in zip(scenes := recipe.draw_scenes(1500, 2), recipe.labels_of(scenes), strict=True):
        caption = grammar.caption(rng, labels, int(scene["shape"]))
        assert set(caption.lower().split()) <= words, caption
        rows = tokenizer([caption])[0].tolist()
        assert UNKNOWN not in rows, caption
        assert rows.index(len(tokenizer) - 1) < CONTEXT - 6, caption


def test_a_caption_names_its_colours_and_its_surface() -> None:
    rng = np.random.default_rng(1)
    names = tuple(COLORS)
    stripes = (Surface.STRIPES, names.index("red"), names.index("white"), 0)
    for _ in range(50):
        caption = grammar.caption(rng, stripes, 0)
        assert "red" in caption
        assert "white" in caption
        assert "strip" in caption
    assert grammar.canonical((Surface.BRICK, names.index("blue"), -1, 0)) == "an object made of blue brick"
    assert grammar.canonical((Surface.PLAIN, names.index("red"), -1, 2)) == "a spiky red object"


def test_compact_rows_scatter_to_the_tokens_they_came_from() -> None:
    tokenizer = CompactTokenizer()
    table = torch.arange(len(tokenizer), dtype=torch.float32)[:, None]
    full = tokenizer.scatter(table)
    caption = "a candle made of red brick"
    compact = tokenizer([caption])[0]
    expected = table[compact[compact > 0]]
    tokens = tokenizer.full([caption])[0]
    assert full[tokens[: len(expected)]].tolist() == expected.tolist()


def test_the_store_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CHUNK", 3)
    store.extend(tmp_path, "train", 3, 10, recipe.draw_scenes)
    first = np.array(store.load(tmp_path, "train")[0])
    store.extend(tmp_path, "train", 6, 10, recipe.draw_scenes)
    pictures, scenes = store.load(tmp_path, "train")
    assert pictures.shape == (6, store.SIZE, store.SIZE, 3)
    assert (pictures[:3] == first).all()
    assert (scenes[3:] == recipe.draw_scenes(3, 11)).all()
