"""The public operators on the kernel, for fixed data."""

from typing import Any

import numpy.typing as npt

from convadjoint.operators.bound import BoundData, WeightOp
from convadjoint.operators.documentation import documented
from convadjoint.operators.options import Options
from convadjoint.operators.plans import Direction

__all__ = ["ConvTransposeWeightOp", "ConvWeightOp"]


@documented(transposed=False, rank=None, data="x")
class ConvWeightOp(WeightOp):
    """Convolution of fixed data, as a linear operator on the kernel.

    ``ConvWeightOp(x, w.shape, ...) @ w`` is ``ConvNDOp(x.shape, w, ...) @ x``.  The
    adjoint is the weight gradient of neural networks, and what the estimation of a
    kernel by least squares needs.

    The channels follow the rule of `ConvNDOp`: a layer's `x`, of shape
    ``(batch, c_in, *space)``, needs ``channel_axis=1``.  Without it a kernel of four axes
    is convolved along all four.

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    ConvTransposeWeightOp : The same for the transposed convolution.
    ConvNDOp : The same sum as an operator on `x`.

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> op = ca.ConvWeightOp([1.0, 2.0, 4.0, 8.0], 3)
    >>> op @ [1.0, 0.0, -1.0]
    array([-3., -6.])
    >>> op.tosparse().toarray()
    array([[1., 2., 4.],
           [2., 4., 8.]])
    """

    transposed = False

    def __init__(
        self,
        x: npt.ArrayLike,
        kernel_shape: Any,
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
            name=name,
        )
        bound = BoundData.of(x, kernel_shape, options, False)
        self._become(bound, Direction())


@documented(transposed=True, rank=None, data="y")
class ConvTransposeWeightOp(WeightOp):
    """Transposed convolution of fixed data, as a linear operator on the kernel.

    ``ConvTransposeWeightOp(y, w.shape, ...) @ w`` is
    ``ConvTransposeNDOp(y.shape, w, ...) @ y``; `w` is the kernel of the convolution.
    The adjoint is the weight gradient of a transposed layer, and what the estimation of
    its kernel by least squares needs.

    The channels follow the rule of `ConvNDOp`: a layer's `y`, of shape
    ``(batch, c_out, *space)``, needs ``channel_axis=1``.  Without it a kernel of four
    axes is convolved along all four.

    Parameters
    ----------
    {parameters}

    Raises
    ------
    {raises}

    See Also
    --------
    ConvWeightOp : The same for the convolution.
    ConvTransposeNDOp : The same sum as an operator on `y`.

    Examples
    --------
    >>> import convadjoint as ca
    >>> op = ca.ConvTransposeWeightOp([1.0, 10.0], 3, stride=2)
    >>> op @ [1.0, 2.0, 3.0]
    array([ 1.,  2., 13., 20., 30.])
    >>> op.T @ [1.0, 0.0, 0.0, 0.0, 1.0]
    array([ 1.,  0., 10.])
    """

    transposed = True

    def __init__(
        self,
        y: npt.ArrayLike,
        kernel_shape: Any,
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
            name=name,
        )
        bound = BoundData.of(y, kernel_shape, options, True)
        self._become(bound, Direction())
