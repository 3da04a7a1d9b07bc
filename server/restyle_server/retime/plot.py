"""A plan as a picture: the clip's frames, what was measured, the wanted speed V and the speed S, cuts and locks.

Drawn with Pillow at twice the size and reduced, so that lines are smooth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from restyle.words import counted

from .solver import Curve
from .types import Plan, Speediness

SCALE = 2
WIDTH = 1400
LEFT, RIGHT, GAP, CAPTION = 76, 24, 14, 18
STRIP, MEASURED, SPEED, HEAD, FOOT = 62, 150, 250, 64, 46  # heights
INK, FAINT, PAPER = (40, 44, 52), (205, 210, 216), (255, 255, 255)
BLUE, GREY, RED, GREEN, ORANGE = (24, 98, 201), (120, 128, 138), (206, 34, 48), (214, 240, 214), (222, 120, 20)
SLOW, NORMAL, FAST = np.array([[244, 150, 40], [240, 240, 190], [30, 90, 180]], np.float64)  # of speediness 0, 1/2, 1
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds


@dataclass(frozen=True)
class Measured:
    """What there is to show beside the plan.

    speediness or energy (T,), whichever was measured, or neither. greys: (T, h, w) uint8, for the strip of frames.
    """

    speediness: Speediness | None = None
    energy: Curve | None = None
    greys: NDArray[np.uint8] | None = None


def draw(plan: Plan, title: str, measured: Measured | None = None) -> NDArray[np.uint8]:
    """The picture, (H, W, 3) uint8 sRGB."""
    measured = measured or Measured()
    strip = STRIP + GAP if measured.greys is not None else 0
    middle = CAPTION + MEASURED + GAP if measured.speediness is not None or measured.energy is not None else 0
    image = Image.new("RGB", (WIDTH * SCALE, (HEAD + strip + middle + SPEED + FOOT) * SCALE), PAPER)
    sheet = _Sheet(image, ImageDraw.Draw(image), len(plan.speed))
    _head(sheet, plan, title, measured)
    if measured.greys is not None:
        _strip(sheet, measured.greys, HEAD)
    if measured.speediness is not None:
        _speediness(sheet, measured.speediness, HEAD + strip + CAPTION)
    elif measured.energy is not None:
        _energy(sheet, measured.energy, HEAD + strip + CAPTION)
    _speeds(sheet, plan, HEAD + strip + middle)
    _marks(sheet, plan, HEAD + strip + (CAPTION if middle else 0), HEAD + strip + middle + SPEED)
    _times(sheet, float(plan.fps), HEAD + strip + middle + SPEED)
    return np.asarray(image.reduce(SCALE))


@dataclass(frozen=True)
class _Sheet:
    """Paper, pen, and how many frames the width stands for; places are pixels of the finished picture."""

    image: Image.Image
    pen: ImageDraw.ImageDraw
    frames: int

    @property
    def inner(self) -> int:
        """The width of a panel."""
        return WIDTH - LEFT - RIGHT

    def x(self, frame: float) -> float:
        """Where a frame begins."""
        return LEFT + frame / self.frames * self.inner

    def line(self, points: Sequence[tuple[float, float]], color: tuple[int, int, int], width: float = 1.0) -> None:
        if len(points) > 1:
            scaled = [(x * SCALE, y * SCALE) for x, y in points]
            self.pen.line(scaled, fill=color, width=round(width * SCALE), joint="curve")

    def box(self, left: float, top: float, right: float, bottom: float, color: tuple[int, int, int]) -> None:
        self.pen.rectangle([left * SCALE, top * SCALE, max(right, left + 0.5) * SCALE, bottom * SCALE], fill=color)

    def frame(self, top: float, height: float) -> None:
        corners = [LEFT * SCALE, top * SCALE, (LEFT + self.inner) * SCALE, (top + height) * SCALE]
        self.pen.rectangle(corners, outline=FAINT, width=SCALE)

    def text(
        self, x: float, y: float, text: str, size: float = 13, *, anchor: str = "la", color: tuple[int, int, int] = INK
    ) -> None:
        font = ImageFont.load_default(size * SCALE)
        self.pen.text((x * SCALE, y * SCALE), text, fill=color, font=font, anchor=anchor)

    def caption(self, top: float, text: str) -> None:
        """What a panel shows, above it."""
        self.text(LEFT, top - 5, text, 12, anchor="ls", color=GREY)

    def curve(self, values: Curve, top: float, bottom: float, color: tuple[int, int, int], width: float) -> None:
        """Values in [0, 1] of all frames, from `bottom` up to `top`; of many frames in one pixel, their range."""
        columns = min(self.frames, self.inner)
        edges = np.linspace(0, self.frames, columns + 1).astype(int)[:-1]
        low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
        points: list[tuple[float, float]] = []
        for column, (least, most) in enumerate(zip(low, high)):
            x = LEFT + (column + 0.5) / columns * self.inner
            points += [(x, bottom + (top - bottom) * value) for value in ((least,) if least == most else (least, most))]
        self.line([(LEFT, points[0][1]), *points, (LEFT + self.inner, points[-1][1])], color, width)


def _head(sheet: _Sheet, plan: Plan, title: str, measured: Measured) -> None:
    rate, frames = float(plan.fps), len(plan.speed)
    sheet.text(LEFT, 10, title, 17)
    summary = (
        f"{counted(frames, 'frame')} ({frames / rate:.2f} s) in {len(plan.source):,} ({len(plan.source) / rate:.2f} s)"
        f", {frames / len(plan.source):.2f}x on the whole, from {plan.speed.min():.2f}x to {plan.speed.max():.2f}x"
    )
    sheet.text(LEFT, 36, summary, 13, color=GREY)
    entries = [("speed S", BLUE), ("wanted V", GREY), ("average", ORANGE)]
    entries += [("cut", RED)] if plan.cuts else []
    entries += [("locked", (90, 170, 90))] if plan.locked else []
    if measured.speediness is not None and not measured.speediness.sure.all():
        entries.append(("unsure", FAINT))
    x: float = LEFT + sheet.inner
    for name, color in reversed(entries):
        x -= 8.2 * len(name) + 4
        sheet.text(x, 36, name)
        sheet.box(x - 24, 42, x - 6, 45, color)
        x -= 38


def _strip(sheet: _Sheet, greys: NDArray[np.uint8], top: float) -> None:
    """Frames of the clip where they stand in time."""
    height = STRIP * SCALE
    width = max(1, round(height * greys.shape[2] / greys.shape[1]))
    count = max(1, sheet.inner * SCALE // width)
    for number in range(count):
        picture = Image.fromarray(np.ascontiguousarray(greys[int((number + 0.5) / count * sheet.frames)]))
        left = round(LEFT * SCALE + number * sheet.inner * SCALE / count)
        sheet.image.paste(
            picture.resize((width, height), Image.Resampling.BILINEAR).convert("RGB"), (left, round(top * SCALE))
        )


def _speediness(sheet: _Sheet, found: Speediness, top: float) -> None:
    """A row per copy, the fastest on top: orange looks slow, blue sped up; grey where the network is unsure."""
    columns = min(sheet.frames, sheet.inner)
    edges = np.linspace(0, sheet.frames, columns + 1).astype(int)[:-1]
    means = np.add.reduceat(found.curves, edges, axis=1) / np.diff(np.append(edges, sheet.frames))
    colors = np.where(
        means[..., None] < 0.5,
        SLOW + (NORMAL - SLOW) * 2 * means[..., None],
        NORMAL + (FAST - NORMAL) * (2 * means[..., None] - 1),
    )
    colors[:, ~np.logical_and.reduceat(found.sure, edges)] = FAINT
    picture = Image.fromarray(np.rint(colors[::-1]).astype(np.uint8))
    size = (sheet.inner * SCALE, MEASURED * SCALE)
    sheet.image.paste(picture.resize(size, Image.Resampling.NEAREST), (LEFT * SCALE, round(top * SCALE)))
    row = MEASURED / len(found.rates)
    for number in range(0, len(found.rates), max(1, math.ceil(14 / row))):
        middle = top + MEASURED - (number + 0.5) * row
        sheet.text(LEFT - 8, middle, f"{found.rates[number]:.2g}x", 11, anchor="rm", color=GREY)
    sheet.caption(top, "copies of the clip at these speeds: orange looks natural, blue sped up")
    sheet.frame(top, MEASURED)


def _energy(sheet: _Sheet, energy: Curve, top: float) -> None:
    """Motion energy, from rest up to its highest."""
    most = max(float(energy.max()), 1e-6)
    sheet.curve(energy / most, top + 6, top + MEASURED, ORANGE, 1.5)
    sheet.text(LEFT - 8, top + 6, f"{most:.2g}", 11, anchor="rm", color=GREY)
    sheet.text(LEFT - 8, top + MEASURED, "0", 11, anchor="rm", color=GREY)
    sheet.caption(top, "motion, picture heights per second")
    sheet.frame(top, MEASURED)


def _speeds(sheet: _Sheet, plan: Plan, top: float) -> None:
    """V and S over the clip, on a logarithmic scale."""
    average = len(plan.speed) / len(plan.source)
    both = np.concatenate([plan.speed, plan.wanted, [1.0, average]])
    low, high = math.log2(both.min()) - 0.15, math.log2(both.max()) + 0.15

    def level(speed: float) -> float:
        return top + SPEED * (1 - (math.log2(speed) - low) / (high - low))

    for first, last in plan.locked:
        sheet.box(sheet.x(first), top, sheet.x(last + 1), top + SPEED, GREEN)
    for power in range(math.ceil(low), math.floor(high) + 1):
        sheet.line([(LEFT, level(2.0**power)), (LEFT + sheet.inner, level(2.0**power))], FAINT)
        sheet.text(LEFT - 8, level(2.0**power), f"{2.0**power:g}x", 12, anchor="rm", color=GREY)
    y = level(average)
    for x in range(LEFT, LEFT + sheet.inner, 10):
        sheet.line([(x, y), (min(x + 5, LEFT + sheet.inner), y)], ORANGE, 1.2)
    for values, color, width in ((plan.wanted, GREY, 1.2), (plan.speed, BLUE, 2.4)):
        sheet.curve((np.log2(values) - low) / (high - low), top, top + SPEED, color, width)
    sheet.frame(top, SPEED)


def _marks(sheet: _Sheet, plan: Plan, top: float, bottom: float) -> None:
    """Cuts, through all panels."""
    for cut in plan.cuts:
        for y in range(round(top), round(bottom), 8):
            sheet.line([(sheet.x(cut), y), (sheet.x(cut), min(y + 4, bottom))], RED, 1.2)


def _times(sheet: _Sheet, rate: float, top: float) -> None:
    """Seconds of the source."""
    seconds = sheet.frames / rate
    step = next((tick for tick in TICKS if seconds / tick <= 14), TICKS[-1])
    for number in range(int(seconds / step) + 1):
        x = sheet.x(number * step * rate)
        sheet.line([(x, top), (x, top + 5)], GREY)
        whole = number * step
        label = f"{whole // 60}:{whole % 60:02}" if seconds >= 120 else f"{whole}"
        sheet.text(x, top + 8, label, 12, anchor="ma", color=GREY)
    sheet.text(
        LEFT + sheet.inner,
        top + 26,
        "source, " + ("minutes" if seconds >= 120 else "seconds"),
        11,
        anchor="ra",
        color=GREY,
    )
