"""Sums of products that are linear in each of their arrays, and all their derivatives.

``sum(z * (C(w) x))`` is linear in x, in w and in z.  Leave one of the three open, and
its coefficients are a linear function of the other two: with z open the convolution,
with x open the transposed convolution, with w open the kernel gradient.  A derivative
of any of these only exchanges what is open, so all derivatives of all orders are in one
table.  An operator with a fixed kernel is the same with two arrays, ``sum(z * (A x))``.

Nothing is conjugated here.  PyTorch's gradient is an adjoint: where z was open, that in
x is the form of the gradient that came in, as z, and of the *conjugate* of w.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from convadjoint.engines import Array, kernel_gradient
from convadjoint.geometry import ConvSpec
from convadjoint.operators.canonical import canonical_layout
from convadjoint.operators.family import Member
from convadjoint.operators.plans import Convolution, Direction

__all__ = ["ConvolutionForm", "Form", "OperatorForm"]

X, W, Z = range(3)


class Form(Protocol):
    """A sum of products with numbered slots; arrays are in canonical order."""

    def contract(self, slot: int, others: tuple[Array, ...]) -> Array:
        """Coefficients of the open slot; `others` fill the rest, in their order."""

    def conj(self) -> "Form":
        """The form whose fixed numbers are the conjugates of this one's."""

    def joined(
        self, count: int, several: tuple[bool, ...]
    ) -> tuple["Form", tuple[int | None, ...]]:
        """The form that does the work of `count` of this kind at once.

        Also: along which axis the arrays of each slot are joined, None where one serves
        all.  `several` says which slots have as many arrays; the open slot counts.
        """


@dataclass(frozen=True, slots=True, eq=False)
class OperatorForm:
    """``sum(z * (A x))``; x is ``(columns, size)`` and z ``(columns, rows)``."""

    op: Member

    def contract(self, slot: int, others: tuple[Array, ...]) -> Array:
        """Apply the operator, or its transpose."""
        op = self.op if slot else self.op.T
        return op._matmat(others[0].T).T

    def conj(self) -> "OperatorForm":
        """The form of the conjugate operator."""
        return OperatorForm(self.op.conj())

    def joined(
        self,
        count: int,  # noqa: ARG002
        several: tuple[bool, ...],  # noqa: ARG002
    ) -> tuple["OperatorForm", tuple[int | None, ...]]:
        """Columns are joined."""
        return self, (0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class ConvolutionForm:
    """``sum(z * (C(w) x))``; x is ``(batch, c_in, *n)``, z ``(batch, c_out, *q)``."""

    spec: ConvSpec
    engine: str
    double: bool

    def contract(self, slot: int, others: tuple[Array, ...]) -> Array:
        """Convolve, apply the transpose, or find the kernel gradient."""
        if slot == W:
            return self._gradient(*others)
        w, x = others if slot == X else others[::-1]
        spec = replace(self.spec, batch=len(x))
        convolution = Convolution(
            spec, canonical_layout(spec), w, self.engine, self.double
        )
        return convolution.apply(x[..., None], Direction(slot == X))[..., 0]

    def _gradient(self, x: Array, z: Array) -> Array:
        """The coefficients of the kernel."""
        result = np.result_type(x, z)
        wide = np.result_type(x, np.float64) if self.double else x.dtype
        gradient = kernel_gradient(self.spec, x.astype(wide, copy=False), z)
        return gradient.astype(result, copy=False)

    def conj(self) -> "ConvolutionForm":
        """The same: it holds no numbers."""
        return self

    def joined(
        self, count: int, several: tuple[bool, ...]
    ) -> tuple["ConvolutionForm", tuple[int | None, ...]]:
        """Signals are joined into a batch; if there are as many kernels, into groups."""
        if not several[W]:
            return self, (0, None, 0)
        spec = self.spec
        wide = replace(
            spec,
            c_in=count * spec.c_in,
            c_out=count * spec.c_out,
            groups=count * spec.groups,
        )
        return replace(self, spec=wide), (1, 0, 1)
