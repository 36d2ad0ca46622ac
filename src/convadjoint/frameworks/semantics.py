"""What a function of a framework means, and how an adapter becomes that function."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from convadjoint.errors import EngineRefusal, GeometryError, SemanticsError

__all__ = ["Semantics", "adapted"]

Words = ParamSpec("Words")
Result = TypeVar("Result")

_NAMED = (EngineRefusal, GeometryError, SemanticsError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantics:
    """The conventions of one function; adapters read them, and so do the docs.

    Layouts are strings of one letter per axis: ``N`` batch, ``C`` channels, ``O`` and
    ``I`` channels written and read, ``*`` all spatial axes.  In a kernel, one of ``O``
    and ``I`` counts the channels of a group only: ``I`` for convolutions, ``O`` for
    transposed ones.

    Parameters
    ----------
    framework, function : str
        Where the function lives, and its name there.
    rank : int or None
        Spatial axes, or None if the kernel decides.
    layouts : tuple of str
        Allowed layouts of the input, the usual one first; the output has the same.
    kernel : str or None
        Layout of the kernel, or None if there is none.
    transposed : bool
        Whether the function is a transposed convolution.
    flip : bool
        Whether the kernel is reversed in space, relative to correlation and its
        transpose.
    padding : str
        The rule for the padding, in a sentence.
    odd : {"end", "beginning", "both", ""}
        The side that gets the odd sample where a padding cannot be split evenly;
        "both" if the arguments decide, empty if the rule never splits.
    length : str
        Formula of the output length, with ``K = (k - 1) * d + 1``.
    limits : tuple of str
        What the framework refuses, and where engines of the framework differ.

    See Also
    --------
    convadjoint.frameworks.table : The conventions of all functions.

    Examples
    --------
    >>> from convadjoint.frameworks import torch
    >>> torch.conv_transpose2d.semantics.length
    '(n - 1) * s + K - 2 * padding + output_padding'
    """

    framework: str
    function: str
    rank: int | None = None
    layouts: tuple[str, ...] = ("NC*",)
    kernel: str | None = "OI*"
    transposed: bool = False
    flip: bool = False
    padding: str
    odd: str = ""
    length: str
    limits: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The function with its framework, as in ``torch.conv2d``."""
        return f"{self.framework}.{self.function}"


def adapted(
    function: Callable[Concatenate[Semantics, Words], Result], semantics: Semantics
) -> Callable[Words, Result]:
    """Return `function` bound to `semantics`: a public function of that name.

    What it raises starts with the name of the framework's function.
    """
    whole = inspect.signature(function)
    signature = whole.replace(parameters=tuple(whole.parameters.values())[1:])

    @wraps(function)
    def call(*args: Words.args, **words: Words.kwargs) -> Result:
        try:
            signature.bind(*args, **words)
            return function(semantics, *args, **words)
        except _NAMED as error:
            msg = f"{semantics.name}: {error}"
            raise type(error)(msg) from None

    call.__name__ = call.__qualname__ = semantics.function
    call.__doc__ = _documented(function.__doc__ or "", semantics, _result(whole))
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.semantics = semantics  # type: ignore[attr-defined]
    return call


def _result(signature: inspect.Signature) -> str:
    """Name of the class that a function returns."""
    result = signature.return_annotation
    return str(getattr(result, "__name__", result))


_COMPUTING = """\
dtype : dtype, optional
    float32, float64, complex64 or complex128; by default that of the kernel.
engine : str, optional
    As for `ConvNDOp`.
"""

_KERNEL = """  There
    is no bias.  ``op.kernel`` is that of the convolution in canonical order,
    ``(c_out, c_in/groups, *k)``."""

_RESULTS = """\
Returns
-------
{result}
    Operator from the input's shape, ``op.dims``, to the output's, ``op.dimsd``.{kernel}

Raises
------
SemanticsError
    If {framework} refuses this combination of arguments.
GeometryError
    If sizes describe no convolution.
TypeError
    If an argument is of the wrong kind.

See Also
--------
convadjoint.frameworks.table : The conventions of all functions.

Notes
-----
{padding}

Output length: ``{length}``.
{limits}
"""


def _documented(template: str, semantics: Semantics, result: str) -> str:
    """The docstring, with the sections that all functions share."""
    results = _RESULTS.format(
        result=result,
        kernel=_KERNEL if semantics.kernel else "",
        framework=semantics.framework,
        padding=semantics.padding,
        length=semantics.length,
        limits="".join(f"\n* {limit}" for limit in semantics.limits),
    )
    text = inspect.cleandoc(template)
    for marker, section in (("{computing}", _COMPUTING), ("{results}", results)):
        text = text.replace(marker, section.rstrip())
    return text.replace("{name}", semantics.name) + "\n"
