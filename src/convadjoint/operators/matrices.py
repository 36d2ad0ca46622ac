"""The matrices alone, with the keywords of the operators."""

from typing import Any

import numpy.typing as npt
import scipy.sparse

from convadjoint.operators.documentation import documented
from convadjoint.operators.forward import ConvNDOp
from convadjoint.operators.transposed import ConvTransposeNDOp

__all__ = ["conv_matrix", "conv_transpose_matrix"]


@documented(transposed=False, rank=None, matrix=True)
def conv_matrix(
    dims: Any,
    kernel: npt.ArrayLike,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    padding_mode: Any = "zeros",
    axes: Any = None,
    channel_axis: Any = None,
    center: Any = None,
    flip: bool = False,
    dtype: npt.DTypeLike | None = None,
    format: str = "csr",
) -> scipy.sparse.sparray:
    """Return the matrix of a convolution as a sparse array.

    Parameters
    ----------
    {parameters}
    format : str, optional
        A format of `scipy.sparse`; "csr" is what is assembled.

    Returns
    -------
    scipy.sparse.csr_array, shape ``(prod(dimsd), prod(dims))``
        For row-major vectors.  Indices sorted, duplicates summed, no stored zeros.

    Raises
    ------
    MemoryError
        If it does not fit into free memory; nothing has been allocated then.
    {raises}

    See Also
    --------
    ConvNDOp : The operator with this matrix, and all that the keywords mean.

    Examples
    --------
    >>> from convadjoint import conv_matrix
    >>> conv_matrix(3, [1.0, 2.0, 3.0], padding="same").toarray()
    array([[2., 3., 0.],
           [1., 2., 3.],
           [0., 1., 2.]])
    """
    operator = ConvNDOp(
        dims,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        axes=axes,
        channel_axis=channel_axis,
        center=center,
        flip=flip,
        dtype=dtype,
    )
    return operator.tosparse(format)


@documented(transposed=True, rank=None, matrix=True)
def conv_transpose_matrix(
    dims: Any,
    kernel: npt.ArrayLike,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    output_size: Any = None,
    dilation: Any = 1,
    groups: Any = 1,
    padding_mode: Any = "zeros",
    axes: Any = None,
    channel_axis: Any = None,
    center: Any = None,
    flip: bool = False,
    dtype: npt.DTypeLike | None = None,
    format: str = "csr",
) -> scipy.sparse.sparray:
    """Return the matrix of a transposed convolution as a sparse array.

    Parameters
    ----------
    {parameters}
    format : str, optional
        A format of `scipy.sparse`; "csr" is what is assembled.

    Returns
    -------
    scipy.sparse.csr_array, shape ``(prod(dimsd), prod(dims))``
        For row-major vectors.  Indices sorted, duplicates summed, no stored zeros.

    Raises
    ------
    MemoryError
        If it does not fit into free memory; nothing has been allocated then.
    {raises}

    See Also
    --------
    ConvTransposeNDOp : The operator with this matrix, and all that the keywords mean.

    Examples
    --------
    >>> from convadjoint import conv_transpose_matrix
    >>> conv_transpose_matrix(2, [1.0, 2.0, 3.0], stride=2).toarray()
    array([[1., 0.],
           [2., 0.],
           [3., 1.],
           [0., 2.],
           [0., 3.]])
    """
    operator = ConvTransposeNDOp(
        dims,
        kernel,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        output_size=output_size,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        axes=axes,
        channel_axis=channel_axis,
        center=center,
        flip=flip,
        dtype=dtype,
    )
    return operator.tosparse(format)
