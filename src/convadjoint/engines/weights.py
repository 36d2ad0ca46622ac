"""The same sum in its third variable: what the kernel makes of fixed data.

``y = C(w) x`` is linear in `w` too.  Its transpose is the kernel gradient: tap ``j``
gets the products of the samples that its links join.  Both are bilinear, so that real
and imaginary parts are computed apart, and engines see real numbers only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np

from convadjoint.engines import cost, gemm, taps
from convadjoint.engines.choice import ENGINES, plan
from convadjoint.engines.correlation import correlate
from convadjoint.engines.extension import extend, fold
from convadjoint.engines.gradient import tap_gradient
from convadjoint.engines.guard import Guarded, drowns
from convadjoint.engines.kernels import transpose_kernel
from convadjoint.engines.magnitude import largest
from convadjoint.engines.memory import require_borders
from convadjoint.engines.protocol import Array
from convadjoint.engines.templates import Template, template
from convadjoint.errors import EngineRefusal
from convadjoint.geometry import ConvSpec

__all__ = ["KINDS", "Weights", "kernel_gradient"]

Product = Callable[["Bound", Array], Array]


class Bound(Protocol):
    """Real, finite data bound to a geometry; both methods are pure."""

    def apply(self, w: Array) -> Array:
        """Map ``(c_out, c_in/groups, *k)`` to a new ``(batch, c_out, *q)``."""
        ...

    def gradient(self, z: Array) -> Array:
        """Map ``(batch, c_out, *q)`` to a new ``(c_out, c_in/groups, *k)``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TapWeights:
    """NumPy slices, one tap at a time: also for samples that are not finite."""

    spec: ConvSpec
    x: Array

    def apply(self, w: Array) -> Array:
        """Apply the engine `taps`."""
        return taps.plan(self.spec, w).apply(self.x)

    def gradient(self, z: Array) -> Array:
        """Sum tap by tap."""
        return tap_gradient(self.spec, self.x, z)


@dataclass(frozen=True, slots=True, eq=False)
class GemmWeights:
    """Products of matrices, block by block."""

    spec: ConvSpec
    x: Array

    def apply(self, w: Array) -> Array:
        """Apply the engine `gemm`."""
        return gemm.plan(self.spec, w).apply(self.x)

    def gradient(self, z: Array) -> Array:
        """Multiply the columns by the other side."""
        return gemm.gradient(self.spec, self.x, z)


@dataclass(frozen=True, slots=True, eq=False)
class FftWeights:
    """A convolution of the kernel, whose taps are the data: their spectrum is kept.

    Output channels of a group are its signals, and signals its output channels.
    """

    spec: ConvSpec
    x: Array
    plans: dict[bool, Guarded] = field(default_factory=dict)

    def apply(self, w: Array) -> Array:
        """Convolve the kernel with the data."""
        batch, groups = len(self.x), self.spec.groups
        signals = w.reshape(groups, -1, *w.shape[1:]).swapaxes(0, 1)
        y = self._plan(False).apply(_merged(signals))
        y = self._turned(y).reshape(len(y), groups, batch, *y.shape[2:])
        return fold(_merged(y.swapaxes(0, 2)).copy(), self.spec.fold)

    def gradient(self, z: Array) -> Array:
        """Apply the transpose."""
        batch, groups = len(self.x), self.spec.groups
        z = extend(z, self.spec.fold)
        signals = z.reshape(batch, groups, -1, *z.shape[2:])
        signals = _merged(signals.swapaxes(0, 2))
        found = self._plan(True).apply(self._turned(signals))
        found = found.reshape(len(found), groups, -1, *found.shape[2:])
        return np.ascontiguousarray(found.swapaxes(0, 1)).reshape(
            self.spec.kernel_shape
        )

    def _turned(self, y: Array) -> Array:
        """Reverse space: the outputs of an exchanged axis come in reverse."""
        return np.flip(y, tuple(range(2, y.ndim)))

    def _plan(self, transposed: bool) -> Guarded:
        """The plan of one direction, made at first use."""
        if transposed not in self.plans:
            spec, x = self.spec, extend(self.x, self.spec.extend)
            groups, batch = spec.groups, len(x)
            nothing = (None,) * len(spec.axes)
            exchanged = replace(
                spec,
                axes=tuple(axis.exchange() for axis in spec.axes),
                batch=spec.c_out // groups,
                c_out=groups * batch,
                extend=nothing,
                fold=nothing,
            )
            grouped = x.reshape(batch, groups, -1, *x.shape[2:]).swapaxes(0, 1)
            kernel = grouped.reshape(groups * batch, *grouped.shape[2:])
            if transposed:
                kernel = transpose_kernel(kernel, groups)
                exchanged = exchanged.transpose()
            self.plans.setdefault(transposed, plan("fft", exchanged, kernel))
        return self.plans[transposed]


