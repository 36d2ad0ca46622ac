"""Tensors of PyTorch and arrays of JAX: what goes in comes back, and differentiates.

Neither library is ever imported here: a library that is not loaded has made no array.
`library_of` finds the module that computes with an array, `with_torch` or `with_jax`.
Both have the same functions, so that `foreign` need not know which one it talks to:

``columns(op, x)`` applies any operator to ``(size, m)``;
``convolve(convolution, transposed, x, w)`` is the convolution in canonical order, as a
function of input and kernel; ``permute``, ``flip`` and ``cast`` do what they say.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["foreign", "library_of"]

_ARRAYS = {"torch": "Tensor", "jax": "Array"}


def library_of(x: Any) -> Any:
    """The module that computes with `x`, or None if NumPy does."""
    if type(x) is np.ndarray:
        return None
    for name, kind in _ARRAYS.items():
        # A library that is still being imported lacks its classes.
        cls = getattr(sys.modules.get(name), kind, ())
        if isinstance(x, cls):
            return import_module(f"{__name__}.with_{name}")
    return None


def foreign() -> ModuleType:
    """The module of the products; it is loaded when the first such array comes."""
    return import_module(f"{__name__}.foreign")
