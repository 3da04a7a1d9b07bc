"""Words for people."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """So many of something whose plural is regular: "1 frame", "2,000 frames"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
