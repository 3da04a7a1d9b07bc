"""How far the judges are to be trusted: on true drawings they must say yes, on blotches in the same colours no.

The drawings are the judge's own, on the very meshes that are stylized, with seeds that nothing was trained or set on;
what the second model says of `mini_world`'s pictures, which it never saw, is the other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from restyle_server.stylize import ClipEncoder

from . import checks
from .colors import colors_fit
from .fields import Floats, waves
from .meshes import Mesh
from .model import Judge, opinion, rank_of, verdict
from .pictures import IMITATED, SIZE, imitation, load_mesh, paint, weathered
from .prompts import CLASSES, NAMES
from .views import Seen, look

SEED = 83_000_000
WORLD_SEED, WORLD_SCENES, WORLD_EACH = 97_000_000, 30_000, 40
# What `mini_world` calls a prompt: its surface and its colours.
WORLD_COLORS = {
    "stripes": ("red", "white"), "checks": ("black", "white"), "dots": ("yellow", "blue"), "zigzag": ("green", "white"),
    "blue brick": ("blue",),
}  # fmt: skip
KINDS = ("true", "mottled", "patches", "fine")


@dataclass
class Tally:
    """Answers for one prompt: by kind of picture, how often each check and the model said yes."""

    first: list[bool] = field(default_factory=list)
    own_first: list[bool] = field(default_factory=list)
    colors: dict[str, list[bool]] = field(default_factory=lambda: {kind: [] for kind in (*KINDS, "others")})
    structure: dict[str, list[bool]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    accepted: dict[str, list[bool]] = field(default_factory=lambda: {kind: [] for kind in KINDS})


def painted(name: str, kind: str, mesh: Mesh, rng: np.random.Generator) -> Floats:
    """A prompt's true colours (V, 3) on a mesh, or the same in blotches: smooth, sharp, or as fine as patterns."""
    color = np.clip(paint(name, mesh, rng)[0], 0.02, 0.98)
    if kind == "fine":
        rank = np.argsort(np.argsort(waves(mesh.points, rng, rng.uniform(5, 9))))
        centred = color - color.mean(0)
        direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
        color = color[np.argsort(centred @ direction)][rank]
    elif kind != "true":
        color = imitation(mesh, color, rng, sharp=kind == "patches")
    return weathered(color, mesh, rng)


def tally(
    judge: Judge, encoder: ClipEncoder, meshes: Mapping[str, Path], names: Sequence[str], seeds: int
) -> dict[str, Tally]:
    """Show everyone everything."""
    out = {name: Tally() for name in names}
    for place, (mesh_name, path) in enumerate(meshes.items()):
        mesh = load_mesh(path, turned=mesh_name != "horse")
        for name in names:
            for seed in range(seeds):
                for kind in KINDS:
                    rng = np.random.default_rng((SEED, NAMES.index(name), seed, place))
                    seen = look(mesh, painted(name, kind, mesh, rng))
                    note(judge, out, name, kind, seen)
                    if kind == "true":
                        first = rank_of(name, opinion(encoder, seen.whole, mesh_name)) == 1
                        out[name].own_first.append(first)
    return out


def note(judge: Judge, out: dict[str, Tally], name: str, kind: str, seen: Seen) -> None:
    """Note what the checks and the second model say of one object."""
    own, seen_colors = out[name], seen.surface_colors()
    scores = verdict(judge, seen.lit)
    own.colors[kind].append(colors_fit(name, seen_colors))
    own.accepted[kind].append(CLASSES[int(scores.argmax())] == name)
    fits = checks.structure_fits(name, seen.close, seen.close_masks)
    if fits is not None:
        own.structure[kind].append(fits)
    if kind == "true":
        own.first.append(rank_of(name, scores) == 1)
        for other in out.keys() - {name}:
            out[other].colors["others"].append(colors_fit(other, seen_colors))


def percent(answers: Sequence[bool]) -> str:
    return f"{100 * np.mean(answers):.0f} %" if answers else "-"


def listed(answers: Mapping[str, Sequence[bool]]) -> str:
    return ", ".join(f"{kind} {percent(of_kind)}" for kind, of_kind in answers.items())


