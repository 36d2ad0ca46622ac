"""Convolution as a sparse matrix: the matrix, its operators and their exact adjoints.

Names are imported when they are first used, so ``import convadjoint`` is instant.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convadjoint import frameworks, resample
    from convadjoint.engines import set_num_threads
    from convadjoint.errors import EngineRefusal, GeometryError, SemanticsError
    from convadjoint.frameworks.layers import (
        Layer,
        from_caffe,
        from_keras,
        from_onnx,
        from_torch,
        onnx_nodes,
    )
    from convadjoint.geometry import (
        conv_output_size,
        conv_transpose_output_size,
        legal_output_sizes,
    )
    from convadjoint.operators import (
        Conv1DOp,
        Conv2DOp,
        Conv3DOp,
        ConvNDOp,
        ConvTranspose1DOp,
        ConvTranspose2DOp,
        ConvTranspose3DOp,
        ConvTransposeNDOp,
        ConvTransposeWeightOp,
        ConvWeightOp,
        VaryingConvOp,
        bilinear_kernel,
        conv_matrix,
        conv_transpose_matrix,
        depthwise,
        gaussian_kernel,
        pointwise,
    )

__all__ = [
    "Conv1DOp",
    "Conv2DOp",
    "Conv3DOp",
    "ConvNDOp",
    "ConvTranspose1DOp",
    "ConvTranspose2DOp",
    "ConvTranspose3DOp",
    "ConvTransposeNDOp",
    "ConvTransposeWeightOp",
    "ConvWeightOp",
    "EngineRefusal",
    "GeometryError",
    "Layer",
    "SemanticsError",
    "VaryingConvOp",
    "bilinear_kernel",
    "conv_matrix",
    "conv_output_size",
    "conv_transpose_matrix",
    "conv_transpose_output_size",
    "depthwise",
    "frameworks",
    "from_caffe",
    "from_keras",
    "from_onnx",
    "from_torch",
    "gaussian_kernel",
    "legal_output_sizes",
    "onnx_nodes",
    "pointwise",
    "resample",
    "set_num_threads",
]


_PACKAGES = ("frameworks", "resample")

_HOMES = {
    **dict.fromkeys(
        (
            "conv_output_size",
            "conv_transpose_output_size",
            "legal_output_sizes",
        ),
        "geometry",
    ),
    "set_num_threads": "engines.pool",
    **dict.fromkeys(
        ("Layer", "from_caffe", "from_keras", "from_onnx", "from_torch", "onnx_nodes"),
        "frameworks.layers",
    ),
    **dict.fromkeys(("EngineRefusal", "GeometryError", "SemanticsError"), "errors"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("convadjoint")
    if name not in __all__:
        msg = f"module 'convadjoint' has no attribute {name!r}"
        raise AttributeError(msg)
    if name in _PACKAGES:
        return import_module(f"convadjoint.{name}")
    home = import_module(f"convadjoint.{_HOMES.get(name, 'operators')}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted((*__all__, "__version__"))
