"""Clips: the analogy of every frame, each begun from the one before so that nothing flickers.

What the motion of the structure frames explains is carried along with its match field, by whole pixels, so that it
never blurs; the rest is synthesised into it, as a hole is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import BadInputError

from .analogy import Floats, Guide, OnStep, PatchResult, finished, keeping, labels_of, prepare
from .motion import BLOCK, motion, trust, warp
from .options import PatchOptions
from .picture import Pixels, box_mean, check_pixels, size_of, to_pixels, to_tensor
from .synthesis import Step
from .transport import Layout

CUT = 0.3
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class FrameResult(PatchResult):
    """A frame's picture, and `state()`: all that the frames after it need, to go on later to the same bits.

    Its array `frames` says how many frames of the clip are done.
    """

    state: Callable[[], Arrays]


def analogy_frames(
    frames: Iterable[Pixels],
    appearance: Pixels,
    options: PatchOptions | None = None,
    *,
    guides: Callable[[int], Sequence[Guide]] | None = None,
    appearance_mask: Floats | None = None,
    seed: int = 0,
    device: str = "cpu",
    on_step: OnStep | None = None,
    state: Mapping[str, NDArray[Any]] | None = None,
) -> Iterator[FrameResult]:
    """The analogy of each of `frames` (H, W, 3), one after the other; they must be of one size.

    guides: what guides the frame of a number, counted from 0; where the labels of one change, what lies there is made
        anew, though the frame may look the same. on_step: its fraction is that of the frame.
    state: of an earlier run's FrameResult; `frames` are then those after it, and their numbers go on from there.
    After a cut (little of the frame is explained by the one before) everything begins anew.
    Raises BadInputError naming the frame that cannot be used.
    """
    options = options or PatchOptions()
    last = None if state is None else _Last.from_state(state, device)
    first = 0 if state is None else int(state["frames"])
    for number, frame in enumerate(frames, first):
        given = tuple(guides(number)) if guides is not None else ()
        with torch.no_grad():
            check_pixels(frame, f"frame {number}")
            now = to_tensor(frame, device, options.output_size or size_of(frame))
            if last is not None and now.shape != last.structure.shape:
                raise BadInputError(
                    f"frame {number} is {now.shape[2]} x {now.shape[1]} px but the one before "
                    f"{last.structure.shape[2]} x {last.structure.shape[1]}; give frames of one size."
                )

            def tick(now: Tensor = now) -> None:
                if on_step is not None:
                    on_step(Step(0.0, "Following the motion", lambda: to_pixels(now)))

            known = None
            if last is not None:
                before = tuple(guides(number - 1)) if guides is not None else ()
                known = last.carried(now, labels_of(before, now), labels_of(given, now), tick)
            example = None if known is None or last is None else last.layout
            task, canvas, layout = prepare(
                frame,
                appearance,
                options,
                guides=given,
                appearance_mask=appearance_mask,
                device=device,
                on_step=on_step,
                example=example,
            )
            if known is not None:
                task, canvas = keeping(task, canvas, to_pixels(known[0]), 1 - known[2])
            result = finished(task, canvas, options, seed, on_step)
            if known is not None:
                kept = (known[2][0] > 0.5).cpu().numpy()
                result.field[kept] = known[1].permute(1, 2, 0).cpu().numpy()[kept]
            seen = now if known is None else torch.where(known[2] > 0.5, known[3], now)
            picture = to_tensor(result.picture, device)
            places = torch.from_numpy(result.field.copy()).to(device).permute(2, 0, 1)
            last = _Last.of(now, seen, picture, places, layout=example or layout)
        yield FrameResult(result.picture, result.field, partial(last.state, number + 1))


@dataclass(frozen=True)
class _Last:
    """The frame before: its structure picture, its result (3, H, W), and the layout that its clip goes by.

    seen: the structure picture of the frame in which each pixel's matter was chosen, carried along; so what changes
    slowly is noticed too. field: (2, H, W) int32, the appearance pixels behind the result.
    """

    structure: Tensor
    seen: Tensor
    picture: Tensor
    field: Tensor
    layout: Layout | None

    @classmethod
    def of(cls, *tensors: Tensor, layout: Layout | None) -> Self:
        """As a state that was stored comes back: torch rounds otherwise for tensors that lie otherwise in memory."""
        structure, seen, picture, field = (tensor.contiguous() for tensor in tensors)
        if layout is not None:
            layout = Layout(*(getattr(layout, part.name).contiguous() for part in fields(Layout)))
        return cls(structure, seen, picture, field, layout)

    def state(self, frames: int) -> Arrays:
        """As plain arrays, with the number of frames that are done."""
        tensors = {name: getattr(self, name) for name in _CARRIED}
        if self.layout is not None:
            tensors |= {f"layout.{part.name}": getattr(self.layout, part.name) for part in fields(Layout)}
        arrays: Arrays = {name: tensor.contiguous().cpu().numpy() for name, tensor in tensors.items()}
        return arrays | {"frames": np.array(frames)}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]], device: str) -> Self:
        """What `state` was made from."""
        tensors = {name: torch.from_numpy(array.copy()).to(device) for name, array in state.items()}
        names = [f"layout.{part.name}" for part in fields(Layout)]
        layout = Layout(*(tensors[name] for name in names)) if names[0] in tensors else None
        structure, seen, picture, field = (tensors[name] for name in _CARRIED)
        return cls(structure, seen, picture, field, layout)

    def carried(
        self, now: Tensor, labels_before: Tensor, labels_now: Tensor, tick: Callable[[], None]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
        """Where things are `now`: the result (3, H, W), field (2, H, W), trust in them (1, H, W), and `seen` (3, H, W).

        None after a cut. labels_before, labels_now: (C, H, W); what moved to where others are is not trusted.
        """
        flow = motion(self.structure, now, tick)
        sure = trust(self.seen, now, flow)
        if float(sure.mean()) < CUT:
            return None
        if labels_before.shape == labels_now.shape and len(labels_now):
            same = (warp(labels_before, flow) == labels_now).all(dim=0, keepdim=True).float()
            # A line of other labels along the edge of what moves is no more than the flow's own roughness.
            sure = torch.where(box_mean(same, BLOCK) > 0.5, sure, 0.0)
        return warp(self.picture, flow), warp(self.field, flow), sure, warp(self.seen, flow)


_CARRIED = ("structure", "seen", "picture", "field")
