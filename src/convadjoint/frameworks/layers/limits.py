"""Files are data: what they would unpack to is measured before they are parsed.

A file of protocol buffers may hold millions of messages of two bytes, each of which
becomes an object.  A walk over the fields, which skips what they hold, counts them.
"""

import stat
from collections.abc import Sequence
from importlib import import_module
from math import prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NoReturn

from convadjoint.engines.memory import require
from convadjoint.errors import SemanticsError

__all__ = [
    "MAX_DEPTH",
    "Source",
    "check_stated",
    "check_windows",
    "contents",
    "needed",
    "parsed",
    "refuse",
    "shown",
]

Source = str | PathLike[str] | bytes

MAX_BYTES = 2**31 - 1  # protocol buffers end there
MAX_FIELDS = 2_000_000
MAX_DEPTH = 64
# Samples that a window may have beyond those of a small signal.
_WINDOW = 2**16
MAX_SAMPLES = 2**26
_SHOWN = 60
_COPIES = 3  # the file, the parsed message, one array

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def contents(source: Any, what: str, *, limit: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file, or those given, if they are not too many."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _checked(bytes(source), what, limit)
    if not isinstance(source, (str, PathLike)):
        msg = f"{what} must be a path, or the contents as bytes, got {_kind(source)}"
        raise TypeError(msg)
    path = Path(fspath(source))
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        refuse(what, f"{path} is not a regular file")
    require(_COPIES * min(status.st_size, limit), f"reading {path}")
    with path.open("rb") as file:
        return _checked(file.read(limit + 1), what, limit)


def _checked(data: bytes, what: str, limit: int) -> bytes:
    """`data` if its length is between one and `limit`."""
    if not 0 < len(data) <= limit:
        refuse(what, f"it must have 1 to {limit} bytes")
    return data


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def needed(module: str) -> Any:
    """Import the module that reads a kind of file, or say how to get it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package, least = ("onnx", "1.21") if module == "onnx" else ("protobuf", "5.29")
        msg = f"this file needs {package}: pip install '{package}>={least}'"
        raise ImportError(msg) from error


def shown(name: object) -> str:
    """A name out of a file, which may be of any length, for a message."""
    text = repr(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def refuse(what: str, why: str) -> NoReturn:
    """Raise the one error that a broken file gets."""
    msg = f"{what} cannot be read: {why}"
    raise SemanticsError(msg)


def check_stated(sizes: tuple[int, ...], what: str) -> None:
    """Refuse a shape that only a file asks for, if it is very large."""
    if prod(sizes) > MAX_SAMPLES:
        refuse(what, f"it states the shape {sizes}: give input_shape if that is meant")


def check_windows(
    sizes: Sequence[int], pads: Sequence[int], taps: Sequence[int], what: str
) -> None:
    """Refuse windows far larger than the signal, each of which would get a weight."""
    padded = prod(size + 2 * max((*pads, 0)) for size in sizes)
    if max(padded, prod(taps)) > 4 * prod(sizes) + _WINDOW:
        refuse(what, f"windows of {tuple(taps)} with pads {tuple(pads)} exceed {sizes}")


def parsed(message: Any, data: bytes, what: str) -> Any:
    """Return `data` as a message of this class, a protocol buffer."""
    _Walk(data, what).measure(message.DESCRIPTOR)
    try:
        return message.FromString(data)
    except needed("google.protobuf.message").DecodeError as error:
        refuse(what, str(error))


class _Walk:
    """One pass over the fields of a message, without building anything."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data = data
        self.what = what
        self.fields = 0
        self.position = 0

    def measure(self, descriptor: Any) -> None:
        """Refuse more fields than `MAX_FIELDS`, or deeper ones than `MAX_DEPTH`."""
        open_messages = [(descriptor, len(self.data))]
        while open_messages:
            inside, end = open_messages[-1]
            if self.position >= end:
                open_messages.pop()
                continue
            field, wire = self._tag(inside)
            stop = self._stop(wire, end)
            if wire != _LENGTH or field is None:
                self.position = stop
            elif field.message_type is not None:
                open_messages.append((field.message_type, stop))
            else:
                self._count(self._packed(field, stop - self.position))
                self.position = stop
            if len(open_messages) > MAX_DEPTH:
                refuse(self.what, f"its messages nest deeper than {MAX_DEPTH}")

    def _tag(self, inside: Any) -> tuple[Any, int]:
        """The next field, None if unknown, and how it is written."""
        self._count(1)
        tag = self._varint()
        return inside.fields_by_number.get(tag >> 3), tag & 7

    def _stop(self, wire: int, end: int) -> int:
        """Where the field ends; what it holds begins at `position`."""
        if wire == _VARINT:
            self._varint()
            size = 0
        elif wire == _LENGTH:
            size = self._varint()
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            refuse(self.what, f"byte {self.position} begins no field")
        if self.position + size > end:
            refuse(self.what, f"the field at byte {self.position} is cut off")
        return self.position + size

    def _varint(self) -> int:
        """Read an integer of one to ten bytes."""
        value = 0
        for shift in range(0, 70, 7):
            if self.position >= len(self.data):
                refuse(self.what, "it is cut off")
            byte = self.data[self.position]
            self.position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        refuse(self.what, f"byte {self.position} begins no number")

    def _count(self, fields: int) -> None:
        self.fields += fields
        if self.fields > MAX_FIELDS:
            refuse(self.what, f"it has more than {MAX_FIELDS} fields")

    @staticmethod
    def _packed(field: Any, size: int) -> int:
        """Packed integers, of a byte each, unpack to eight; a field to some sixty."""
        packed = field.cpp_type in (
            field.CPPTYPE_INT32,
            field.CPPTYPE_INT64,
            field.CPPTYPE_UINT32,
            field.CPPTYPE_UINT64,
        )
        return size // 8 if packed else 0
