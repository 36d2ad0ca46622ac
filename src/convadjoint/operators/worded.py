"""Operators that are described by keywords: stride, padding, dilation and the rest."""

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from convadjoint.engines import Array
from convadjoint.geometry.problem import shape_of
from convadjoint.operators.base import ConvolutionOperator
from convadjoint.operators.options import Options
from convadjoint.operators.plans import Convolution, Direction
from convadjoint.operators.samples import as_kernel

__all__ = ["WordedOperator"]


class WordedOperator(ConvolutionOperator):
    """What `ConvOp` and `ConvTransposeOp` share: the way from keywords to geometry.

    Subclasses say how many axes they convolve (`rank`, None for any) and which way they
    apply the convolution (`transposed`).
    """

    rank: ClassVar[int | None]
    transposed: ClassVar[bool]

    def _build(self, dims: Any, kernel: npt.ArrayLike, options: Options) -> None:
        """Translate the users' words and become that operator."""
        given = as_kernel(kernel, options.dtype)
        spec, layout = options.problem(
            dims, given.shape, self.rank, self.transposed
        ).resolve()
        rank = len(spec.axes)
        canonical = given.reshape(spec.kernel_shape)
        if options.flip:
            canonical = np.flip(canonical, tuple(range(-rank, 0)))
        convolution = Convolution(
            spec, layout, canonical, options.engine, options.precision == "double"
        )
        if options.engine not in ("auto", "measure"):
            convolution.choice(Direction())
        self._become(convolution, Direction(self.transposed), given, options)

    def _options_for(self, direction: Direction) -> Options:
        """The options with the words that make the transpose this one's."""
        if direction.transposed == self._direction.transposed:
            return self._options
        sizes = self._convolution.spec.sizes if direction.transposed else None
        return replace(self._options, output_padding=0, output_size=sizes)

    def replace(
        self,
        *,
        kernel: npt.ArrayLike | None = None,
        dims: Any = None,
        dtype: npt.DTypeLike | None = None,
        engine: str | None = None,
    ) -> Self:
        """Return this operator with some of its parts replaced.

        Parameters
        ----------
        kernel : array_like, optional
            Another kernel.
        dims : int or tuple of int, optional
            Another input shape.  An `output_size` moves along: by the stride, for
            every sample of the input.
        dtype : dtype, optional
            Another dtype; if only a kernel is given, that of the kernel.
        engine : str, optional
            Another engine.

        Returns
        -------
        ConvolutionOperator
            An operator of the same class.
        """
        options = self._changed(kernel, dtype, engine)
        shape = self.dims if dims is None else shape_of(dims)
        if options.output_size is not None:
            options = replace(options, output_size=self._moved_sizes(shape))
        operator = type(self).__new__(type(self))
        operator._build(shape, self._kernel if kernel is None else kernel, options)
        return operator

    def _moved_sizes(self, dims: tuple[int, ...]) -> tuple[int, ...] | None:
        """Output sizes for another input shape, if it has as many axes."""
        if len(dims) != len(self.dims):
            return None
        spec, (_, layout) = self._convolution.spec, self._geometry
        places = layout.order[-len(spec.axes) :]
        return tuple(
            size + (dims[place] - self.dims[place]) * axis.s
            for size, axis, place in zip(spec.sizes, spec.axes, places, strict=True)
        )

    def __reduce__(self) -> Any:
        return _remade, (type(self), self.dims, self._kernel, self._options)


def _remade(
    cls: type[WordedOperator], dims: Any, kernel: Array, options: Options
) -> WordedOperator:
    """The operator that was pickled or copied; its kernel is read-only again."""
    operator = cls.__new__(cls)
    operator._build(dims, kernel, options)
    return operator
