"""The command line: its arguments, its exit codes, its refusals in one line.

Exit code 2 means that the command cannot run as asked, 130 that it was interrupted.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from convadjoint import __version__
from convadjoint.cli.refusal import CannotRunError

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
)


def run() -> None:
    """Run the command line; what the terminal cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()


def _show_version(*, wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        typer.echo(f"convadjoint {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _show_version(wanted=wanted),
            is_eager=True,
            help="Print the version and stop.",
        ),
    ] = False,
) -> None:
    """Convolution as the sparse matrix it is."""


@app.command()
def demo(
    image: Annotated[
        Path | None,
        typer.Argument(
            help="Your own photograph, of at most 100 million pixels; the demo works "
            "on 512 a side. Without it, one that comes with the package.",
            readable=False,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(help="Folder for the figure; made if it is missing."),
    ] = Path(),
    width: Annotated[
        int, typer.Option(min=600, max=6000, help="Width of the figure in pixels.")
    ] = 1800,
) -> None:
    """Blur and downsample a photograph with C, then try to get it back.

    Prints what C is and what C^T y, the "deconvolution" of the neural-network
    frameworks, is worth against a least-squares solution. Saves a figure.
    """
    with _one_line():
        # PyLops and matplotlib take a second; --help and --version do without them.
        from convadjoint.cli.report import report  # noqa: PLC0415

        report(image, out, width=width)


@app.command()
def translate(
    call: Annotated[
        str,
        typer.Argument(
            help="A call in quotes, with the shapes of input and kernel, such as "
            '"torch.conv2d((1, 3, 8, 8), (4, 3, 3, 3), padding=1)".'
        ),
    ],
) -> None:
    """Say a convolution in the words of the frameworks of neural networks.

    For each framework prints a call with the same matrix, or why there is none.
    """
    with _one_line():
        from convadjoint import frameworks  # noqa: PLC0415 - as above

        try:
            typer.echo(str(frameworks.translate(call)))
        except (ValueError, TypeError) as error:
            raise CannotRunError(str(error)) from None


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn refusals, a machine's limits and Ctrl-C into one line and an exit code."""
    try:
        yield
    except CannotRunError as error:
        _stop(str(error), code=2)
    except MemoryError as error:
        _stop(str(error) or "not enough memory", code=2)
    except OSError as error:
        _stop(error.strerror or str(error), code=2)
    except KeyboardInterrupt:
        _stop("interrupted; nothing was saved", code=130)


def _stop(message: str, *, code: int) -> None:
    """Print `message` on stderr and exit."""
    typer.echo(f"convadjoint: {message}", err=True)
    raise typer.Exit(code)
