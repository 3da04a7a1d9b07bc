"""Clips: the analogy of every frame, each begun from the one before so that nothing flickers.

What the motion of the structure frames explains is carried along with its match field, by whole pixels, so that it
never blurs; the rest is synthesised into it, as a hole is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from restyle.errors import BadInputError

from .analogy import Floats, Guide, OnStep, PatchResult, prepare, result_of, structure_tensor
from .motion import motion, trust, warp
from .options import PatchOptions
from .picture import Pixels, to_pixels, to_tensor
from .synthesis import Step, synthesise
from .transport import Layout

CUT = 0.3


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
) -> Iterator[PatchResult]:
    """The analogy of each of `frames` (H, W, 3), one after the other; they must be of one size.

    guides: what guides the frame of a number, counted from 0. on_step: its fraction is that of the frame.
    After a cut (little of the frame is explained by the one before) everything begins anew.
    Raises BadInputError naming the frame that cannot be used.
    """
    options = options or PatchOptions()
    last: _Last | None = None
    for number, frame in enumerate(frames):
        given = tuple(guides(number)) if guides is not None else ()
        with torch.no_grad():
            now = structure_tensor(frame, options, device)
            if last is not None and now.shape != last.structure.shape:
                raise BadInputError(
                    f"frame {number} is {now.shape[2]} x {now.shape[1]} px but the one before "
                    f"{last.structure.shape[2]} x {last.structure.shape[1]}; give frames of one size."
                )

            def tick(now: Tensor = now) -> None:
                if on_step is not None:
                    on_step(Step(0.0, "Following the motion", lambda: to_pixels(now)))

            known = None if last is None else last.carried(now, tick)
            example = None if known is None or last is None else last.layout
            task, layout = prepare(
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
                task = replace(task, kept=known[0], change=1 - known[2])
            made, field = synthesise(task, options, seed, on_step)
            result = result_of(made, field, task.matter, appearance)
            if known is not None:
                kept = (known[2][0] > 0.5).cpu().numpy()
                result.field[kept] = known[1].permute(1, 2, 0).cpu().numpy()[kept]
            seen = now if known is None else torch.where(known[2] > 0.5, known[3], now)
            last = _Last(now, seen, result, example or layout)
        yield result


class _Last:
    """The frame before: its structure picture, its result, and the layout that its clip goes by.

    seen: the structure picture of the frame in which each pixel's matter was chosen, carried along; so what changes
    slowly is noticed too.
    """

    def __init__(self, structure: Tensor, seen: Tensor, result: PatchResult, layout: Layout | None) -> None:
        self.structure, self.seen, self.result, self.layout = structure, seen, result, layout

    def carried(self, now: Tensor, tick: Callable[[], None]) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
        """Where things are `now`: the result (3, H, W), field (2, H, W), trust in them (1, H, W), and `seen` (3, H, W).

        None after a cut.
        """
        flow = motion(self.structure, now, tick)
        sure = trust(self.seen, now, flow)
        if float(sure.mean()) < CUT:
            return None
        picture = warp(to_tensor(self.result.picture, now.device, "result"), flow)
        field = warp(torch.from_numpy(self.result.field.astype(np.int64)).to(now.device).permute(2, 0, 1), flow)
        return picture, field.int(), sure, warp(self.seen, flow)