@dataclass(frozen=True, slots=True, eq=False)
class DirectWeights:
    """Compiled code: the engine `direct`, and inner products of the same bands.

    It takes any samples for the kernel and the other side: where sums are not finite, it
    looks for the reason, and lets them spread as in the definition.
    """

    spec: ConvSpec
    x: Array
    templates: list[Template | None] = field(default_factory=list)

    def apply(self, w: Array) -> Array:
        """Apply the engine `direct`, planned once for all kernels."""
        if not _finite(w):
            return taps.plan(self.spec, w).apply(self.x)
        if not self.templates:
            self.templates.append(template(self.spec, self.x.dtype))
        found = self.templates[0]
        if found is None:
            return np.zeros(self.spec.dimsd, self.x.dtype)
        return found.apply(w, self.x)

    def gradient(self, z: Array) -> Array:
        """Multiply bands of both sides."""
        found = correlate(self.spec, self.x, z)
        if np.isfinite(found).all() or _finite(z):
            return found
        return tap_gradient(self.spec, self.x, z)


KINDS: dict[str, Callable[[ConvSpec, Array], Bound]] = {
    "direct": DirectWeights,
    "gemm": GemmWeights,
    "fft": FftWeights,
    "taps": TapWeights,
}


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Data bound to a geometry: what a kernel makes of them, and its gradient.

    Parameters
    ----------
    spec : ConvSpec
        The geometry, with the batch of `x`.
    x : ndarray, shape ``spec.dims``
        Input of C; it is not copied and must not change.
    engine : str, optional
        A key of `KINDS`, or ``"auto"``, the least estimate.

    Raises
    ------
    EngineRefusal
        If the engine cannot do this problem, or no engine has this name.
    """

    spec: ConvSpec
    x: Array
    engine: str = "auto"
    bound: dict[tuple[str, np.dtype[np.inexact]], tuple[Bound, ...]] = field(
        default_factory=dict
    )
    choices: dict[bool, str] = field(default_factory=dict)
    facts: dict[Callable[[Array], bool], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_borders(self.spec)
        if self.engine == "auto":
            return
        if self.engine not in KINDS:
            known = ", ".join(("auto", *KINDS))
            msg = f"engine {self.engine!r} is unknown here: choose one of {known}"
            raise EngineRefusal(msg)
        reason = ENGINES[self.engine].refuses(self.spec, self._any_kernel())
        if reason is not None:
            msg = f"engine {self.engine!r} refuses: {reason}"
            raise EngineRefusal(msg)

    def apply(self, w: Array) -> Array:
        """Return ``C(w) x``: ``(c_out, c_in/groups, *k)`` to ``(batch, c_out, *q)``."""
        return self._product(w, lambda bound, part: bound.apply(part))

    def gradient(self, z: Array) -> Array:
        """Return the gradient: ``(batch, c_out, *q)`` to ``(c_out, c_in/groups, *k)``.

        Nothing is conjugated.
        """
        return self._product(z, lambda bound, part: bound.gradient(part))

    @property
    def chosen(self) -> str:
        """Name of the engine for finite samples."""
        return self._choice(True)

    def _product(self, data: Array, product: Product) -> Array:
        """A bilinear map of `x` and `data`, from those of their parts."""
        dtype = np.result_type(self.x.real.dtype, data.real.dtype)
        found = [
            [product(bound, one) for bound in self._suited(one)]
            for one in _parts(data.astype(np.result_type(data, dtype), copy=False))
        ]
        if len(found) == len(found[0]) == 1:
            return found[0][0]
        y = np.zeros(found[0][0].shape, np.result_type(dtype, np.complex64))
        with np.errstate(invalid="ignore"):
            for i, row in enumerate(found):
                for j, one in enumerate(row):
                    part = y.imag if (i + j) % 2 else y.real
                    np.add(part, -one if i + j == 2 else one, out=part)
        return y

    def _suited(self, data: Array) -> tuple[Bound, ...]:
        """The parts of `x`, bound by an engine that suits them and these data."""
        name = self._choice(True) if self._fact(_finite) else "taps"
        if name != "direct" and not _finite(data):
            name = "taps"
        automatic = name == "fft" and self.engine == "auto"
        if automatic and (drowns(data) or self._fact(drowns)):
            name = self._choice(False)
        return self._bound(name, data.dtype)

    def _fact(self, question: Callable[[Array], bool]) -> bool:
        """What is true of `x`, found out once."""
        if question not in self.facts:
            self.facts[question] = question(self.x)
        return self.facts[question]

    def _bound(self, name: str, dtype: np.dtype[np.inexact]) -> tuple[Bound, ...]:
        """Both parts of `x`, or the one there is."""
        if (name, dtype) not in self.bound:
            made = partial(KINDS[name], self.spec)
            parts = tuple(made(part.astype(dtype)) for part in _parts(self.x))
            self.bound.setdefault((name, dtype), parts)
        return self.bound[name, dtype]

    def _choice(self, tame: bool) -> str:
        """The engine; a transform only if it drowns none of the samples."""
        if not self.spec.batch:
            return "taps"
        if self.engine != "auto":
            return self.engine
        if tame not in self.choices:
            kernel = self._any_kernel()
            estimates = cost.estimates(self.spec, kernel)
            able = [
                name
                for name in KINDS
                if ENGINES[name].refuses(self.spec, kernel) is None
                and (tame or name != "fft")
            ]
            self.choices.setdefault(tame, min(able, key=estimates.__getitem__))
        return self.choices[tame]

    def _any_kernel(self) -> Array:
        """A kernel without zeros, for questions about its shape; it takes no memory."""
        one = np.ones((), self.x.real.dtype)
        return np.broadcast_to(one, self.spec.kernel_shape)


def kernel_gradient(spec: ConvSpec, x: Array, z: Array) -> Array:
    """Return the derivative of ``sum(z * (C(w) x))`` by the kernel `w`.

    Parameters
    ----------
    spec : ConvSpec
        The geometry; its batch plays no part.
    x : ndarray, shape ``(batch, c_in, *n)``
        Input of C.
    z : ndarray, shape ``(batch, c_out, *q)``
        What multiplies its output; nothing is conjugated.

    Returns
    -------
    ndarray, shape ``spec.kernel_shape``
        Summed over the batch.
    """
    return Weights(replace(spec, batch=len(x)), x).gradient(z)


def _parts(x: Array) -> tuple[Array, ...]:
    """Real and imaginary part, or what is real."""
    return (x.real, x.imag) if x.dtype.kind == "c" else (x,)


def _finite(x: Array) -> bool:
    """Whether all samples are finite."""
    return bool(np.isfinite(largest(x)).all())


def _merged(y: Array) -> Array:
    """Two axes after the first made one."""
    return y.reshape(len(y), -1, *y.shape[3:])
