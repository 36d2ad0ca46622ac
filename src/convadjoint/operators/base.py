"""The operator family over PyLops: products, transposes, scalars and the matrix."""

from dataclasses import replace
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg
from pylops import get_ndarray_multiplication

from convadjoint import engines
from convadjoint.engines import Array
from convadjoint.engines.matrix import count_entries
from convadjoint.errors import GeometryError
from convadjoint.geometry import ConvSpec, Layout
from convadjoint.operators import explanation, norms
from convadjoint.operators.arrays import foreign, library_of
from convadjoint.operators.family import Member
from convadjoint.operators.gram import GramOp
from convadjoint.operators.options import Options
from convadjoint.operators.plans import Convolution, Direction, Straight
from convadjoint.operators.samples import as_samples, scaled

__all__ = ["ConvolutionOperator"]


class ConvolutionOperator(Member):
    """What all operators of the family share; each holds a `Convolution`.

    Subclasses say which class is their transpose (`partner`), and how an operator with
    another kernel is made (`replace`).
    """

    partner: ClassVar[type["ConvolutionOperator"]]

    def _become(
        self,
        convolution: Convolution,
        direction: Direction,
        kernel: Array,
        options: Options,
    ) -> None:
        """Set all state; what is written afterwards only saves time, or counts."""
        dims, dimsd = convolution.side(direction).layout.seen
        self._convolution = convolution
        self._direction = direction
        self._kernel = kernel
        self._options = options
        self._straight: Straight | None = None
        self._shortest: Any = None
        self._relatives: dict[tuple[bool, bool], ConvolutionOperator] = {}
        super().__init__(
            dtype=kernel.dtype,
            dims=dims,
            dimsd=dimsd,
            name=options.name,
        )

    def _related(self, *, transposed: bool, conjugated: bool) -> "ConvolutionOperator":
        """The transpose, conjugate or adjoint, made once; it shares geometry and plans."""
        key = transposed, conjugated
        if key not in self._relatives:
            self._relatives.setdefault(key, self._relative(*key))
        return self._relatives[key]

    def _relative(self, transposed: bool, conjugated: bool) -> "ConvolutionOperator":
        """Make it."""
        cls = self.partner if transposed else type(self)
        here = self._direction
        direction = Direction(
            here.transposed != transposed, here.conjugated != conjugated
        )
        options = self._options_for(direction)
        kernel = np.conj(self._kernel) if conjugated else self._kernel
        kernel.flags.writeable = False
        operator = cls.__new__(cls)
        operator._become(self._convolution, direction, kernel, options)
        return operator

    def _options_for(self, direction: Direction) -> Options:  # noqa: ARG002
        """The options with which this convolution is applied in a direction."""
        return self._options

    def _changed(
        self, given: Any, dtype: npt.DTypeLike | None, engine: str | None
    ) -> Options:
        """The options with another dtype and engine; `given` is another kernel."""
        options = self._options
        if engine is not None:
            options = replace(options, engine=engine)
        if dtype is not None or given is None:
            options = replace(options, dtype=self.dtype if dtype is None else dtype)
        return options

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
        ConvolutionOperator
            An operator of the same class.
        """
        raise NotImplementedError

    def __call__(self, x: Any = None, kernel: Any = None) -> Any:
        """Return ``op @ x``, or the same with another kernel.

        Parameters
        ----------
        x : array_like or tensor
            As for ``op @ x``.
        kernel : array_like or tensor, optional
            Another kernel, of the shape of `op.kernel` and in its place: reversed if
            the operator reverses its own, not conjugated.

        Returns
        -------
        ndarray or tensor
            ``op.replace(kernel=kernel) @ x``.  Tensors of PyTorch and arrays of JAX
            return as what they are, as differentiable functions of both arguments.

        Raises
        ------
        GeometryError
            If the kernel or `x` has another shape.
        TypeError
            If one of them does not hold numbers, or they come from two libraries.
        """
        if kernel is None:
            return super().__call__(x)
        library = library_of(kernel)
        given = kernel if library else as_samples(kernel, "kernel")
        if given.shape != self.kernel.shape:
            msg = (
                f"kernel has shape {tuple(given.shape)}, the operator's own has "
                f"{self.kernel.shape}: for another shape, op.replace(kernel=...)"
            )
            raise GeometryError(msg)
        if library:
            return foreign().with_kernel(self, x, given)
        return self.replace(kernel=given) @ x

    def __matmul__(self, other: Any) -> Any:
        # Another thread may take it away.
        shortest = self._shortest
        if shortest and get_ndarray_multiplication():
            y = shortest(other)
            if y is not None:
                self.matvec_count += 1
                return y
        return super().__matmul__(other)

    @property
    def kernel(self) -> Array:
        """The convolution's kernel as given (conjugated by `conj`); read-only."""
        return self._kernel

    @property
    def spec(self) -> ConvSpec:
        """Geometry of this operator, in canonical order."""
        return self._geometry[0]

    @property
    def nnz(self) -> int:
        """Entries of the matrix."""
        return count_entries(self._convolution.spec, self._convolution.kernel)

    @property
    def engine(self) -> str:
        """Name of the engine that computes ``op @ x``."""
        return self._convolution.choice(self._direction)[0]

    @property
    def _geometry(self) -> tuple[ConvSpec, Layout]:
        side = self._convolution.side(self._direction)
        return side.spec, side.layout

    def explain(self) -> str:
        """Return a text with geometry, shapes, non-zeros, and the engine with reason.

        Returns
        -------
        str
            Several lines, to be printed.
        """
        return explanation.explain(
            repr(self),
            self._convolution.spec,
            self._geometry[1],
            transposed=self._direction.transposed,
            nnz=self.nnz,
            dtype=self.dtype,
            engine=self._options.engine,
            choice=self._convolution.choice(self._direction),
        )

    def __repr__(self) -> str:
        return explanation.summary(
            type(self).__name__, self._convolution.spec, self._geometry[1], self.dtype
        )

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix, assembled from the geometry.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`; "csr" is what is assembled.

        Returns
        -------
        scipy.sparse.csr_array, shape ``(prod(dimsd), prod(dims))``
            Indices sorted, duplicates summed, no stored zeros.

        Raises
        ------
        MemoryError
            If it does not fit into free memory; nothing has been allocated then.
        """
        direction = self._direction
        spec, layout = self._geometry
        weights = self._convolution.weights(direction, self.dtype)
        return engines.assemble(spec, weights, layout).asformat(format)

    @property
    def gram(self) -> GramOp:
        """The product of the adjoint and this operator; both keep their plans.

        Hermitian, with the exact matrix ``op.H.tosparse() @ op.tosparse()``.  Where
        it is a single convolution, as on a circle, that is applied if it is estimated
        to be faster.
        """
        return GramOp(self)

    def _row_sums(self, order: float) -> Array:
        return norms.row_sums(self._convolution, self._direction, self.dtype, order)

    def _matvec(self, x: Array) -> Array:
        shortest, straight = self._shortest, self._straight
        y = shortest(x) if shortest else None
        if y is None and straight and straight.fits(x):
            y, self._shortest = straight.apply(x)
        if y is None:
            y = self._matmat(x)
            # Only what has been done once without complaint is done straight.
            self._straight = straight or self._convolution.straight(self._direction)
        return y

    def _matmat(self, x: Any) -> Array:
        if scipy.sparse.issparse(x):
            x = x.toarray()
        trailing = x.shape[1:]
        columns = trailing[0] if trailing else 1
        layout = self._convolution.side(self._direction).layout
        y = self._convolution.apply(x.reshape(*layout.dims, columns), self._direction)
        return y.reshape(prod(layout.dimsd), *trailing)

    def _scaled(self, factor: Any, *, divide: bool = False) -> Self:
        """Return the operator with its kernel times (or over) a number."""
        kernel = scaled(self._kernel, factor, divide=divide)
        return self.replace(kernel=kernel, dtype=kernel.dtype)
