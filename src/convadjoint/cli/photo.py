"""Read a photograph as numbers in 0..1, or refuse it in one line.

Every limit of the demo on its input is a constant below and appears in the message
that enforces it.  Only formats that Pillow decodes by itself are opened: PostScript,
for one, would start a foreign program.
"""

import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from convadjoint.cli.refusal import CannotRunError

WORKING_SIDE = 512
"""Longest side the demo works on; larger photographs are downscaled to it."""

LEAST_SIDE = 32
"""Shortest side that still shows something after blur and downsampling."""

MOST_MEGAPIXELS = 100
"""Larger pictures are refused before they are decoded."""

FORMATS = (
    "AVIF",
    "BMP",
    "GIF",
    "JPEG",
    "JPEG2000",
    "PNG",
    "PPM",
    "TIFF",
    "WEBP",
)

Values = npt.NDArray[np.float64]

_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    EOFError,
    struct.error,
)
"""What Pillow's decoders were seen to raise, or may, on a damaged file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo:
    """A photograph: `pixels` of shape ``(H, W, 3)``, or ``(H, W, 1)`` if grey."""

    pixels: Values
    name: str
    credit: str = ""
    notes: tuple[str, ...] = ()


def shipped() -> Photo:
    """Return the photograph inside the package."""
    data = resources.files("convadjoint.cli") / "data" / "chelsea.png"
    with resources.as_file(data) as path, Image.open(path) as image:
        pixels, _ = _pixels(image)
    credit = "Chelsea the cat, photographed by Stefan van der Walt, CC0"
    return Photo(pixels=pixels, name="chelsea.png", credit=credit)


def read(path: Path) -> Photo:
    """Read the user's own photograph, or raise `CannotRunError`."""
    name = repr(str(path))
    _check_file(path, name)
    # A path would let Pillow map the file into memory; rotated TIFFs then come out
    # scrambled (seen with Pillow 13.0).
    with _decoding(name), path.open("rb") as file:
        image = Image.open(file, formats=formats())
        _check_picture(image, name)
        pixels, notes = _pixels(image)
    _check_content(pixels, name)
    return Photo(pixels=pixels, name=name, notes=notes)


def _check_file(path: Path, name: str) -> None:
    """Refuse what is not a readable file with something in it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        msg = f"there is no file {name}"
        raise CannotRunError(msg) from None
    except (OSError, ValueError) as error:
        raise CannotRunError(_unreadable(name, error)) from None
    if stat.S_ISDIR(status.st_mode):
        msg = f"{name} is a directory; give the path of one photograph"
        raise CannotRunError(msg)
    if not stat.S_ISREG(status.st_mode):
        msg = f"{name} is not a regular file; give the path of one photograph"
        raise CannotRunError(msg)
    if status.st_size == 0:
        msg = f"{name} is empty (0 bytes)"
        raise CannotRunError(msg)


def _unreadable(name: str, error: Exception) -> str:
    """Say why the system does not let us read a file."""
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{name} cannot be read: {reason or error}"


def formats() -> tuple[str, ...]:
    """Return the formats that this build of Pillow has, out of `FORMATS`."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one line about the file `name`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CannotRunError:
        raise
    except PermissionError as error:
        raise CannotRunError(_unreadable(name, error)) from None
    except Image.DecompressionBombError:
        raise CannotRunError(_too_many_pixels(name)) from None
    except UnidentifiedImageError:
        msg = f"{name} is not a picture this demo reads ({', '.join(formats())})"
        raise CannotRunError(msg) from None
    except _DECODER_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        msg = f"{name} is damaged and cannot be decoded: {reason}"
        raise CannotRunError(msg) from None


def _too_many_pixels(name: str) -> str:
    """Name the limit on the number of pixels."""
    return f"{name} has more than {MOST_MEGAPIXELS} million pixels, the demo's limit"


def _check_picture(image: Image.Image, name: str) -> None:
    """Refuse by what the header says, before a pixel is decoded."""
    width, height = image.size
    if width * height > MOST_MEGAPIXELS * 10**6:
        raise CannotRunError(_too_many_pixels(name))
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        msg = f"{name} holds {frames} frames; the demo takes a single picture"
        raise CannotRunError(msg)
    shrink = min(1.0, WORKING_SIDE / max(width, height))
    small = (round(shrink * width), round(shrink * height))
    if min(small) < LEAST_SIDE:
        scaled = f", {_size(small)} at the demo's working size" if shrink < 1 else ""
        msg = (
            f"{name} is {_size(image.size)} pixels{scaled}; the demo needs at least "
            f"{LEAST_SIDE} a side"
        )
        raise CannotRunError(msg)


def _check_content(pixels: Values, name: str) -> None:
    """Refuse pictures without content: errors relative to them mean nothing."""
    if not np.isfinite(pixels).all():
        msg = f"{name} holds pixels that are not finite numbers"
        raise CannotRunError(msg)
    if not np.ptp(pixels, axis=(0, 1)).any():
        msg = f"{name} has the same colour everywhere: there is nothing to restore"
        raise CannotRunError(msg)


def _pixels(image: Image.Image) -> tuple[Values, tuple[str, ...]]:
    """Decode to ``(H, W, c)`` in 0..1 at working size, and say what was changed."""
    original, mode = image.size, image.mode
    image.draft(None, (2 * WORKING_SIDE, 2 * WORKING_SIDE))
    image, notes = _plain(ImageOps.exif_transpose(image))
    if max(image.size) > WORKING_SIDE:
        image = ImageOps.contain(image, (WORKING_SIDE, WORKING_SIDE))
    if max(original) > WORKING_SIDE:
        note = (
            f"downscaled from {_size(original)} to {_size(image.size)}: the demo works "
            f"on at most {WORKING_SIDE} pixels a side"
        )
        notes += (note,)
    values, greys = _unit(np.asarray(image, dtype=np.float64), mode)
    return np.atleast_3d(values), notes + greys


def _size(size: tuple[int, int]) -> str:
    """Write a size as width x height."""
    return f"{size[0]} x {size[1]}"


def _plain(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert any mode to `RGB`, `L` or, for more than 8 bits of grey, `F`."""
    if _is_deep(image.mode):
        return image.convert("F"), ()
    mode = "L" if image.mode in {"1", "L", "LA", "La"} else "RGB"
    if not image.has_transparency_data:
        return image.convert(mode), ()
    layer = image.convert("RGBA")
    page = Image.new("RGBA", layer.size, "white")
    page.alpha_composite(layer)
    clear = layer.getchannel("A").getextrema() != (255, 255)
    return page.convert(mode), ("transparency shown on white",) if clear else ()


def _is_deep(mode: str) -> bool:
    """Tell 16-bit and 32-bit greys from everything with 8 bits a colour."""
    return mode == "F" or mode.startswith("I")


def _unit(values: Values, mode: str) -> tuple[Values, tuple[str, ...]]:
    """Scale to 0..1: integers by their range, 32-bit greys by what they hold."""
    if not _is_deep(mode):
        return values / 255, ()
    if mode.startswith("I;16"):
        return np.clip(values / 65535, 0, 1), ()
    low, high = float(values.min()), float(values.max())
    note = f"greys from {low:.6g} to {high:.6g} shown as black to white"
    return (values - low) / ((high - low) or 1.0), (note,)
