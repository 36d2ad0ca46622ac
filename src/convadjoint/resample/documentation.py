"""The paragraphs that the docstrings of this package share, written once."""

import inspect
from collections.abc import Callable
from typing import TypeVar

__all__ = ["described"]

Described = TypeVar("Described", bound=Callable[..., object])

_SHARED = {
    "{dims}": """\
dims : int or tuple of int
    Shape of the input.""",
    "{windows}": """\
stride : int or tuple of int, optional
    Distance of windows{stride}.
padding : int, tuple or str, optional
    As for `ConvNDOp`{padding}.
dilation : int or tuple of int, optional
    Distance of neighbouring samples of a window.""",
    "{ceil_mode}": """\
ceil_mode : bool, optional
    Round the number of windows up: the last one may end outside of the padding, if it
    starts in the signal or in the padding before it.""",
    "{dtype}": """\
dtype : dtype, optional
    float32, float64, complex64 or complex128.""",
    "{engine}": """\
engine : str, optional
    As for `ConvNDOp`.""",
    "{raises}": """\
GeometryError
    If {rule}, or the arguments do not fit together.
TypeError
    If an argument is of the wrong kind.""",
}


def described(**words: str) -> Callable[[Described], Described]:
    """Fill the shared paragraphs into a docstring, and `words` into these."""

    def fill(function: Described) -> Described:
        text = inspect.cleandoc(function.__doc__ or "")
        for marker, paragraph in _SHARED.items():
            text = text.replace(marker, paragraph)
        for name, word in words.items():
            text = text.replace(f"{{{name}}}", word)
        function.__doc__ = text + "\n"
        return function

    return fill
