"""Pictures to feed to the command, and a way to call it."""

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from convadjoint.cli.app import app

SEED = 20240229


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def caller(capsys, monkeypatch, folder):
    """Return a function that runs the command in `folder`, on a wide terminal."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            app([str(argument) for argument in arguments], prog_name="convadjoint")
        return Outcome(stop.value.code, *capsys.readouterr())

    return run


def picture(height=40, width=36, colours=1):
    """Smooth random 8-bit pixels that use most of the range."""
    rng = np.random.default_rng(SEED)
    rough = rng.random((height // 4, width // 4, colours))
    smooth = np.kron(rough, np.ones((4, 4, 1)))
    fine = rng.random(smooth.shape)
    return np.round(255 * (0.7 * smooth + 0.3 * fine)).astype(np.uint8)


def image(colours=3, **size):
    pixels = picture(colours=colours, **size)
    return Image.fromarray(pixels if colours > 1 else pixels[..., 0])


def save_grey(folder):
    path = folder / "grey.png"
    image(colours=1).save(path)
    return path
