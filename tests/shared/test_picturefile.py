"""Picture files of every sort: what a viewer shows comes in; what cannot be used is refused by name."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restyle.errors import BadInputError, UsageError
from restyle.picturefile import animated, check_output, read_levels, read_mask, read_picture, write_picture

RANDOM = np.random.default_rng(0)
COLORS = RANDOM.integers(0, 256, (6, 9, 3), np.uint8)
GREY = COLORS[..., 0]


def repeated(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims this size, and no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b""
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b""))):
        chunks += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.ppm", "a.tga"])
def test_pixels_survive_a_file(tmp_path: Path, name: str) -> None:
    Image.fromarray(COLORS).save(tmp_path / name)
    np.testing.assert_array_equal(read_picture(tmp_path / name), COLORS)


@pytest.mark.parametrize("pixels", [COLORS, COLORS[:1, :1], np.dstack([COLORS, GREY])])
def test_what_is_written_is_what_is_read(tmp_path: Path, pixels: np.ndarray) -> None:
    write_picture(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), pixels)


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    wide = GREY.astype(np.uint16) * 257
    for name in ("a.png", "a.tif"):
        Image.fromarray(wide).save(tmp_path / name)
        np.testing.assert_array_equal(read_picture(tmp_path / name), repeated(GREY))
        np.testing.assert_array_equal(read_levels(tmp_path / name), wide[..., None])
    np.testing.assert_allclose(read_mask(tmp_path / "a.png"), GREY / 255, atol=1e-6)


def test_sixteen_bits_of_colour(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in COLORS.astype(np.uint16) * 257)
    content = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", 9, 6, 16, 2, 0, 0, 0)
    for name, part in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
    (tmp_path / "a.png").write_bytes(content)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), COLORS)


def test_palettes_greys_and_bits(tmp_path: Path) -> None:
    flat = np.repeat(np.repeat(COLORS[:2, :2], 3, 0), 3, 1)
    Image.fromarray(flat).quantize(4).save(tmp_path / "palette.png")
    with Image.open(tmp_path / "palette.png") as image:
        assert image.mode == "P"
    np.testing.assert_array_equal(read_picture(tmp_path / "palette.png"), flat)
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "grey.png"), repeated(GREY))
    bits = GREY > 127
    Image.fromarray(bits).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "bits.png"), repeated(bits.astype(np.uint8) * 255))


def test_transparency_is_kept_only_where_there_is_any(tmp_path: Path) -> None:
    alpha = np.full(GREY.shape, 255, np.uint8)
    Image.fromarray(np.dstack([COLORS, alpha])).save(tmp_path / "opaque.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "opaque.png"), COLORS)
    alpha[2, 3] = 0
    Image.fromarray(np.dstack([GREY, alpha])).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "grey.png"), np.dstack([repeated(GREY), alpha]))
    palette = Image.fromarray(np.repeat(COLORS[:1], 6, 0)).quantize(16)
    palette.save(tmp_path / "palette.png", transparency=palette.getpixel((0, 0)))
    found = read_picture(tmp_path / "palette.png")
    assert found.shape == (6, 9, 4)
    assert (found[:, 0, 3] == 0).all()
    assert (found[..., 3] == 255).any()


def test_cmyk_is_shown_as_colour(tmp_path: Path) -> None:
    red = Image.new("CMYK", (9, 6), (0, 255, 255, 0))
    red.save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif"), np.broadcast_to([255, 0, 0], (6, 9, 3)))
    red.save(tmp_path / "a.jpg", quality=95)
    found = read_picture(tmp_path / "a.jpg").astype(int)
    assert np.abs(found - [255, 0, 0]).max() < 12


@pytest.mark.parametrize(("orientation", "upright"), [(1, 0), (6, -1), (3, 2), (8, 1)])
def test_a_photo_stands_upright(tmp_path: Path, orientation: int, upright: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLORS).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), np.rot90(COLORS, upright))


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.tif", "a.png"])
def test_of_several_pictures_it_is_the_first(tmp_path: Path, name: str) -> None:
    first, second = (Image.new("RGB", (9, 6), color) for color in ("red", "blue"))
    first.save(tmp_path / name, save_all=True, append_images=[second], lossless=True)
    assert animated(tmp_path / name)
    np.testing.assert_array_equal(read_picture(tmp_path / name), np.broadcast_to([255, 0, 0], (6, 9, 3)))
    first.save(tmp_path / name)
    assert not animated(tmp_path / name)


def test_a_mask_is_white_where_it_counts(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    np.testing.assert_allclose(read_mask(tmp_path / "grey.png"), GREY / 255, atol=1e-6)
    alpha = np.where(GREY > 99, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([repeated(GREY), alpha])).save(tmp_path / "painted.png")
    np.testing.assert_allclose(read_mask(tmp_path / "painted.png"), np.where(GREY > 99, GREY, 0) / 255, atol=1e-6)
    Image.new("L", (9, 6)).save(tmp_path / "empty.png")
    with pytest.raises(BadInputError, match=r"empty\.png: it is empty"):
        read_mask(tmp_path / "empty.png")


def broken(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    """Files that cannot be used, and what is said of them."""
    whole = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), np.uint8)).save(whole, "PNG")
    jpeg = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), np.uint8)).save(jpeg, "JPEG")
    flipped = bytearray(whole.getvalue())
    flipped[200] ^= 0xFF
    floats = io.BytesIO()
    Image.fromarray(np.ones((4, 4), np.float32)).save(floats, "TIFF")
    contents = {
        "text.png": (b"This is a shopping list.", "not a picture that can be read. Save it as one of: PNG, JPEG"),
        "empty.png": (b"", "not a picture"),
        "script.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        "half.png": (whole.getvalue()[:5000], "damaged or not complete"),
        "half.jpg": (jpeg.getvalue()[:1500], "damaged or not complete"),
        "flipped.png": (bytes(flipped), "damaged or not complete"),
        "header.png": (png_header(64, 64), "damaged or not complete"),
        "poster.png": (png_header(20_000, 20_000), "pixels are more than the 64,000,000 allowed"),
        "large.png": (png_header(10_000, 8_000), "10000 x 8000 pixels are more than"),
        "none.png": (png_header(0, 8), "damaged or not complete|not a picture"),
        "float.tif": (floats.getvalue(), "32-bit floats"),
    }
    for name, (content, _) in contents.items():
        (tmp_path / name).write_bytes(content)
    found = {name: (tmp_path / name, said) for name, (_, said) in contents.items()}
    return found | {
        "missing": (tmp_path / "missing.png", "no such file"),
        "folder": (tmp_path, "this is a folder"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "text.png", "empty.png", "script.jpg", "half.png", "half.jpg", "flipped.png", "header.png", "poster.png",
        "large.png", "none.png", "float.tif", "missing", "folder",
    ],
)  # fmt: skip
@pytest.mark.parametrize("read", [read_picture, read_mask, read_levels, animated])
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, name: str, read: object) -> None:
    path, said = broken(tmp_path)[name]
    with pytest.raises(BadInputError, match=said) as caught:
        read(path)
    assert caught.value.message.startswith(str(path))


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    for width, height in ((20_000, 20_000), (10_000, 8_000)):
        (tmp_path / "a.png").write_bytes(png_header(width, height))
        with pytest.raises(BadInputError, match="64,000,000"):
            read_picture(tmp_path / "a.png")


def test_every_torn_or_flipped_file_is_read_or_refused(tmp_path: Path) -> None:
    """No damage leads to another error than BadInputError."""
    path = tmp_path / "a"
    refused = 0
    for form in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "TGA"):
        whole = io.BytesIO()
        Image.fromarray(RANDOM.integers(0, 256, (16, 16, 3), np.uint8)).save(whole, form)
        for _ in range(60):
            content = bytearray(whole.getvalue())
            for place in RANDOM.integers(0, min(len(content), 300), 3):
                content[place] = RANDOM.integers(256)
            path.write_bytes(content[: RANDOM.integers(1, len(content) + 1)])
            try:
                assert read_picture(path).dtype == np.uint8
            except BadInputError as error:
                assert error.message.startswith(str(path))  # noqa: PT017
                refused += 1
    assert 100 < refused < 480


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("out.exr", UsageError, r"written as \.png"),
        ("out", UsageError, r"written as \.png"),
        ("no/folder/out.png", BadInputError, "does not exist"),
        ("folder.png", BadInputError, "this is a folder"),
    ],
)
def test_where_a_picture_cannot_go(tmp_path: Path, name: str, error: type[Exception], said: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(error, match=said):
        check_output(tmp_path / name)
