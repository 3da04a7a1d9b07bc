"""A style on its own: the trained field with all that turns a point of any surface into its colour and displacement.

The field is a function of space, so a style can be asked at any density and on other meshes (Text2Mesh, section 3.1).
The same mesh gives the bits that the run gave, since the run's own result comes from `Style.evaluate`, in float32 also
if the field learned in less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from dataclasses import field as entry
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import BadInputError

from .controls import bounded
from .field import StyleField
from .geometry import Floats, Frame, UpAxis, check_mesh, from_y_up, to_y_up, vertex_normals
from .options import StylizeOptions
from .query import field_input, folded, symmetry_plane
from .scene import Scene
from .starts import KINDS, Recipe

Place = Literal["auto", "fit", "original"]
WHAT = "text2mesh style"
FORM = 1
POINTS_AT_ONCE = 65_536
# What a file may claim: the network is built before its numbers are looked at.
MOST_LOOKS = 64
LARGEST = {"frequencies": 4096, "width": 2048, "depth": 32, "color_depth": 32, "displacement_depth": 32}
Moments = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Style:
    """A trained style.

    field: on the device that evaluates it.
    recipe: of the start that the field adds to.
    frame: of the object that it was made on.
    moments: mean and standard deviation (3,) of the field's input, if it is standardized.
    relief: whether displacement has begun. revealed: share of the Fourier features that is on.
    look: which of the field's looks.
    about: plain data for people: prompt, model, seed.
    """

    field: StyleField
    options: StylizeOptions
    recipe: Recipe
    frame: Frame
    moments: Moments | None = None
    relief: bool = True
    revealed: float = 1.0
    look: int = 0
    about: Mapping[str, Any] = entry(default_factory=dict)

    def of_scene(self, scene: Scene) -> tuple[Tensor, Tensor]:
        """Colour and displacement of the object that the style is trained on."""
        return self.evaluate(
            scene.points,
            scene.normals,
            plane=scene.plane,
            start_color=scene.existing if self.recipe.kind == "existing" else None,
            existing=scene.existing,
            weight=scene.weight,
        )

    @torch.no_grad()
    def evaluate(
        self,
        points: Tensor,
        normals: Tensor,
        *,
        plane: float = 0.0,
        start_color: Tensor | None = None,
        existing: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Colour (P, 3) sRGB and displacement (P,), radii, at points of any surface.

        points, normals: (P, 3) in the unit sphere, +Y up; unit normals.
        plane: of the symmetry, if the style has one.
        start_color: (P, 3) the surface's own colours, for a style that starts from them.
        existing: (P, 3) the colours that stay where `weight` (P,) is 0.
        """
        chunks = [slice(start, start + POINTS_AT_ONCE) for start in range(0, len(points), POINTS_AT_ONCE)]
        parts = [
            self._evaluate(
                points[c],
                normals[c],
                plane=plane,
                start_color=_part(start_color, c),
                existing=_part(existing, c),
                weight=_part(weight, c),
            )
            for c in chunks
        ]
        return torch.cat([color for color, _ in parts]), torch.cat([height for _, height in parts])

    def _evaluate(
        self,
        points: Tensor,
        normals: Tensor,
        *,
        plane: float,
        start_color: Tensor | None,
        existing: Tensor | None,
        weight: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        points, normals = folded(points, normals, self.options, plane)
        start = self.recipe.on(points, normals)
        query, _ = field_input(points, self.options, moments=self.moments)
        color, relief = self.field(query, self.revealed, self.look)
        return bounded(
            self.options,
            start.color if start_color is None else start_color,
            start.relief,
            color,
            relief,
            relief=self.relief,
            existing=existing,
            weight=weight,
        )

    def pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and plain data that `Style.unpack` makes the style of."""
        arrays = {f"field.{name}": value.cpu().numpy() for name, value in self.field.state_dict().items()}
        if self.moments is not None:
            arrays |= {"moments.mean": self.moments[0].cpu().numpy(), "moments.std": self.moments[1].cpu().numpy()}
        options = {name: value for name, value in asdict(self.options).items() if name != "contrasts"}
        plain = {
            "what": WHAT,
            "form": FORM,
            "options": options,
            "recipe": asdict(self.recipe),
            "frame": asdict(self.frame),
            "relief": self.relief,
            "revealed": self.revealed,
            "looks": max(1, self.field.looks),
            "look": self.look,
            "about": dict(self.about),
        }
        return arrays, plain

    @staticmethod
    def unpack(
        arrays: Mapping[str, NDArray[Any]], plain: Mapping[str, Any], device: torch.device | str = "cpu"
    ) -> Style:
        """The style again, on `device`; BadInputError for a model that is no style, or one of a newer Restyle."""
        if plain.get("what") != WHAT:
            raise BadInputError("style: this model is not a style. Take the style that a stylized mesh came with.")
        if plain.get("form") != FORM:
            raise BadInputError(f"style: it has the form {plain.get('form')!r}; this Restyle reads {FORM}. Update it.")
        try:
            options = _from_plain(StylizeOptions, plain["options"])
            recipe, frame = _from_plain(Recipe, plain["recipe"]), _from_plain(Frame, plain["frame"])
            _require_bearable(options, recipe)
            looks, look = int(plain["looks"]), int(plain["look"])
            if not 0 <= look < looks <= MOST_LOOKS:
                raise ValueError(f"look {look} of {looks}")
            network = _network(options, looks, arrays, torch.device(device))
            moments = (arrays["moments.mean"], arrays["moments.std"]) if "moments.mean" in arrays else None
            return Style(
                network,
                options,
                recipe,
                frame,
                None if moments is None else (_vector(moments[0], device), _vector(moments[1], device)),
                relief=bool(plain["relief"]),
                revealed=float(plain["revealed"]),
                look=look,
                about=dict(plain["about"]),
            )
        except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
            words = str(error).split("\n", maxsplit=1)[0][:200]
            raise BadInputError(f"style: it is damaged, or another Restyle made it ({words}).") from error


@dataclass(frozen=True)
class Body:
    """A mesh as a style sees it.

    points, normals: (V, 3) tensors in the unit sphere, +Y up.
    object_normals: (V, 3) in the object's own axes. radius: object units. plane: of the symmetry.
    loose: (V,), True for a vertex without a face.
    """

    points: Tensor
    normals: Tensor
    object_normals: Floats
    radius: float
    plane: float
    loose: NDArray[np.bool_]


def place(
    style: Style,
    vertices: NDArray[Any],
    faces: NDArray[Any],
    *,
    up: UpAxis,
    how: Place = "auto",
    device: torch.device | str = "cpu",
) -> Body:
    """Put a mesh before a style.

    how: "fit" the mesh's own unit sphere to that of the style's object, leave it in "original" coordinates, or "auto":
        the latter if it fills the same box, as a subdivided or simplified copy does.
    """
    positions, triangles = check_mesh(vertices, faces)
    own = Frame.of(positions, triangles, up)
    frame = style.frame if how == "original" or (how == "auto" and style.frame.is_place_of(own)) else own
    normalised = (positions - from_y_up(np.array([frame.centre]), up)) / frame.radius
    object_normals = vertex_normals(normalised, triangles)
    points = torch.from_numpy(to_y_up(normalised, up)).float().to(device)
    normals = torch.from_numpy(to_y_up(object_normals, up)).float().to(device)
    used = torch.from_numpy(np.unique(triangles)).to(device)
    loose = np.ones(len(positions), dtype=bool)
    loose[triangles] = False
    return Body(points, normals, object_normals, frame.radius, symmetry_plane(points[used], style.options), loose)


@dataclass(frozen=True)
class Applied:
    """What a style makes of a mesh; as in `StylizeResult`."""

    colors: NDArray[np.float32]
    displacement: NDArray[np.float32]
    offset: NDArray[np.float32]


def apply(
    style: Style,
    vertices: NDArray[Any],
    faces: NDArray[Any],
    *,
    up: UpAxis,
    how: Place = "auto",
    existing: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    device: torch.device | str = "cpu",
) -> Applied:
    """Colours and displacements of a mesh in a style, without any optimisation.

    vertices, faces: (V, 3) real, object units; (F, 3) integer.
    existing: (V, 3) sRGB in [0, 1], its colours. weight: (V,) in [0, 1], how much of the style each vertex takes.
    """
    body = place(style, vertices, faces, up=up, how=how, device=device)
    colors = None if existing is None else torch.from_numpy(np.asarray(existing, np.float32)).to(device)
    color, height = style.evaluate(
        body.points,
        body.normals,
        plane=body.plane,
        start_color=colors if style.recipe.kind == "existing" else None,
        existing=colors,
        weight=None if weight is None else torch.from_numpy(np.asarray(weight, np.float32)).to(device),
    )
    displacement = height.double().cpu().numpy() * body.radius
    displacement[body.loose] = 0.0  # nothing was seen of a vertex without a face: it stays where it is
    return Applied(
        color.cpu().numpy(),
        displacement.astype(np.float32),
        (displacement[:, None] * body.object_normals).astype(np.float32),
    )


def _part(value: Tensor | None, chunk: slice) -> Tensor | None:
    return None if value is None else value[chunk]


def _vector(array: NDArray[Any], device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32).reshape(3)).to(device)


def _from_plain(kind: type[Any], plain: Mapping[str, Any]) -> Any:
    """A dataclass from what JSON made of it: lists are tuples again."""
    known = {each.name for each in fields(kind)}
    if unknown := sorted(set(plain) - known):
        raise ValueError(f"unknown {unknown[0][:80]!r}")
    return kind(**{name: _tuples(value) for name, value in plain.items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _require_bearable(options: StylizeOptions, recipe: Recipe) -> None:
    for name, most in LARGEST.items():
        value = getattr(options, name)
        if not isinstance(value, int) or not 0 <= value <= most:
            raise ValueError(f"{name} is {str(value)[:40]}; it must be a whole number of at most {most}")
    if recipe.kind not in KINDS:
        raise ValueError(f"unknown start {str(recipe.kind)[:40]!r}")


def _network(
    options: StylizeOptions, looks: int, arrays: Mapping[str, NDArray[Any]], device: torch.device
) -> StyleField:
    stored = {name.removeprefix("field."): value for name, value in arrays.items() if name.startswith("field.")}
    network = StyleField.of(options, looks=looks, generator=torch.Generator().manual_seed(0))
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in stored.items()})
    return network.to(device)
