"""The part of CLIP's token table that the grammar uses, and captions as rows of it.

Training with a few hundred rows instead of 49,408 is fast; order is kept, so that the end-of-text token stays the
highest number, which is how CLIP finds the position to read.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from .grammar import vocabulary

CONTEXT = 32
PADDING, UNKNOWN = 0, 1


class CompactTokenizer:
    """Tokenises captions into compact rows; row 0 is padding, row 1 stands for every token outside the grammar."""

    def __init__(self) -> None:
        self.full = SimpleTokenizer(context_length=CONTEXT)
        ids = {i for word in vocabulary() for i in self.full.encode(word)}
        self.used = [*sorted(ids), self.full.sot_token_id, self.full.eot_token_id]
        self.row = {token: k + 2 for k, token in enumerate(self.used)}
        self.words: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.used) + 2

    def rows(self, word: str) -> list[int]:
        """Return the rows of one word."""
        if word not in self.words:
            self.words[word] = [self.row.get(i, UNKNOWN) for i in self.full.encode(word)]
        return self.words[word]

    def __call__(self, captions: Iterable[str], rng: np.random.Generator | None = None) -> Tensor:
        """Return rows (N, 32) int64; with `rng`, unknown words are slipped into a tenth of the captions."""
        lists = [self.sequence(caption, rng) for caption in captions]
        out = torch.zeros(len(lists), CONTEXT, dtype=torch.long)
        for k, sequence in enumerate(lists):
            out[k, : len(sequence)] = torch.tensor(sequence)
        return out

    def sequence(self, caption: str, rng: np.random.Generator | None) -> list[int]:
        """Return one caption's rows with its start and end."""
        parts = [self.rows(word) for word in caption.split()]
        if rng is not None and rng.random() < 0.1:
            parts.insert(rng.integers(len(parts) + 1), [UNKNOWN] * int(rng.integers(1, 4)))
        inner = [row for part in parts for row in part][: CONTEXT - 2]
        return [len(self) - 2, *inner, len(self) - 1]

    def scatter(self, table: Tensor) -> Tensor:
        """Spread a compact embedding table over the full vocabulary; tokens outside the grammar get zeros."""
        full = torch.zeros(self.full.vocab_size, table.shape[1], dtype=table.dtype)
        full[torch.tensor(self.used)] = table[2:]
        # Token 0 is also the padding, which causal attention never reads; it is no word of the grammar.
        return full


def unique_rows(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct label tuples and, for each row, the number of its tuple."""
    tuples, inverse = np.unique(labels, axis=0, return_inverse=True)
    return tuples, inverse.reshape(-1)


__all__: Sequence[str] = ("CONTEXT", "UNKNOWN", "CompactTokenizer", "unique_rows")
