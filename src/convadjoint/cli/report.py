"""The demo, told step by step on the terminal.

The text is ASCII, so that it survives every terminal and every redirection.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from convadjoint import __version__
from convadjoint.cli import demo, figure, page, photo
from convadjoint.cli.refusal import CannotRunError

FIGURE_NAME = "convadjoint-demo.png"


def report(image: Path | None, out: Path, *, width: int) -> None:
    """Run the demo on `image`, or on the shipped photograph, and save the figure."""
    console = Console(highlight=False, markup=False, emoji=False)
    picture = photo.shipped() if image is None else photo.read(image)
    target = _target(out, image)
    _tell_photo(console, picture)
    scene = demo.simulate(picture.pixels)
    facts = demo.measure_matrix(scene)
    _tell_matrix(console, scene, facts)
    _tell_adjoint(console, demo.check_adjoint(scene.op))
    restorations = _restore(console, scene)
    _tell_restorations(console, scene, restorations)
    drawing = figure.draw(scene, facts, restorations, footer=_footer(picture))
    _save(target, page.as_png(drawing, width=width))
    console.print(f"\nThe figure is in {target}", soft_wrap=True)


def _target(out: Path, image: Path | None) -> Path:
    """Return where the figure goes, after making sure that it can be written."""
    target = out / FIGURE_NAME
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
        same = image is not None and target.exists() and target.samefile(image)
    except (FileExistsError, NotADirectoryError):
        msg = f"cannot write to {str(out)!r}: it is, or lies under, a file"
        raise CannotRunError(msg) from None
    except (OSError, ValueError) as error:
        raise CannotRunError(_unwritable(out, error)) from None
    if same or target.is_dir():
        what = "the photograph itself" if same else "a directory"
        msg = f"cannot write the figure to {str(target)!r}: that is {what}"
        raise CannotRunError(msg)
    return target


def _unwritable(path: Path, error: Exception) -> str:
    """Say why the system does not let us write."""
    reason = error.strerror if isinstance(error, OSError) else None
    return f"cannot write to {str(path)!r}: {reason or error}"


def _save(target: Path, png: bytes) -> None:
    """Write the figure."""
    try:
        target.write_bytes(png)
    except OSError as error:
        raise CannotRunError(_unwritable(target, error)) from None


def _tell(console: Console, heading: str, *lines: str) -> None:
    """Print a heading and indented lines."""
    console.print(f"\n{heading}", style="bold")
    for line in lines:
        console.print(f"  {line}", soft_wrap=True)


def _tell_photo(console: Console, picture: photo.Photo) -> None:
    """Say what x is."""
    height, width, colours = picture.pixels.shape
    size = f"{width} x {height} pixels, {'grey' if colours == 1 else 'in colour'}"
    console.print(f"convadjoint {__version__}")
    lines = (picture.name, picture.credit, size, *picture.notes)
    _tell(console, "The photograph x", *filter(None, lines))


def _tell_matrix(console: Console, scene: demo.Scene, facts: demo.MatrixFacts) -> None:
    """Say what C is, and what C x costs with the matrix and without."""
    rows, columns = facts.matrix.shape
    _tell(
        console,
        "The matrix C: the camera shakes, and every second pixel is kept",
        f"op = ca.Conv2DOp(dims={scene.photo.shape}, kernel=psf, stride={demo.STRIDE},",
        '                 padding="same", padding_mode="symmetric", channel_axis=-1)',
        "C  = op.tosparse()",
        f"shape      {rows:,} x {columns:,}",
        f"non-zeros  {facts.matrix.nnz:,} ({100 * facts.density:.2g} %)",
        f"memory     {facts.nbytes / 1e6:.1f} MB; the operator keeps the kernel, "
        f"{scene.op.kernel.nbytes / 1e3:.1f} kB",
        f"assembly   {1e3 * facts.assembly_seconds:.0f} ms",
    )
    _tell(
        console,
        "C x, with the matrix and with the operator",
        f"largest difference  {facts.largest_gap:.1e} (x goes from 0 to 1)",
        f"C @ x   {1e3 * facts.matrix_seconds:6.2f} ms, median of {demo.ROUNDS}",
        f"op @ x  {1e3 * facts.operator_seconds:6.2f} ms, engine {scene.op.engine!r}: "
        f"{compare(facts)}",
    )


def compare(facts: demo.MatrixFacts) -> str:
    """Say which way is faster, and by how much."""
    ratio = facts.matrix_seconds / facts.operator_seconds
    if 0.9 < ratio < 1.1:
        return "about as fast as the matrix"
    faster, factor = ("faster", ratio) if ratio > 1 else ("slower", 1 / ratio)
    return f"{factor:.1f} times {faster} than the matrix"


def _tell_adjoint(console: Console, test: demo.AdjointTest) -> None:
    """Show both inner products."""
    _tell(
        console,
        "The adjoint C^H (here C is real, so C^H is the transpose C^T)",
        f"<C x, y>    {test.left:+.15e}   (random x and y)",
        f"<x, C^H y>  {test.right:+.15e}",
        f"their gap is {test.gap:.1g} of the rounding error eps sum|w| |x| |y|",
    )


def _restore(console: Console, scene: demo.Scene) -> Sequence[demo.Restoration]:
    """Compute the pictures under a progress bar."""
    console.print()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("  Solving (CGLS)", total=demo.ITERATIONS)
        return demo.restore(scene, on_iteration=lambda: progress.advance(task))


def _tell_restorations(
    console: Console, scene: demo.Scene, restorations: Sequence[demo.Restoration]
) -> None:
    """Print the table."""
    console.print("\nFrom y back to x", style="bold")
    table = Table()
    table.add_column("picture z")
    table.add_column("|z - x| / |x|", justify="right")
    table.add_column("PSNR", justify="right")
    table.add_column("|C z - y| / |y|", justify="right")
    for item in restorations:
        table.add_row(
            item.name,
            f"{100 * item.error:.2f} %",
            f"{item.psnr:.2f} dB",
            f"{100 * item.misfit:.2f} %",
        )
    console.print(table)
    too_dark = restorations[2].scale
    for line in (
        f"C^T is no inverse: C^T y is {too_dark:.1f} times too dark, and blurred twice.",
        f"The true x leaves {100 * scene.noise_share:.2f} % of y unexplained: the noise.",
        f"Least squares minimises |C z - y|^2 + |{demo.DAMPING} L z|^2, L the Laplacian.",
        "It is given the very C that made the data: the easy case.",
    ):
        console.print(line, soft_wrap=True)


def _footer(picture: photo.Photo) -> str:
    """Return the small print of the figure."""
    settings = (
        f"noise {demo.NOISE:.4f} on values from 0 to 1; {demo.ITERATIONS} iterations of "
        f"CGLS on |Cz − y|² + |{demo.DAMPING} Lz|², L the Laplacian; "
        f"convadjoint {__version__}"
    )
    return ".  ".join(filter(None, (picture.credit, settings)))
