"""The command: what it prints, and whether its numbers are true."""

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pytest
import scipy.sparse
from PIL import Image

from convadjoint import __version__, cli
from convadjoint.cli import demo, photo, report, structure
from photographs import Outcome, caller, image, picture, save_grey


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    return caller(capsys, monkeypatch, tmp_path)


# What the demo prints, recomputed without a line of the library.


def mirror(grid, *, rows, columns):
    """Extend the last two axes by mirroring, the border sample repeated."""
    still = ((0, 0),) * (grid.ndim - 2)
    return np.pad(grid, (*still, rows, columns), mode="symmetric")


def blur(grid):
    """Blur ``(..., H, W)`` and keep every second pixel; even sizes only."""
    kernel = demo.camera_shake()
    height, width = grid.shape[-2:]
    wide = mirror(grid, rows=(3, 4), columns=(7, 8))
    return sum(
        kernel[i, j] * wide[..., i : i + height : 2, j : j + width : 2]
        for i, j in np.ndindex(*kernel.shape)
    )


def laplacian(grid):
    wide = mirror(grid, rows=(1, 1), columns=(1, 1))
    up, down = wide[..., :-2, 1:-1], wide[..., 2:, 1:-1]
    left, right = wide[..., 1:-1, :-2], wide[..., 1:-1, 2:]
    return up + down + left + right - 4 * grid


def dense(function, shape):
    """The matrix of a linear `function` of ``(..., H, W)``."""
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return function(units).reshape(len(units), -1).T


def bicubic(n):
    """Pillow's enlargement from n to 2n samples: Keys' kernel with a = -1/2."""

    def keys(t):
        t = abs(t)
        if t < 1:
            return 1.5 * t**3 - 2.5 * t**2 + 1
        return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0

    weights = [
        [keys((p + 0.5) / 2 - (m + 0.5)) for m in range(n)] for p in range(2 * n)
    ]
    return np.array(weights) / np.sum(weights, axis=1, keepdims=True)


@dataclass(frozen=True)
class Expected:
    matrix: np.ndarray
    rows: dict[str, tuple[float, float, float]]


