"""The one door from a framework's call to the seven integers of each axis.

An adapter opens a `Call`, asks it for integers and lines, turns each `Line` into an
`Axis` by its framework's rule for padding and output length, and gets the operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.frameworks.arguments import agree, choice, flag, integers, shape
from convadjoint.frameworks.lines import Line
from convadjoint.frameworks.semantics import Semantics
from convadjoint.geometry import Axis, Border, ConvSpec, Layout
from convadjoint.geometry.checks import integer
from convadjoint.geometry.layout import total
from convadjoint.operators import MatrixOp, SpecOp
from convadjoint.operators.samples import as_kernel, as_samples

__all__ = ["Call", "Line", "agree", "choice", "flag", "integers", "placed", "shape"]

_SPACE = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The arrays of a call: the shape of its input, its kernel, and their layouts.

    Layouts are spelled out, with digits for the spatial axes; their order in the
    kernel is that of `sizes` and `taps`.
    """

    semantics: Semantics
    dims: tuple[int, ...]
    kernel: npt.NDArray[np.generic]
    layout: str
    output_layout: str
    kernel_layout: str

    @classmethod
    def of(
        cls,
        semantics: Semantics,
        dims: object,
        kernel: npt.ArrayLike,
        *,
        layouts: tuple[str, ...] = (),
        kernel_layout: str | None = None,
        output_layout: str | None = None,
    ) -> Self:
        """Read a call; layouts are by default those of `semantics`.

        Raises
        ------
        SemanticsError
            If a rank fits no layout.
        GeometryError
            If the kernel is empty or a spatial length is 0.
        """
        array = as_samples(kernel, "the kernel")
        weights = kernel_layout or semantics.kernel or "*"
        rank = semantics.rank
        if rank is None:
            rank = array.ndim - sum(one in "OI" for one in weights)
        weights = _spelled(weights, rank)
        if rank < 1 or array.ndim != len(weights):
            msg = (
                f"the kernel has shape {array.shape}, allowed is one axis for each of "
                f"{_shown(semantics.kernel or '*', semantics.rank)}"
            )
            raise SemanticsError(msg)
        if not array.size:
            msg = f"the kernel is empty: its shape is {array.shape}"
            raise GeometryError(msg)
        lengths, found = placed(dims, layouts or semantics.layouts, rank)
        return cls(
            semantics=semantics,
            dims=lengths,
            kernel=array,
            layout=found,
            output_layout=_spelled(output_layout, rank) if output_layout else found,
            kernel_layout=weights,
        )

    @property
    def space(self) -> str:
        """Letters of the spatial axes, in the order of the kernel's."""
        return "".join(one for one in self.kernel_layout if one not in "OI")

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.space)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Spatial lengths of the input."""
        return tuple(self.dims[self.layout.index(one)] for one in self.space)

    @property
    def taps(self) -> tuple[int, ...]:
        """Spatial lengths of the kernel."""
        return tuple(self.kernel_axis(one) for one in self.space)

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self.dims[self.layout.index("C")] if "C" in self.layout else 1

    def kernel_axis(self, letter: str) -> int:
        """Length of one axis of the kernel."""
        lengths: tuple[int, ...] = self.kernel.shape
        return lengths[self.kernel_layout.index(letter)]

    def integers(
        self,
        word: str,
        value: object,
        *,
        least: int | None = None,
        one_for_all: bool = False,
        whole: bool = False,
    ) -> tuple[int, ...]:
        """Return one integer per spatial axis; the keywords are those of `integers`."""
        rank = self.rank
        return integers(
            word, value, rank, least=least, one_for_all=one_for_all, whole=whole
        )

    def lines(
        self, strides: Sequence[int], dilations: Sequence[int]
    ) -> tuple[Line, ...]:
        """The spatial axes, in the order of the kernel's."""
        columns = zip(self.sizes, self.taps, strides, dilations, strict=True)
        return tuple(
            Line(index=index, n=n, k=k, s=s, d=d)
            for index, (n, k, s, d) in enumerate(columns)
        )

    def operator(
        self,
        axes: Sequence[Axis],
        *,
        groups: object = 1,
        borders: tuple[Border | None, ...] = (),
        flip: bool | None = None,
        dtype: npt.DTypeLike | None = None,
        engine: str = "auto",
    ) -> SpecOp:
        """The operator of the call.

        Parameters
        ----------
        axes : sequence of Axis
            In the order of the kernel's; those of the *convolution* also for a
            transposed one.
        groups : int, optional
            Blocks of channels.
        borders : tuple of (Border or None), optional
            What fills the padding, if not zeros.
        flip : bool, optional
            Reverse the kernel in space; by default as `semantics` says.
        dtype, engine : optional
            As for `SpecOp`.
        """
        transposed = self.semantics.transposed
        written, blocks = self._channels(groups)
        sizes = [axis.n if transposed else axis.q for axis in axes]
        dimsd = self._output(written, sizes)
        total(self.dims, "dims")
        total(dimsd, "dimsd")
        layout = Layout(
            dims=self.dims,
            dimsd=dimsd,
            order=_order(self.layout, self.space),
            orderd=_order(self.output_layout, self.space),
            batch_axes=self.layout.count("N"),
        )
        read = self.channels
        spec = ConvSpec(
            axes=tuple(axes),
            batch=prod(self._batch),
            c_in=written if transposed else read,
            c_out=read if transposed else written,
            groups=blocks,
            extend=borders,
        )
        return SpecOp(
            spec,
            self._canonical_kernel(self.semantics.flip if flip is None else flip),
            layout.transpose() if transposed else layout,
            transposed=transposed,
            dtype=dtype,
            engine=engine,
        )

    def nothing(
        self,
        lengths: Sequence[int],
        *,
        groups: object = 1,
        dtype: npt.DTypeLike | None = None,
    ) -> MatrixOp:
        """The operator of a call that writes no samples; one of `lengths` is 0."""
        written, _ = self._channels(groups)
        dimsd = self._output(written, lengths)
        weights = as_kernel(self.kernel, dtype)
        empty = csr_array((0, total(self.dims, "dims")), dtype=weights.dtype)
        return MatrixOp(empty, self.dims, dimsd)

    @property
    def _batch(self) -> list[int]:
        """Lengths of the batch axes."""
        pairs = zip(self.dims, self.layout, strict=True)
        return [length for length, letter in pairs if letter == "N"]

    def _channels(self, groups: object) -> tuple[int, int]:
        """Channels of the output, and the groups; both sides must fit the kernel."""
        blocks = integer(groups, "the number of groups", least=1)
        if "O" not in self.kernel_layout:
            return 1, blocks
        written, read = self.kernel_axis("O"), self.kernel_axis("I")
        if self.semantics.transposed:
            written *= blocks
        else:
            read *= blocks
        if self.channels != read:
            msg = (
                f"the input {self.dims} has {self.channels} channels, the kernel "
                f"{self.kernel.shape} in {blocks} group(s) takes {read}"
            )
            raise SemanticsError(msg)
        if read % blocks or written % blocks:
            msg = (
                f"groups must divide the channels of both sides: {blocks} groups, "
                f"{read} channels in, {written} out"
            )
            raise SemanticsError(msg)
        return written, blocks

    def _output(self, channels: int, sizes: Sequence[int]) -> tuple[int, ...]:
        """Shape of the output in its own layout."""
        lengths = dict(zip(self.space, sizes, strict=True)) | {"C": channels}
        batch = iter(self._batch)
        return tuple(
            next(batch) if letter == "N" else lengths[letter]
            for letter in self.output_layout
        )

    def _canonical_kernel(self, flip: bool) -> npt.NDArray[np.generic]:
        """The kernel of the convolution, ``(c_out, c_in/groups, *k)``."""
        if "O" in self.kernel_layout:
            channels = "IO" if self.semantics.transposed else "OI"
            places = [self.kernel_layout.index(one) for one in channels + self.space]
            kernel = self.kernel.transpose(places)
        else:
            kernel = self.kernel[None, None]
        return np.flip(kernel, tuple(range(2, kernel.ndim))) if flip else kernel


