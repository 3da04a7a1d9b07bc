"""What of the image analogy jobs goes together, and what is said of what does not."""

from __future__ import annotations

import pytest

from restyle.errors import UsageError
from restyle.jobs import declaration
from restyle.jobs.image_analogy import MAX_SAMPLES, ONE_PICTURE, PRESETS

PAIR = {"structure", "appearance"}


def check(inputs: set[str], **given: object) -> None:
    job = declaration("image_analogy")
    job.check_together(job.check_parameters(given), inputs)


@pytest.mark.parametrize(("method", "presets"), PRESETS.items())
def test_every_preset_of_a_method_and_every_mode_goes(method: str, presets: tuple[str, ...]) -> None:
    for preset in presets:
        for mode in ("analogy", "paint", "texture", "style", "text"):
            check(PAIR, method=method, preset=preset, mode=mode)
            clip = declaration("frames_analogy")
            clip.check_together(clip.check_parameters({"method": method, "preset": preset, "mode": mode}), PAIR)


def test_one_picture_and_guides_go() -> None:
    check({"appearance"}, mode="vary")
    check({"appearance", "appearance_mask"}, mode="retarget", width=9)
    check({"appearance", "structure_mask"}, mode="fill")
    check(PAIR | {"structure_passes", "appearance_passes", "structure_mask", "appearance_mask"}, field=True, both=True)
    check(PAIR | {"structure_mask"}, method="gan", inject=3)


@pytest.mark.parametrize(
    ("inputs", "given", "said"),
    [
        (
            PAIR,
            {"method": "gan", "preset": "fine"},
            "'fine' is not for the method gan, which has draft, standard, paper",
        ),
        (PAIR, {"preset": "paper"}, "'paper' is not for the method patch"),
        ({"appearance"}, {}, "analogy needs the structure picture too. With one picture: vary, retarget, fill"),
        (PAIR, {"mode": "vary"}, "vary works on one picture"),
        ({"appearance"}, {"mode": "vary", "method": "gan"}, "vary is for the method patch"),
        ({"appearance"}, {"mode": "vary", "both": True}, "no other direction"),
        ({"appearance", "structure_passes", "appearance_passes"}, {"mode": "vary"}, "needs no guides"),
        ({"appearance"}, {"mode": "fill"}, "fill needs the structure_mask"),
        ({"appearance", "structure_mask"}, {"mode": "fill", "width": 9}, "fill keeps the picture's size"),
        ({"appearance"}, {"mode": "retarget"}, "retarget needs the width, the height or both"),
        (PAIR | {"appearance_mask"}, {"method": "gan"}, "appearance_mask: this is for the method patch"),
        (PAIR, {"method": "gan", "field": True}, "only the method patch knows"),
        (PAIR, {"inject": 2}, "inject: this is for the method gan"),
        (PAIR | {"structure_passes"}, {}, "needs the passes of both"),
        (PAIR | {"appearance_passes"}, {}, "needs the passes of both"),
    ],
)
def test_what_does_not_go_together_is_named(inputs: set[str], given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check(inputs, **given)


def test_a_clip_has_no_mode_for_one_picture() -> None:
    modes = next(p for p in declaration("frames_analogy").parameters if p.name == "mode").choices
    assert not set(modes) & set(ONE_PICTURE)


def test_there_is_an_output_for_every_sample() -> None:
    names = [port.name for port in declaration("image_analogy").outputs]
    assert [name for name in names if name.startswith("sample_")] == [f"sample_{n}" for n in range(2, MAX_SAMPLES + 1)]