def expected(pixels):
    """The whole demo on a grey picture, with dense matrices."""
    grid = pixels[..., 0] / 255
    x, matrix = grid.ravel(), dense(blur, grid.shape)
    small = (grid.shape[0] // 2, grid.shape[1] // 2)
    noise = np.random.default_rng(0).standard_normal((*small, 1))
    y = matrix @ x + noise.ravel() / 255
    smooth = demo.DAMPING * dense(laplacian, grid.shape)
    normal = matrix.T @ matrix + smooth.T @ smooth
    solution = np.linalg.solve(normal, matrix.T @ y)
    back = matrix.T @ y
    pictures = {
        "data, upsampled (bicubic)": (
            bicubic(small[0]) @ y.reshape(small) @ bicubic(small[1]).T
        ).ravel(),
        "C^T y": back,
        "C^T y, brightness fitted": back * (back @ x) / (back @ back),
        "least squares": solution,
    }

    def measure(z):
        error = np.linalg.norm(z - x) / np.linalg.norm(x)
        psnr = 10 * np.log10(1 / np.mean((z - x) ** 2))
        return (
            100 * error,
            psnr,
            100 * np.linalg.norm(matrix @ z - y) / np.linalg.norm(y),
        )

    return Expected(matrix, {name: measure(z) for name, z in pictures.items()})


def printed_row(out, name):
    row = re.search(
        rf"{re.escape(name)}\W+([\d.]+) %\W+([\d.]+) dB\W+([\d.]+) %\W*$",
        out,
        re.MULTILINE,
    )
    assert row, f"no row {name!r} in\n{out}"
    return [float(number) for number in row.groups()]


def test_demo_prints_true_numbers_and_saves_the_figure(call, tmp_path):
    outcome = call("demo", save_grey(tmp_path), "--out", tmp_path / "new" / "folder")
    assert (outcome.code, outcome.err) == (0, "")

    truth = expected(picture())
    for name, row in truth.rows.items():
        # Printed with two decimals.  CGLS stops before the last digit is there.
        slack = 0.05 if name == "least squares" else 0.006
        assert printed_row(outcome.out, name) == pytest.approx(row, abs=slack)
    rows, columns = truth.matrix.shape
    assert f"shape      {rows:,} x {columns:,}" in outcome.out
    assert f"non-zeros  {np.count_nonzero(truth.matrix):,} (" in outcome.out

    target = tmp_path / "new" / "folder" / report.FIGURE_NAME
    assert outcome.out.endswith(f"The figure is in {target}\n")
    with Image.open(target) as figure:
        figure.load()
        assert (figure.format, figure.size[0]) == ("PNG", 1800)


def test_without_an_image_the_shipped_photograph_is_used(call, monkeypatch, tmp_path):
    small = photo.Photo(
        pixels=picture(colours=3) / 255, name="x.png", credit="By A, CC0"
    )
    monkeypatch.setattr(photo, "shipped", lambda: small)
    outcome = call("demo", "--width", 600)
    assert outcome.code == 0
    assert "By A, CC0" in outcome.out
    with Image.open(tmp_path / report.FIGURE_NAME) as figure:
        assert figure.size[0] == 600


def test_shipped_photograph_is_small_and_credited():
    data = resources.files("convadjoint.cli") / "data"
    shipped = photo.shipped()
    assert shipped.pixels.shape == (300, 400, 3)
    assert len((data / shipped.name).read_bytes()) < 300_000
    credits_text = (data / "CREDITS.txt").read_text(encoding="utf-8")
    for text in (shipped.name, "Stefan van der Walt", "CC0 1.0"):
        assert text in credits_text
    assert "Stefan van der Walt, CC0" in shipped.credit


def test_transpose_is_no_inverse_on_the_shipped_photograph():
    scene = demo.simulate(photo.shipped().pixels[60:140, 80:200])
    steps = []
    baseline, plain, fitted, solved = demo.restore(
        scene, on_iteration=lambda: steps.append(1)
    )
    assert len(steps) == demo.ITERATIONS
    assert solved.error < 0.8 * baseline.error < 0.8 * fitted.error < plain.error
    assert solved.misfit < scene.noise_share < baseline.misfit < fitted.misfit


# The pieces of the computation.


def test_camera_shake_is_a_centred_weighted_mean():
    kernel = demo.camera_shake()
    assert kernel.shape == (8, 16)
    assert kernel.sum() == pytest.approx(1, rel=1e-14)
    centre = [(index * kernel).sum() for index in np.indices(kernel.shape)]
    assert centre == pytest.approx([3.5, 7.5], abs=0.03)
    assert 0 < np.count_nonzero(kernel) < kernel.size


class WrongAdjoint:
    """An operator whose `H` belongs to the reversed kernel."""

    def __init__(self, op):
        self.op, self.shape, self.kernel = op, op.shape, op.kernel
        self.H = op.replace(kernel=op.kernel[::-1]).H

    def __matmul__(self, x):
        return self.op @ x


def test_adjoint_check_passes_and_can_fail():
    op = demo.simulate(picture(colours=3) / 255).op
    assert demo.check_adjoint(op).gap < 4
    assert demo.check_adjoint(WrongAdjoint(op)).gap > 1e6


def test_matrix_facts():
    facts = demo.measure_matrix(demo.simulate(picture() / 255))
    assert facts.density == facts.matrix.nnz / np.prod(facts.matrix.shape)
    parts = (facts.matrix.data, facts.matrix.indices, facts.matrix.indptr)
    assert facts.nbytes == sum(part.nbytes for part in parts)
    assert facts.largest_gap < 64 * np.finfo(float).eps
    assert min(facts.matrix_seconds, facts.operator_seconds) > 0


def test_interleaved_takes_turns():
    calls = []
    times = demo.interleaved(lambda: calls.append("a"), lambda: calls.append("b"))
    assert len(times) == 2
    assert calls == ["a", "b"] * (demo.ROUNDS + 1)


@pytest.mark.parametrize(
    ("matrix_ms", "text"),
    [
        (3.0, "1.5 times faster than the matrix"),
        (1.0, "2.0 times slower than the matrix"),
        (2.1, "about as fast as the matrix"),
    ],
)
def test_speed_is_told_as_it_is(matrix_ms, text):
    facts = demo.MatrixFacts(
        matrix=scipy.sparse.csr_array((1, 1)),
        assembly_seconds=0.0,
        largest_gap=0.0,
        matrix_seconds=matrix_ms,
        operator_seconds=2.0,
    )
    assert report.compare(facts) == text


def test_views_of_the_matrix_lose_nothing():
    scene = demo.simulate(picture(colours=3) / 255)
    matrix = scene.op.tosparse()
    total = abs(matrix).sum()
    assert structure.whole(matrix).values.sum() == pytest.approx(total)
    band = structure.band(matrix, scene.op.dimsd)
    rows = slice(band.rows.start, band.rows.stop)
    assert band.values.sum() == pytest.approx(abs(matrix[rows]).sum())
    taps = structure.taps(matrix, scene.op.dims, scene.op.dimsd)
    block = matrix.toarray()[
        taps.rows.start : taps.rows.stop, taps.columns.start : taps.columns.stop
    ]
    np.testing.assert_array_equal(taps.values, block)
    assert taps.caption == (
        f"rows {taps.rows[0]:,} to {taps.rows[-1]:,}, "
        f"columns {taps.columns[0]:,} to {taps.columns[-1]:,}"
    )


# The command itself.


def test_version(call):
    assert call("--version") == Outcome(0, f"convadjoint {__version__}\n", "")


def test_help(call):
    outcome = call("demo", "--help")
    assert outcome.code == 0
    limits = (f"{photo.MOST_MEGAPIXELS} million", f"{photo.WORKING_SIDE} a side")
    for text in ("convadjoint demo", "--out", "--width", *limits):
        assert text in " ".join(outcome.out.replace("│", " ").split())


def test_missing_packages_get_one_line(capsys, monkeypatch):
    for name in ("PIL", "typer"):
        monkeypatch.setitem(sys.modules, name, None)
    assert importlib.util.find_spec("PIL") is None
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "convadjoint: missing pillow, typer: pip install pillow typer\n"
    monkeypatch.setattr(sys, "argv", ["convadjoint", "translate", "torch"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == "convadjoint: missing typer: pip install typer\n"


START = "import sys; from convadjoint.cli import main; main()"


def test_version_loads_nothing_heavy():
    script = (
        "import atexit, sys; from convadjoint.cli import main\n"
        "heavy = {'pylops', 'scipy', 'matplotlib', 'numpy'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules))))\n"
        "sys.argv = ['convadjoint', '--version']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"convadjoint {__version__}\n[]\n"


def test_whole_command_on_a_terminal_without_unicode(tmp_path):
    path = tmp_path / "[bold]$ü.png"
    image(height=32, width=32).save(path)
    done = subprocess.run(
        [sys.executable, "-c", START, "demo", str(path), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "100"},
    )
    assert done.stderr == ""
    assert r"[bold]$\xfc.png" in done.stdout
    assert printed_row(done.stdout, "C^T y")
    assert (tmp_path / report.FIGURE_NAME).is_file()
