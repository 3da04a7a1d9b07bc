"""Kind `text`: one short text, such as a prompt; it travels in the header."""

from __future__ import annotations

from ..errors import BadInputError
from .packed import Packed

NAME = "text"
MAX_CHARACTERS = 1000  # CLIP reads about 75 word pieces; more is a mistake, such as a pasted document


def validate(value: str) -> None:
    """Raise BadInputError for an empty or very long text."""
    if not isinstance(value, str):
        raise BadInputError(f"text: a {type(value).__name__} is not a text.")
    if not value.strip():
        raise BadInputError("text: it is empty. Describe the look in a few words, such as: a vase made of wicker.")
    if len(value) > MAX_CHARACTERS:
        raise BadInputError(f"text: {len(value):,} characters are more than {MAX_CHARACTERS:,}. Shorten it.")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadInputError("text: it contains half a character (a lone surrogate). Type it again.")
    if "\0" in value:
        raise BadInputError("text: it contains a NUL character. Remove it.")


def pack(value: str) -> Packed:
    """The text as header data."""
    return Packed(NAME, {"text": value})


def unpack(packed: Packed) -> str:
    """The text again, validated."""
    text = packed.meta.get("text")
    if not isinstance(text, str):
        raise BadInputError("text: it came without its text.")
    validate(text)
    return text