def placed(
    dims: object, layouts: tuple[str, ...], rank: int
) -> tuple[tuple[int, ...], str]:
    """Return the shape of an input, and its layout, spelled out.

    Raises
    ------
    SemanticsError
        If no layout has as many axes.
    GeometryError
        If an axis other than the batch has no samples.
    """
    lengths = shape(dims, "the input")
    spelled = [_spelled(layout, rank) for layout in layouts]
    found = next((one for one in spelled if len(one) == len(lengths)), None)
    if found is None:
        allowed = " or ".join(_shown(layout, rank) for layout in layouts)
        msg = f"the input {lengths} has {len(lengths)} axes, allowed is {allowed}"
        raise SemanticsError(msg)
    for axis, (length, letter) in enumerate(zip(lengths, found, strict=True)):
        if letter != "N" and length < 1:
            msg = f"the input {lengths} has no samples on axis {axis}"
            raise GeometryError(msg)
    return lengths, found


def _spelled(layout: str, rank: int) -> str:
    """A layout with the spatial axes spelled out."""
    return layout.replace("*", _SPACE[:rank])


def _shown(layout: str, rank: int | None) -> str:
    """A layout for readers."""
    return layout if rank is None else layout.replace("*", "DHW"[3 - rank :])


def _order(layout: str, space: str) -> tuple[int, ...]:
    """The permutation that makes a layout batch, channel, space."""
    batch = [index for index, letter in enumerate(layout) if letter == "N"]
    channel = [layout.index("C")] if "C" in layout else []
    return (*batch, *channel, *(layout.index(one) for one in space))
