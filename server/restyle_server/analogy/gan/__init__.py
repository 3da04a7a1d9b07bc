"""The GAN engine: two pictures in, the layout of the one in the matter of the other out. Plain torch and numpy.

Benaim, Mokady, Bermano, Cohen-Or, Wolf, "Structural-analogy from a Single Image Pair", Computer Graphics Forum 2020
(arXiv 2004.02222), and its published code, whose constants are the preset `paper`. A pyramid of generators and patch
critics for each picture; the structure's side is `a`, the appearance's is `b`. Files in reading order: options,
pyramid, networks, pair (one step), train, sample.

What the published code does, and what is done here instead:

- It makes every picture square. Here each keeps its aspect ratio and gets as many pixels as that square. Where a real
  picture and a fake then differ in size, the gradient penalty takes windows of both.
- It enlarges pictures between scales on the CPU, as bytes with their fractions cut off. Here: bicubic, float, on the
  device.
- At the coarsest scale it trains with noise of amplitude 1 and stores 0.1 for the scales above. Here: 1 in both.
- Its reconstruction at the coarsest scale adds the network's answer to the noise itself. Here nothing is added to:
  that is what it is used with.
- Its first step of a scale uses the noise amplitude of the scale below. Here the amplitude is set before.
- It keeps graphs through frozen scales and goes backward once per term, through the critics' weights for the
  generators, too. Here frozen scales have no gradients and each optimiser gets one backward pass. The generators follow
  the critics' slopes of the same evaluation that the critics learn from; the published ones follow those after the
  critics' step. It is the same game, a step apart, and spares a pass through the critics.
- Its batch normalisation always sees one picture. Here each picture is normalised by itself, which is the same and
  lets pictures of one size share a pass. Convolution biases that the normalisation takes out are left out.
- It resumes at whole scales, from pickled modules that a current torch refuses. Here: within a scale, bit for bit on a
  CPU, from plain arrays.
- Its evaluation reads files that its training never writes, asks for an option that it does not have, and names its
  outputs after the wrong direction. Here `sample` and `inject` take what `train` returns.
- Its result is one random draw, another in every run. Here `picture` is the structure itself, redrawn by its finest
  generator and translated; `samples` are draws, as many as wanted, decided by a seed.
- Its video training gives the generators a constant in place of the critics' opinion of translated real frames, shows
  one critic the other side's pictures, and swaps the two noise amplitudes. Here that term has its gradient, each critic
  sees its own side and each side has its own amplitude.
- It needs 20,000 rounds a scale. The presets `draft` and `standard` are another game, for a few hundred or thousand: a
  scale adds to something even where it is the coarsest, the structure is translated once, there, and climbs in the
  appearance's colours (`GanOptions.climb`); the generators see mirrored borders, the critics learn faster.
"""

from .options import PRESETS, GanOptions, options_for
from .sample import inject, injectable, sample, translate_frames
from .train import GanResult, Step, train, train_frames

__all__ = [
    "PRESETS",
    "GanOptions",
    "GanResult",
    "Step",
    "inject",
    "injectable",
    "options_for",
    "sample",
    "train",
    "train_frames",
    "translate_frames",
]
