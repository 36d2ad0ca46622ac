"""Compiled functions that Python calls as its own: nothing is converted on the way.

To call by `ctypes` takes longer than small products do, above all where the caches have
lost what it needs.
"""

import ctypes
from functools import cache
from typing import Any

__all__ = ["builtin", "function_at", "function_of"]

# Arguments come as a vector of objects, and their number.
_FASTCALL = 0x80


class _Definition(ctypes.Structure):
    """What CPython calls `PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


@cache
def _definition(place: int, name: str) -> _Definition:
    """The definition of a function; it stays for ever, as others point to it."""
    return _Definition(name.encode(), place, _FASTCALL, None)


@cache
def _new() -> Any:
    """The function of CPython that makes one."""
    given = ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, *given)
    return kind(("PyCFunction_NewEx", ctypes.pythonapi))


def builtin(place: int, name: str, given: object) -> Any:
    """Return the function at an address as one of Python, bound to an object.

    It takes the addresses of that object and of the arguments, and how many there are; it
    returns the address of a new reference.
    """
    return _new()(ctypes.addressof(_definition(place, name)), given, None)


def function_at(place: int, arguments: int = 2) -> Any:
    """Return the function at an address, which runs without the interpreter's lock."""
    return ctypes.CFUNCTYPE(None, *(ctypes.c_void_p,) * arguments)(place)


def function_of(name: str) -> int:
    """The address of a function of CPython's own; 0 in another Python."""
    if not hasattr(ctypes, "pythonapi"):
        return 0
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
