"""Operators on the kernel, for fixed data: C(w) x as a function of `w`."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.engines import Array, Weights, transpose_kernel
from convadjoint.engines.data import assemble_data
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.problem import shape_of
from convadjoint.operators import explanation
from convadjoint.operators.family import Member
from convadjoint.operators.options import Options
from convadjoint.operators.plans import Direction, Side
from convadjoint.operators.samples import as_kernel, as_scalar

__all__ = ["BoundData", "WeightOp"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BoundData:
    """Data with the geometry that is applied to them; operators and relatives share it.

    `output` leads from signals to results, `gradient` back.
    """

    x: Array
    kernel_shape: tuple[int, ...]
    options: Options
    transposed: bool
    weights: Weights
    output: Side
    gradient: Side

    @classmethod
    def of(
        cls, x: npt.ArrayLike, kernel_shape: Any, options: Options, transposed: bool
    ) -> Self:
        """Translate the users' words."""
        given = as_kernel(x, options.dtype, "x")
        shape = shape_of(kernel_shape, "kernel_shape")
        problem = options.problem(given.shape, shape, None, transposed)
        spec, layout = problem.resolve()
        if transposed:
            spec, layout = spec.transpose(), layout.transpose()
        canonical = given.transpose(layout.order).reshape(spec.dims)
        return cls(
            x=given,
            kernel_shape=shape,
            options=options,
            transposed=transposed,
            weights=Weights(spec, canonical, options.engine),
            output=Side.of(spec, layout),
            gradient=Side.of(spec.transpose(), layout.transpose()),
        )

    def results(self, kernels: Array) -> Array:
        """Map ``(columns, *kernel_shape)`` to ``(*output, columns)``."""
        side = self.output
        found = [self.weights.apply(self.inward(one)) for one in kernels]
        y = _stacked(found, self._computed(kernels), side.shape)
        return np.ascontiguousarray(y.transpose(side.outward))

    def gradients(self, results: Array) -> Array:
        """Map ``(columns, *output)`` to ``(*kernel_shape, columns)``."""
        side = self.gradient
        ordered = results.transpose(0, *(1 + axis for axis in side.layout.order))
        signals = ordered.reshape(len(results), side.spec.batch, *side.tail)
        found = [self._outward(self.weights.gradient(one)) for one in signals]
        y = _stacked(found, self._computed(results), self.kernel_shape)
        return np.ascontiguousarray(np.moveaxis(y, 0, -1))

    def _computed(self, data: Array) -> np.dtype[np.inexact]:
        """The dtype of a result."""
        return np.result_type(self.x, data)

    def inward(self, kernel: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A kernel as users give it, as the geometry takes it."""
        forward = self.gradient.spec if self.transposed else self.output.spec
        canonical = self._flipped(kernel.reshape(forward.kernel_shape))
        if not self.transposed:
            return canonical
        return transpose_kernel(canonical, forward.groups)

    def _outward(self, kernel: Array) -> Array:
        """Undo `inward`."""
        if self.transposed:
            kernel = transpose_kernel(kernel, self.weights.spec.groups)
        return self._flipped(kernel).reshape(self.kernel_shape)

    def _flipped(self, kernel: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Reverse the kernel in space, if that was asked for."""
        if not self.options.flip:
            return kernel
        return np.flip(kernel, tuple(range(2, kernel.ndim)))

    def matrix(self) -> scipy.sparse.csr_array:
        """The matrix from kernels to results."""
        spec, layout = self.output.spec, self.output.layout
        rows = np.arange(spec.shape[0]).reshape(layout.dimsd)
        taps = np.arange(np.prod(self.kernel_shape)).reshape(self.kernel_shape)
        numbers = rows.transpose(layout.orderd).reshape(spec.dimsd)
        return assemble_data(spec, self.weights.x, numbers, self.inward(taps))


class WeightOp(Member):
    """What both operators share: bound data, in one of four directions.

    Subclasses say which way the convolution is applied (`transposed`).
    """

    transposed: ClassVar[bool]

    def _become(self, bound: BoundData, direction: Direction) -> None:
        """Set all state; nothing is written afterwards but PyLops' counters."""
        self._bound = bound
        self._direction = direction
        sides = bound.kernel_shape, bound.output.layout.dimsd
        dims, dimsd = sides[::-1] if direction.transposed else sides
        super().__init__(
            dtype=bound.x.dtype, dims=dims, dimsd=dimsd, name=bound.options.name
        )

    def _with(self, bound: BoundData, direction: Direction) -> Self:
        """An operator of the same class."""
        operator = type(self).__new__(type(self))
        operator._become(bound, direction)
        return operator

    def _related(self, *, transposed: bool, conjugated: bool) -> Self:
        """The transpose, conjugate or adjoint; it shares the data and all plans."""
        here = self._direction
        direction = Direction(
            here.transposed != transposed, here.conjugated != conjugated
        )
        return self._with(self._bound, direction)

    def _scaled(self, factor: Any, *, divide: bool = False) -> Self:
        """Return the operator of the data times (or over) a number."""
        plain = as_scalar(factor)
        if divide and plain == 0:
            msg = "an operator cannot be divided by zero"
            raise ZeroDivisionError(msg)
        if self._direction.conjugated:
            plain = plain.conjugate()
        given = self._bound.x
        with np.errstate(over="ignore", invalid="ignore"):
            x = given / plain if divide else given * plain
        if np.isfinite(given).all() and not np.isfinite(x).all():
            msg = f"x times or over {factor!r} leaves the range of {self.dtype}"
            raise OverflowError(msg)
        return self.replace(x=x, dtype=x.dtype)

    def replace(
        self,
        *,
        x: npt.ArrayLike | None = None,
        dtype: npt.DTypeLike | None = None,
        engine: str | None = None,
    ) -> Self:
        """Return this operator with some of its parts replaced.

        Parameters
        ----------
        x : array_like, optional
            Other data, as they were given first: `conj` and `H` conjugate them.
        dtype : dtype, optional
            Another dtype; if only data are given, that of the data.
        engine : str, optional
            Another engine.

        Returns
        -------
        WeightOp
            An operator of the same class and direction.
        """
        old = self._bound
        if dtype is None and x is None:
            dtype = self.dtype
        options = replace(old.options, dtype=dtype, engine=engine or old.options.engine)
        data = old.x if x is None else x
        bound = BoundData.of(data, old.kernel_shape, options, self.transposed)
        return self._with(bound, self._direction)

    def __reduce__(self) -> Any:
        bound = self._bound
        made = (bound.x, bound.kernel_shape, bound.options, self._direction)
        return _unpickled, (type(self), *made)

    @property
    def x(self) -> Array:
        """The data, as given first; read-only."""
        return self._bound.x

    @property
    def spec(self) -> ConvSpec:
        """Geometry of what is applied to the data, in canonical order."""
        return self._bound.weights.spec

    @property
    def engine(self) -> str:
        """Name of the engine for ``op @ w`` and for the adjoint."""
        return self._bound.weights.chosen

    def __repr__(self) -> str:
        side = self._bound.gradient if self.transposed else self._bound.output
        spec, layout = side.spec, self._bound.output.layout
        name = type(self).__name__ + ".T" * self._direction.transposed
        words = explanation.summary(name, spec, layout, self.dtype).partition(": ")[2]
        shapes = f"{self.dims} -> {self.dimsd}, {self.dtype}"
        return f"<{name} {shapes}: data {self.x.shape}, {words}"

    def _matmat(self, x: Array) -> Array:
        columns = np.moveaxis(x.reshape(*self.dims, x.shape[-1]), -1, 0)
        conjugated = self._direction.conjugated and self.dtype.kind == "c"
        columns = np.conj(columns) if conjugated else columns
        bound = self._bound
        back = self._direction.transposed
        y = bound.gradients(columns) if back else bound.results(columns)
        y = y.reshape(self.shape[0], x.shape[-1])
        return np.conj(y) if conjugated else y

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix: a column for each tap, a row for each sample of the output.

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
        matrix = self._bound.matrix()
        if self._direction.conjugated:
            matrix = matrix.conj()
        if self._direction.transposed:
            matrix = matrix.T.tocsr()
        return matrix.asformat(format)


def _stacked(
    found: list[Array], dtype: np.dtype[np.inexact], shape: tuple[int, ...]
) -> Array:
    """One array of all columns; a single one is not copied."""
    if len(found) == 1:
        return found[0].astype(dtype, copy=False).reshape(1, *shape)
    return np.array(found, dtype).reshape(len(found), *shape)


def _unpickled(
    cls: type[WeightOp], x: Array, kernel_shape: Any, options: Options, way: Direction
) -> WeightOp:
    """The operator that was pickled or copied."""
    operator = cls.__new__(cls)
    bound = BoundData.of(x, kernel_shape, options, cls.transposed)
    operator._become(bound, way)
    return operator
