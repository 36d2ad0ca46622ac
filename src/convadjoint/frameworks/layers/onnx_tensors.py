"""Arrays that an ONNX file holds."""

from math import prod
from typing import Any

import numpy as np

from convadjoint.engines import Array
from convadjoint.errors import SemanticsError
from convadjoint.frameworks.layers.limits import shown

__all__ = ["array"]

# By number of onnx.TensorProto.DataType: name, samples as stored, and the field that
# holds them where they are not stored as bytes.  Half precision is kept in integers.
_STORED = {
    1: ("FLOAT", "<f4", "float_data"),
    10: ("FLOAT16", "<u2", "int32_data"),
    11: ("DOUBLE", "<f8", "double_data"),
    16: ("BFLOAT16", "<u2", "int32_data"),
}
_EXTERNAL = 1


def array(tensor: Any, name: str) -> Array:
    """Return a tensor as an array, if it holds what its shape promises."""
    if tensor.data_location == _EXTERNAL or tensor.external_data:
        msg = (
            f"{shown(name)} is kept in another file, which is not opened: if you trust the "
            f"model, read it with onnx.load and pass the result"
        )
        raise SemanticsError(msg)
    if tensor.data_type not in _STORED:
        names = ", ".join(kind for kind, *_ in _STORED.values())
        msg = f"{shown(name)} has data type {tensor.data_type}: weights are {names}"
        raise SemanticsError(msg)
    kind, stored, field = _STORED[tensor.data_type]
    samples = _samples(tensor, stored, field, name)
    shape = tuple(tensor.dims)
    if min(shape, default=1) < 1 or prod(shape) != samples.size:
        msg = f"{shown(name)} has shape {shape}, but {samples.size} samples"
        raise SemanticsError(msg)
    return _widened(samples, kind).reshape(shape)


def _samples(tensor: Any, stored: str, field: str, name: str) -> Array:
    """The samples in the order of the file."""
    dtype = np.dtype(stored)
    if not tensor.raw_data:
        values = np.array(getattr(tensor, field))
        if (
            dtype.kind == "u"
            and values.size
            and not 0 <= values.min() <= values.max() < 65536
        ):
            msg = f"{shown(name)} holds integers that are no half precision"
            raise SemanticsError(msg)
        return values.astype(dtype)
    if len(tensor.raw_data) % dtype.itemsize:
        msg = f"{shown(name)} has {len(tensor.raw_data)} bytes, no multiple of {dtype.itemsize}"
        raise SemanticsError(msg)
    return np.frombuffer(tensor.raw_data, dtype)


def _widened(samples: Array, kind: str) -> Array:
    """Samples in the dtype in which they are computed."""
    if kind == "FLOAT16":
        return samples.view("<f2").astype(np.float32)
    if kind == "BFLOAT16":
        return (samples.astype("<u4") << 16).view("<f4").astype(np.float32)
    return samples.astype(samples.dtype.newbyteorder("="))
