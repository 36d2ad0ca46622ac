"""Convolution with a kernel that varies in space."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.engines import Array
from convadjoint.errors import GeometryError
from convadjoint.operators import explanation
from convadjoint.operators.family import Member
from convadjoint.operators.fields import Field, grid_fields, grid_of, mask_fields
from convadjoint.operators.options import Options
from convadjoint.operators.patches import Patchwork, patches
from convadjoint.operators.plans import Direction, Side
from convadjoint.operators.samples import as_kernel, as_samples, scaled

__all__ = ["VaryingConvOp"]


class VaryingConvOp(Member):
    r"""Convolution with a kernel that varies in space, as the matrix C.

    Computes :math:`C = \sum_r V_r C_r W_r`: every input sample is weighted, convolved
    with kernel `r`, weighted again, and all is added up.  On a `grid`, :math:`W_r` are
    the tents of linear interpolation: the kernel of an input sample is interpolated
    between the kernels around it, and beyond the outermost points it is the nearest.
    Every kernel is applied only in the window where its weights are not zero.

    Parameters
    ----------
    dims : int or tuple of int
        Shape of the input.
    kernels : array_like, shape ``(*grid, *kernel)`` or ``(r, *kernel)``
        Kernels of equal shape, copied: ``(*k)``, or ``(c_out, c_in/groups, *k)`` if
        `channel_axis` is given.
    grid : sequence of int, or one per convolved axis, optional
        Increasing sample indices of the kernels along each axis, not necessarily
        regular.  Either this, or weights.
    weights : array_like, shape ``(r, *dims)``, optional
        Weights of the input for each kernel; lengths of 1 are repeated.
    output_weights : array_like, shape ``(r, *dimsd)``, optional
        Weights of the output for each kernel; lengths of 1 are repeated.
    stride, padding, dilation, groups, padding_mode, axes, channel_axis : optional
        As for `ConvNDOp`.
    center, flip, dtype, engine, precision, name : optional
        As for `ConvNDOp`.

    Raises
    ------
    GeometryError
        If kernels, grid or weights do not fit each other or `dims`.
    EngineRefusal
        If an engine asked for by name cannot do the problem exactly.
    TypeError
        If an argument is of the wrong kind, or complex where `dtype` is real.

    See Also
    --------
    ConvNDOp : The same kernel everywhere.

    Notes
    -----
    With ``padding="same"`` and ``flip=True``, a grid means what PyLops'
    `NonStationaryConvolve1D`, `NonStationaryConvolve2D` and `NonStationaryConvolve3D`
    mean.  Then column `m` of C is the kernel at sample `m`: its point spread function.
    Where the kernel should vary with the *output* sample, take the transpose.

    Examples
    --------
    >>> import convadjoint as ca
    >>> op = ca.VaryingConvOp(5, [[1.0], [5.0]], grid=(0, 4))
    >>> op @ [1.0, 1.0, 1.0, 1.0, 1.0]
    array([1., 2., 3., 4., 5.])
    >>> fade = ca.VaryingConvOp(3, [[1.0, 1.0]], weights=[[1.0, 0.5, 0.25]])
    >>> fade.tosparse().toarray()
    array([[1.  , 0.5 , 0.  ],
           [0.  , 0.5 , 0.25]])
    """

    def __init__(
        self,
        dims: Any,
        kernels: npt.ArrayLike,
        *,
        grid: Any = None,
        weights: npt.ArrayLike | None = None,
        output_weights: npt.ArrayLike | None = None,
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
        fields = _Fields.of(grid, weights, output_weights)
        self._build(dims, as_kernel(kernels, dtype), fields, options)

    def _build(
        self, dims: Any, kernels: Array, fields: "_Fields", options: Options
    ) -> None:
        """Translate the users' words and become that operator."""
        axes = 1 if fields.grid is None else len(fields.grid)
        spec, layout = options.problem(
            dims, kernels.shape[axes:], None, transposed=False
        ).resolve()
        fields.check(kernels.shape[:axes], kernels.dtype, options)
        forward = Side.of(spec, layout)
        backward = Side.of(spec.transpose(), layout.transpose())
        canonical = kernels.reshape(-1, *spec.kernel_shape)
        if options.flip:
            canonical = np.flip(canonical, tuple(range(-len(spec.axes), 0)))
        bare = replace(spec, extend=())
        places = fields.places(forward, backward, len(canonical), kernels.dtype)
        parts = tuple(
            part
            for kernel, befores, afters in zip(canonical, *places, strict=True)
            for part in patches(bare, kernel, befores, afters, options.engine)
        )
        work = Patchwork(forward, backward, parts, options.precision == "double")
        given = (forward.layout.dims, kernels, fields, options)
        self._become(work, Direction(), given)

    def _become(self, work: Patchwork, direction: Direction, given: "_Given") -> None:
        """Set all state; nothing is written afterwards but PyLops' counters."""
        _, kernels, fields, options = given
        layout = work.side(direction).layout
        self._work, self._direction, self._given = work, direction, given
        super().__init__(
            dtype=fields.dtype(kernels.dtype),
            dims=layout.dims,
            dimsd=layout.dimsd,
            name=options.name,
        )

    @property
    def kernels(self) -> Array:
        """The kernels as given (conjugated by `conj`); read-only."""
        kernels = self._given[1]
        kernels = np.conj(kernels) if self._direction.conjugated else kernels
        kernels.flags.writeable = False
        return kernels

    @property
    def engine(self) -> str:
        """Names of the engines that compute ``op @ x``, one or several."""
        found = {
            part.convolution.choice(self._direction)[0] for part in self._work.parts
        }
        return ", ".join(sorted(found))

    def _matmat(self, x: Array) -> Array:
        shaped = x.reshape(*self.dims, x.shape[-1])
        y = self._work.apply(shaped, self._direction, self.dtype)
        return y.reshape(self.shape[0], x.shape[-1])

    def _related(self, *, transposed: bool, conjugated: bool) -> "VaryingConvOp":
        here = self._direction
        direction = Direction(
            here.transposed != transposed, here.conjugated != conjugated
        )
        return _made(self._given, direction, self._work)

    def _scaled(self, factor: Any, *, divide: bool = False) -> "VaryingConvOp":
        dims, kernels, fields, options = self._given
        plain = np.conj(factor) if self._direction.conjugated else factor
        times = scaled(kernels, plain, divide=divide)
        return _made((dims, times, fields, options), self._direction)

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix, assembled from the geometry.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`.

        Returns
        -------
        sparray, shape ``(prod(dimsd), prod(dims))``
            Indices sorted, duplicates summed; sums that cancel are not stored.

        Raises
        ------
        MemoryError
            If it does not fit into free memory.
        """
        matrix = self._work.matrix(self.dtype)
        if self._direction.conjugated:
            matrix = matrix.conj()
        if self._direction.transposed:
            matrix = matrix.T.tocsr()
        return matrix.asformat(format)

    def __repr__(self) -> str:
        spec, layout = self._work.forward.spec, self._work.side(self._direction).layout
        text = explanation.summary(type(self).__name__, spec, layout, self.dtype)
        count = self._given[1].size // prod(spec.kernel_shape)
        return text.replace(" taps on", f" taps of {count} kernels on", 1)

    def __reduce__(self) -> Any:
        return _made, (self._given, self._direction)


@dataclass(frozen=True, slots=True, eq=False)
class _Fields:
    """What says where each kernel applies, as given: a grid, or weights."""

    grid: tuple[tuple[int, ...], ...] | None
    weights: Array | None
    output_weights: Array | None

    @classmethod
    def of(cls, grid: Any, weights: Any, output_weights: Any) -> "_Fields":
        """Copy what users gave."""
        masks = [
            None if given is None else as_kernel(as_samples(given, name), None)
            for given, name in (
                (weights, "weights"),
                (output_weights, "output_weights"),
            )
        ]
        if (grid is None) == all(one is None for one in masks):
            msg = "kernels vary on a grid, or by weights: give one of the two"
            raise GeometryError(msg)
        return cls(None if grid is None else grid_of(grid), *masks)

    def dtype(self, kernels: np.dtype[np.inexact[Any]]) -> np.dtype[np.inexact[Any]]:
        """That of the kernels, complex if a weight is."""
        given = (self.weights, self.output_weights)
        if any(one is not None and one.dtype.kind == "c" for one in given):
            return np.result_type(kernels, np.complex64)
        return kernels

    def check(
        self, counts: tuple[int, ...], dtype: np.dtype[Any], options: Options
    ) -> None:
        """The kernels are as many as there are places, and complex if need be."""
        wanted = counts if self.grid is None else tuple(map(len, self.grid))
        if counts != wanted or 0 in counts:
            msg = (
                f"there are {counts} kernels for {wanted} places: give one kernel for "
                f"each, and at least one"
            )
            raise GeometryError(msg)
        if options.dtype is not None and self.dtype(dtype) != dtype:
            msg = (
                f"the weights are complex, dtype {dtype} is real: take a complex dtype"
            )
            raise TypeError(msg)

    def places(
        self,
        forward: Side,
        backward: Side,
        count: int,
        dtype: np.dtype[np.inexact[Any]],
    ) -> tuple[Iterable[Sequence[Field | None]], Iterable[Sequence[Field | None]]]:
        """Fields before and after each kernel."""
        everywhere: list[list[Field | None]] = [[None]] * count
        befores: Iterable[Sequence[Field | None]] = everywhere
        afters: Iterable[Sequence[Field | None]] = everywhere
        if self.grid is not None:
            befores = grid_fields(self.grid, forward.spec, dtype)
        if self.weights is not None:
            masks = _precise(self.weights, dtype)
            befores = mask_fields(masks, count, forward, "weights")
        if self.output_weights is not None:
            masks = _precise(self.output_weights, dtype)
            afters = mask_fields(masks, count, backward, "output_weights")
        return befores, afters


_Given = tuple[Any, Array, _Fields, Options]


def _precise(weights: Array, dtype: np.dtype[np.inexact[Any]]) -> Array:
    """Weights in the precision of the kernels."""
    complex_ = weights.dtype.kind == "c"
    return weights.astype(np.result_type(dtype, np.complex64) if complex_ else dtype)


def _made(
    given: _Given, direction: Direction, work: Patchwork | None = None
) -> VaryingConvOp:
    """The operator of these parts in a direction; its patches are made if need be."""
    operator = VaryingConvOp.__new__(VaryingConvOp)
    if work is None:
        operator._build(*given)
        work = operator._work
    operator._become(work, direction, given)
    return operator
