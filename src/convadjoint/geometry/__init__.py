"""Shapes, paddings, boundaries and links of convolutions, in plain integers.

Nothing in this package needs more than the standard library.
"""

from convadjoint.geometry.axis import Axis, Link
from convadjoint.geometry.boundary import PADDING_MODES, Border, Piece, boundary_index
from convadjoint.geometry.layout import Layout
from convadjoint.geometry.problem import Problem
from convadjoint.geometry.rows import Run
from convadjoint.geometry.sizes import (
    conv_output_size,
    conv_transpose_output_size,
    legal_output_sizes,
)
from convadjoint.geometry.spec import ConvSpec

__all__ = [
    "PADDING_MODES",
    "Axis",
    "Border",
    "ConvSpec",
    "Layout",
    "Link",
    "Piece",
    "Problem",
    "Run",
    "boundary_index",
    "conv_output_size",
    "conv_transpose_output_size",
    "legal_output_sizes",
]
