"""Convolutions in the words of other frameworks.

Each module has functions named as the framework's, with its argument names, layouts,
strings and defaults.  The first argument is the shape of the input, the second the
kernel; the result is an operator with ``op.dims`` the input's shape and ``op.dimsd``
the output's.  None of the frameworks needs to be installed.
"""

from importlib import import_module
from types import ModuleType

from convadjoint.frameworks.semantics import Semantics
from convadjoint.frameworks.translation import translate

__all__ = [
    "Semantics",
    "caffe",
    "jax",
    "keras",
    "mxnet",
    "onnx",
    "pylops",
    "scipy",
    "sigpy",
    "table",
    "tensorflow",
    "torch",
    "translate",
]

_MODULES = tuple(
    name for name in __all__ if name not in ("Semantics", "table", "translate")
)


def table() -> tuple[Semantics, ...]:
    """Return the conventions of all functions, framework by framework.

    Returns
    -------
    tuple of Semantics
        One entry per function.

    See Also
    --------
    Semantics : What an entry says.

    Examples
    --------
    >>> from convadjoint.frameworks import table
    >>> [one.odd for one in table() if one.name == "torch.conv2d"]
    ['end']
    """
    return tuple(
        value.semantics
        for name in _MODULES
        for value in vars(import_module(f"{__name__}.{name}")).values()
        if isinstance(getattr(value, "semantics", None), Semantics)
    )


def __getattr__(name: str) -> ModuleType:
    if name not in _MODULES:
        msg = f"module 'convadjoint.frameworks' has no attribute {name!r}"
        raise AttributeError(msg)
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted(__all__)