def report(judge: Judge, encoder: ClipEncoder, meshes: Mapping[str, Path], names: Sequence[str], seeds: int) -> str:
    """The calibration as markdown."""
    found = tally(judge, encoder, meshes, names, seeds)
    lines = [
        f"Own drawings on {', '.join(meshes)}, {seeds} of each prompt and mesh, and blotches in the same colours:",
        "smooth (mottled), sharp (patches), and as fine as patterns are (fine). Shares of yes.",
        "",
        "| prompt | second model: true first of 24 | of 28, true | mottled, patches, fine | colours: true | mottled | "
        "other prompts' drawings | structure: true | mottled, patches, fine | mini: true first of 24 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, own in found.items():
        fakes = ", ".join(percent(own.accepted[kind]) for kind in KINDS[1:])
        unordered = ", ".join(percent(own.structure[kind]) for kind in KINDS[1:]) if name in checks.LIMITS else "-"
        cells = [
            percent(own.first), percent(own.accepted["true"]), fakes, percent(own.colors["true"]),
            percent(own.colors["mottled"]), percent(own.colors["others"]), percent(own.structure["true"]), unordered,
            percent(own.own_first),
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    tallies = list(found.values())
    ranked, mini = [a for own in tallies for a in own.first], [a for own in tallies for a in own.own_first]
    # Blotches in the colours of moss are not wrong, so only the prompts that have a structure count here.
    built = [own for name, own in found.items() if name in IMITATED]
    fooled = listed({k: [a for own in built for a in own.accepted[k]] for k in KINDS})
    ordered = listed({k: [a for own in tallies for a in own.structure[k]] for k in KINDS})
    colored = listed({k: [a for own in tallies for a in own.colors[k]] for k in (*KINDS, "others")})
    lines += [
        "",
        f"- Second model: true drawings first of 24 {percent(ranked)}; "
        f"taken for the prompt, of 28, where it has a structure: {fooled}",
        f"- mini on the same drawings, which are as new to it: first of 24 {percent(mini)}",
        f"- Colours say yes: {colored}. Structure says yes: {ordered}",
        world(judge, names),
    ]
    return "\n".join(lines)


def world(judge: Judge, names: Sequence[str]) -> str:
    """What the second model says of `mini_world`'s pictures of the prompts, drawn by code that it knows nothing of."""
    from mini_world import recipe, tracer
    from mini_world.surface import SURFACES

    scenes = recipe.draw_scenes(WORLD_SCENES, WORLD_SEED)
    labels = recipe.labels_of(scenes)
    wanted = {}
    for name in names:
        surface = SURFACES.index(name.removeprefix("blue "))
        colors = [recipe.COLOR_NAMES.index(color) for color in WORLD_COLORS.get(name, ())]
        # Only dots have a ground, which comes first; the order of other pairs means nothing.
        pairs = {tuple([*order, -1, -1][:2]) for order in (colors, colors if name == "dots" else colors[::-1])}
        fits = (labels[:, 0] == surface) & np.array([tuple(row) in pairs for row in labels[:, 1:3].tolist()])
        # Without relief of its own: a spiky brick is no prompt.
        wanted[name] = np.flatnonzero(fits & (labels[:, 3] == 0))[:WORLD_EACH]
    rows = np.concatenate(list(wanted.values()))
    pictures = np.empty((len(rows), SIZE, SIZE, 3), np.uint8)
    tracer.render_all(scenes[rows], pictures)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        answers = torch.cat([judge(part) for part in torch.split(images, 200)])
    own = np.repeat([NAMES.index(name) for name in wanted], [len(numbers) for numbers in wanted.values()])
    right = answers[:, : len(NAMES)].argmax(1).numpy() == own
    third = (answers[:, : len(NAMES)].topk(3, dim=1).indices.numpy() == own[:, None]).any(1)
    each = ", ".join(
        f"{name} {percent(list(right[own == NAMES.index(name)]))} of {len(numbers)}" for name, numbers in wanted.items()
    )
    return (
        f"- Second model on {len(rows)} single pictures of `mini_world` (other code, other light, never seen): "
        f"first of 24 {percent(list(right))}, among the first three {percent(list(third))} (chance 4 and 12 %): {each}"
    )
