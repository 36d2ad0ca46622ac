"""Operators that are described by the geometry itself, not by keywords."""

from typing import Any, Self

import numpy.typing as npt

from convadjoint.errors import GeometryError
from convadjoint.geometry import ConvSpec, Layout
from convadjoint.operators.base import ConvolutionOperator
from convadjoint.operators.options import Options
from convadjoint.operators.plans import Convolution, Direction
from convadjoint.operators.samples import as_kernel

__all__ = ["SpecOp", "canonical_layout"]


class SpecOp(ConvolutionOperator):
    r"""The operator of a `ConvSpec`: any strides on either side, any output length.

    Adapters use it for what the keywords of the other operators cannot say: dilated
    inputs, truncated outputs, layouts that differ on both sides.

    Parameters
    ----------
    spec : ConvSpec
        Geometry of the convolution C.
    kernel : array_like, shape ``spec.kernel_shape``
        Its kernel, ``(c_out, c_in/groups, *k)``, correlated.
    layout : Layout, optional
        Shapes of both sides of C as users see them.  By default canonical,
        ``(batch, c_in, *n)`` and ``(batch, c_out, *q)``.
    transposed : bool, optional
        Whether the operator is the transpose of C.
    dtype : dtype, optional
        float32, float64, complex64 or complex128; by default that of the kernel.
    engine, precision, name : str, optional
        As for `ConvNDOp`.

    Raises
    ------
    GeometryError
        If the kernel has another shape than `spec` asks for.
    EngineRefusal
        If an engine asked for by name cannot do this problem.

    See Also
    --------
    ConvNDOp : The same in the words of users.

    Examples
    --------
    >>> from convadjoint.geometry import Axis, ConvSpec
    >>> from convadjoint.operators import SpecOp
    >>> spec = ConvSpec(axes=(Axis(n=3, q=4, k=2, s=3, t=2, lo=1),))
    >>> SpecOp(spec, [[[1.0, 10.0]]]).tosparse().toarray()
    array([[10.,  0.,  0.],
           [ 0.,  1.,  0.],
           [ 0.,  0.,  0.],
           [ 0.,  0.,  0.]])
    """

    def __init__(
        self,
        spec: ConvSpec,
        kernel: npt.ArrayLike,
        layout: Layout | None = None,
        *,
        transposed: bool = False,
        dtype: npt.DTypeLike | None = None,
        engine: str = "auto",
        precision: str = "native",
        name: str = "C",
    ) -> None:
        options = Options(dtype=dtype, engine=engine, precision=precision, name=name)
        self._bind(spec, layout or canonical_layout(spec), kernel, options, transposed)

    def _bind(
        self,
        spec: ConvSpec,
        layout: Layout,
        kernel: npt.ArrayLike,
        options: Options,
        transposed: bool,
    ) -> None:
        """Become the operator of this geometry and kernel."""
        given = as_kernel(kernel, options.dtype)
        if given.shape != spec.kernel_shape:
            msg = f"kernel has shape {given.shape}, the spec takes {spec.kernel_shape}"
            raise GeometryError(msg)
        double = options.precision == "double"
        convolution = Convolution(spec, layout, given, options.engine, double)
        if options.engine not in ("auto", "measure"):
            convolution.choice(Direction())
        self._become(convolution, Direction(transposed), given, options)

    def replace(
        self,
        *,
        kernel: npt.ArrayLike | None = None,
        dtype: npt.DTypeLike | None = None,
        engine: str | None = None,
    ) -> Self:
        """Return this operator with some of its parts replaced.

        Parameters
        ----------
        kernel : array_like, optional
            Another kernel, of the same shape.
        dtype : dtype, optional
            Another dtype; if only a kernel is given, that of the kernel.
        engine : str, optional
            Another engine.

        Returns
        -------
        SpecOp
            An operator of the same geometry.
        """
        return self._remade(
            self._kernel if kernel is None else kernel,
            self._changed(kernel, dtype, engine),
        )

    def _remade(self, kernel: npt.ArrayLike, options: Options) -> Self:
        """The operator of the same geometry with another kernel."""
        spec, layout = self._convolution.spec, self._convolution.layout
        operator = type(self).__new__(type(self))
        operator._bind(spec, layout, kernel, options, self._direction.transposed)
        return operator

    def __reduce__(self) -> Any:
        convolution, transposed = self._convolution, self._direction.transposed
        made = (convolution.spec, convolution.layout, self._kernel, self._options)
        return _unpickled, (*made, transposed)


SpecOp.partner = SpecOp


def _unpickled(
    spec: ConvSpec, layout: Layout, kernel: Any, options: Options, transposed: bool
) -> SpecOp:
    """The operator that was pickled or copied."""
    operator = SpecOp.__new__(SpecOp)
    operator._bind(spec, layout, kernel, options, transposed)
    return operator


def canonical_layout(spec: ConvSpec) -> Layout:
    """Batch, channel, space on both sides."""
    order = tuple(range(len(spec.dims)))
    return Layout(
        dims=spec.dims, dimsd=spec.dimsd, order=order, orderd=order, batch_axes=1
    )
