"""The public operators that apply C, of any rank."""

from typing import Any

import numpy.typing as npt

from convadjoint.operators.documentation import documented
from convadjoint.operators.options import Options
from convadjoint.operators.worded import WordedOperator

__all__ = ["Conv1DOp", "Conv2DOp", "Conv3DOp", "ConvNDOp"]


class ConvOp(WordedOperator):
    """Operators that apply C."""

    transposed = False

    def __init__(
        self,
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
        engine: str = "auto",
        precision: str = "native",
        name: str = "C",
    ) -> None:
        options = Options(
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
            engine=engine,
            precision=precision,
            name=name,
        )
        self._build(dims, kernel, options)


@documented(transposed=False, rank=1)
class Conv1DOp(ConvOp):
    """Convolution along one axis, as the matrix C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    ConvTranspose1DOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import convadjoint as ca
    >>> op = ca.Conv1DOp(4, [1.0, 0.0, -1.0])
    >>> op @ [1.0, 2.0, 4.0, 8.0]
    array([-3., -6.])
    >>> op.tosparse().toarray()
    array([[ 1.,  0., -1.,  0.],
           [ 0.,  1.,  0., -1.]])
    """

    rank = 1


@documented(transposed=False, rank=2)
class Conv2DOp(ConvOp):
    """Convolution along two axes, as the matrix C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    ConvTranspose2DOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> blur = ca.Conv2DOp((64, 48, 3), np.ones((5, 5)) / 25, padding="same", channel_axis=-1)
    >>> blur.dimsd, blur.nnz
    ((64, 48, 3), 220428)
    >>> (blur @ np.ones((64, 48, 3)))[32, 24]
    array([1., 1., 1.])
    """

    rank = 2


@documented(transposed=False, rank=3)
class Conv3DOp(ConvOp):
    """Convolution along three axes, as the matrix C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    ConvTranspose3DOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> ca.Conv3DOp((2, 8, 16, 16), np.ones((4, 2, 3, 3, 3)), padding=1, stride=(1, 2, 2)).dimsd
    (4, 8, 8, 8)
    """

    rank = 3


@documented(transposed=False, rank=None)
class ConvNDOp(ConvOp):
    """Convolution along any number of axes, as the matrix C.

    {description}

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    ConvTransposeNDOp : Its transpose; ``op.T`` is one, and ``op.H`` conjugates the kernel too.
    conv_matrix : The matrix alone.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> ca.ConvNDOp((4, 4, 4, 4), np.ones((2, 2, 2, 2)), padding_mode="circular").dimsd
    (3, 3, 3, 3)
    """

    rank = None
