"""The public operators that apply the transpose of C, of any rank."""

from typing import Any

import numpy.typing as npt

from convadjoint.operators.documentation import documented
from convadjoint.operators.forward import Conv1DOp, Conv2DOp, Conv3DOp, ConvNDOp
from convadjoint.operators.options import Options
from convadjoint.operators.worded import WordedOperator

__all__ = [
    "ConvTranspose1DOp",
    "ConvTranspose2DOp",
    "ConvTranspose3DOp",
    "ConvTransposeNDOp",
]


class ConvTransposeOp(WordedOperator):
    """Operators that apply the transpose of C."""

    transposed = True

    def __init__(
        self,
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
        engine: str = "auto",
        precision: str = "native",
        name: str = "C",
    ) -> None:
        options = Options(
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
            engine=engine,
            precision=precision,
            name=name,
        )
        self._build(dims, kernel, options)


@documented(transposed=True, rank=1)
class ConvTranspose1DOp(ConvTransposeOp):
    """Transposed convolution along one axis: the transpose of C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    Conv1DOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_transpose_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import convadjoint as ca
    >>> ca.ConvTranspose1DOp(2, [1.0, 2.0, 3.0], stride=2) @ [1.0, 10.0]
    array([ 1.,  2., 13., 20., 30.])
    """

    rank = 1


@documented(transposed=True, rank=2)
class ConvTranspose2DOp(ConvTransposeOp):
    """Transposed convolution along two axes: the transpose of C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    Conv2DOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_transpose_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> kernel = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> ca.ConvTranspose2DOp((2, 2), kernel) @ kernel
    array([[ 0.,  0.,  1.],
           [ 0.,  4.,  6.],
           [ 4., 12.,  9.]])
    """

    rank = 2


@documented(transposed=True, rank=3)
class ConvTranspose3DOp(ConvTransposeOp):
    """Transposed convolution along three axes: the transpose of C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    Conv3DOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_transpose_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> op = ca.ConvTranspose3DOp((4, 1, 4, 4), np.ones((4, 2, 3, 3, 3)), stride=2, padding="same",
    ...                           output_size=(2, 7, 7))
    >>> op.dimsd
    (2, 2, 7, 7)
    """

    rank = 3


@documented(transposed=True, rank=None)
class ConvTransposeNDOp(ConvTransposeOp):
    """Transposed convolution along any number of axes: the transpose of C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    ConvNDOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_transpose_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> op = ca.ConvTransposeNDOp((3, 5), np.ones((3, 2)), stride=(2, 1))
    >>> op.dimsd
    (7, 6)
    """

    rank = None


Conv1DOp.partner, ConvTranspose1DOp.partner = ConvTranspose1DOp, Conv1DOp
Conv2DOp.partner, ConvTranspose2DOp.partner = ConvTranspose2DOp, Conv2DOp
Conv3DOp.partner, ConvTranspose3DOp.partner = ConvTranspose3DOp, Conv3DOp
ConvNDOp.partner, ConvTransposeNDOp.partner = ConvTransposeNDOp, ConvNDOp
