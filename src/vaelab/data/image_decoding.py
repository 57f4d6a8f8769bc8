"""Decodes an image file to 8-bit grey or RGB. Imports no torch.

Pillow raises an exception for damaged files, where torchvision's libpng may end the process.
"""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")  # by content, not by suffix
# Pillow's own limit: a PNG of 109 kB can hold 10^9 pixels, which take 3 GB when unpacked.
MAX_PIXELS = 89_478_485
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
TRANSPARENT = ("RGBA", "LA", "PA", "RGBa")
CONVERTIBLE = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", *TRANSPARENT, *SIXTEEN_BITS)
MODES = {1: "L", 3: "RGB"}

Pixels = UInt8[np.ndarray, "H W"] | UInt8[np.ndarray, "H W 3"]


class UnreadableError(Exception):
    """Why a file cannot be read as an image; the message continues a sentence that starts with its name."""


@dataclass(frozen=True)
class Header:
    """Size of the upright image in pixels, Pillow's mode, and the number of frames."""

    width: int
    height: int
    mode: str
    frames: int
    peak: int = 0  # largest value of 16-bit grey, 0 for other images


def examine(path: Path) -> Header:
    """The header of an image, after decoding it and verifying its checksums. Raises UnreadableError."""
    with _open_image(path) as image:
        image.verify()  # checksums of PNG, which decoding ignores
    with _open_image(path) as image:
        # The second frame of an MPO is a preview of the first.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        image.seek(0)
        upright = _apply_orientation(image)
        _convert(upright, "RGB", 16)
        peak = int(np.asarray(upright).max()) if upright.mode in SIXTEEN_BITS else 0
        return Header(*upright.size, upright.mode, frames, peak)


def decode(path: Path, channels: int, bits: int) -> Pixels:
    """The upright image in 8 bits: grey for 1 channel, RGB for 3.

    EXIF orientation is applied, and transparent pixels are blended with white. The lowest `bits` of 16-bit grey range
    from black to white. Only the first of several frames is read.

    Raises:
        UnreadableError: the file is damaged, is not an image, or has too many pixels.
    """
    with _open_image(path) as image:
        return np.asarray(_convert(_apply_orientation(image), MODES[channels], bits))


@contextmanager
def _open_image(path: Path) -> Iterator[Image.Image]:
    """The image after reading its header; any exception inside becomes an UnreadableError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about EXIF and sizes, which are checked here
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise UnreadableError(f"has {image.width} x {image.height} pixels, more than {MAX_PIXELS}")
                if image.mode not in CONVERTIBLE:
                    raise UnreadableError(f"holds values of mode {image.mode}, not of 8 or 16 bits")
                yield image
    except UnreadableError:
        raise
    except Exception as error:  # Pillow raises many types for damaged files
        raise UnreadableError(_reason(path, error)) from error


def _reason(path: Path, error: Exception) -> str:
    """What is wrong with the file, in a few words."""
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {MAX_PIXELS} pixels"
    if isinstance(error, MemoryError):
        return "takes more memory than there is"
    if isinstance(error, OSError) and error.errno is not None:
        dangling = error.errno == errno.ENOENT and path.is_symlink()
        return "is a link to nothing" if dangling else f"cannot be read: {error.strerror}"
    if not path.stat().st_size:
        return "is empty"
    if isinstance(error, Image.UnidentifiedImageError):
        return f"is none of {', '.join(FORMATS)}"
    return f"is damaged: {' '.join(str(error).split()) or type(error).__name__}"


def _apply_orientation(image: Image.Image) -> Image.Image:
    """The image rotated and mirrored by its EXIF orientation."""
    image.load()
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # viewers ignore unreadable EXIF too
        return image
    return image if orientation == 1 else ImageOps.exif_transpose(image)


def _convert(image: Image.Image, mode: str, bits: int) -> Image.Image:
    """The image in 8 bits, blended with white where it is transparent."""
    if image.mode in SIXTEEN_BITS:
        image = _to_eight_bits(image, bits)
    if image.mode in TRANSPARENT or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    return image if image.mode == mode else image.convert(mode)


def _to_eight_bits(image: Image.Image, bits: int) -> Image.Image:
    """The 8 highest of the lowest `bits` of 16-bit grey; the transparent value becomes white."""
    values = np.asarray(image).astype(np.uint16)
    white = 2**bits - 1
    if "transparency" in image.info:
        values = np.where(values == image.info["transparency"], white, values)
    if values.max() > white:
        raise UnreadableError(f"holds {values.max()}, more than data.source.bits={bits} can hold")
    return Image.fromarray((values >> (bits - 8)).astype(np.uint8))
