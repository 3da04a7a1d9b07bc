"""Words for people."""

from __future__ import annotations


def plain(number: float) -> str:
    """A number without an exponent, or zeros behind its point: "0.05", "10,000,000"."""
    return f"{number:,.10g}"


def counted(number: int, noun: str) -> str:
    """So many of something whose plural is regular: "1 frame", "2,000 frames"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
