"""PyLops operators for convolutions and transposed convolutions, and their matrices."""

from convadjoint.operators.canonical import SpecOp
from convadjoint.operators.elementary import DiagonalOp, MatrixOp
from convadjoint.operators.family import Member, ProductOp, SumOp
from convadjoint.operators.forward import Conv1DOp, Conv2DOp, Conv3DOp, ConvNDOp
from convadjoint.operators.gram import GramOp
from convadjoint.operators.kernels import bilinear_kernel, gaussian_kernel
from convadjoint.operators.kronecker import KroneckerOp
from convadjoint.operators.layers import depthwise, pointwise
from convadjoint.operators.matrices import conv_matrix, conv_transpose_matrix
from convadjoint.operators.transposed import (
    ConvTranspose1DOp,
    ConvTranspose2DOp,
    ConvTranspose3DOp,
    ConvTransposeNDOp,
)
from convadjoint.operators.varying import VaryingConvOp
from convadjoint.operators.weights import ConvTransposeWeightOp, ConvWeightOp

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
    "DiagonalOp",
    "GramOp",
    "KroneckerOp",
    "MatrixOp",
    "Member",
    "ProductOp",
    "SpecOp",
    "SumOp",
    "VaryingConvOp",
    "bilinear_kernel",
    "conv_matrix",
    "conv_transpose_matrix",
    "depthwise",
    "gaussian_kernel",
    "pointwise",
]
