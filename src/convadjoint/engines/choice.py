"""The engines by name, and which one ``"auto"`` and ``"measure"`` take."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from time import perf_counter
from types import MappingProxyType

import numpy as np

from convadjoint.engines import (
    cost,
    direct,
    fft,
    gemm,
    separable,
    sparse,
    taps,
    winograd,
)
from convadjoint.engines.guard import Guarded
from convadjoint.engines.memory import require, require_borders
from convadjoint.engines.protocol import Array, Engine
from convadjoint.errors import EngineRefusal
from convadjoint.geometry import ConvSpec

__all__ = ["ENGINES", "plan", "resolve"]

ENGINES: MappingProxyType[str, Engine] = MappingProxyType(
    {
        "direct": direct,
        "gemm": gemm,
        "fft": fft,
        "separable": separable,
        "winograd": winograd,
        "taps": taps,
        "sparse": sparse,
    }
)

_AUTOMATIC = ("auto", "measure")
_ROUNDS = 3
_ESTIMATED = 'estimated in ms, not on this machine (engine="measure" times it)'
# These meet no sample that is not theirs, whatever the kernel holds.
_TAP_BY_TAP = ("taps", "sparse")


def resolve(name: str, spec: ConvSpec, kernel: Array) -> tuple[str, str]:
    """Return the engine that `name` stands for, and the reason.

    Parameters
    ----------
    name : str
        A key of `ENGINES`; ``"auto"``, the least estimate; or ``"measure"``, the least
        time of those whose estimate is within ten times the least.
    spec : ConvSpec
        The geometry; its batch counts.
    kernel : ndarray, shape ``spec.kernel_shape``
        The kernel.

    Returns
    -------
    engine, reason : str
        A key of `ENGINES`, and a phrase.

    Raises
    ------
    EngineRefusal
        If the engine cannot do this problem exactly, or no engine has this name.
    """
    spec, kernel = _unmixed(spec, kernel)
    if name not in _AUTOMATIC:
        _require(name, spec, kernel)
    estimates = cost.estimates(spec, kernel)
    if name == "measure":
        return _measured(spec, kernel, estimates)
    order = list(_able(spec, kernel, estimates))
    chosen = order[0] if name in _AUTOMATIC else name
    return chosen, _listed(_ESTIMATED, order, estimates)


def plan(name: str, spec: ConvSpec, kernel: Array) -> Guarded:
    """Bind `kernel` to `spec` with the engine of this name.

    Parameters
    ----------
    name : str
        As for `resolve`.
    spec : ConvSpec
        The geometry.
    kernel : ndarray, shape ``spec.kernel_shape``
        The kernel; it is not copied and must not change.

    Returns
    -------
    Plan
        Maps ``(batch, c_in, *n)`` to ``(batch, c_out, *q)``, for any batch.

    Raises
    ------
    EngineRefusal
        If the engine cannot do this problem exactly, or no engine has this name.
    """
    require_borders(spec)
    spec, kernel = _unmixed(spec, kernel)
    if name == "auto":
        # The first one that does not refuse: to ask all of them takes its time.
        chosen, reason = next(_able(spec, kernel, cost.estimates(spec, kernel))), ""
    elif name == "measure":
        chosen, reason = resolve(name, spec, kernel)
    else:
        _require(name, spec, kernel)
        chosen, reason = name, ""
    inner = ENGINES[chosen].plan(spec, kernel)
    automatic = name in _AUTOMATIC
    return Guarded(spec, kernel, inner, chosen, reason, automatic)


def _unmixed(spec: ConvSpec, kernel: Array) -> tuple[ConvSpec, Array]:
    """One group for each channel, if a kernel sends each to its own and no other.

    Weights of upsampling layers are often given so: a tap of zero is no tap.
    """
    each = spec.c_in // spec.groups
    if each == 1 or spec.c_in != spec.c_out:
        return spec, kernel
    blocks = kernel.reshape(spec.groups, each, each, *kernel.shape[2:])
    if blocks[0, 0, 1].any():
        # Nearly all that mix are known by this.
        return spec, kernel
    own = np.arange(each)
    mixing: Array = np.any(blocks.reshape(spec.groups, each, each, -1), axis=-1)
    if (mixing & ~np.eye(each, dtype=bool)).any():
        return spec, kernel
    alone = replace(spec, groups=spec.c_in)
    return alone, blocks[:, own, own].reshape(alone.kernel_shape)


def _require(name: str, spec: ConvSpec, kernel: Array) -> None:
    """Raise `EngineRefusal` unless there is such an engine, and it can."""
    if name not in ENGINES:
        known = ", ".join((*_AUTOMATIC, *ENGINES))
        msg = f"engine {name!r} is unknown: choose one of {known}"
        raise EngineRefusal(msg)
    reason = _refusal(name, spec, kernel)
    if reason is not None:
        msg = f"engine {name!r} refuses: {reason}"
        raise EngineRefusal(msg)


def _refusal(name: str, spec: ConvSpec, kernel: Array) -> str | None:
    """Say why an engine cannot do a problem exactly."""
    if name not in _TAP_BY_TAP and not np.isfinite(kernel).all():
        return "a tap is not finite, and would meet zeros that are none of its samples"
    return ENGINES[name].refuses(spec, kernel)


def _able(spec: ConvSpec, kernel: Array, estimates: dict[str, float]) -> Iterator[str]:
    """Engines that do not refuse, beginning with the one that should be fastest."""
    for name in sorted(estimates, key=estimates.__getitem__):
        if _refusal(name, spec, kernel) is None:
            yield name


def _measured(
    spec: ConvSpec, kernel: Array, estimates: dict[str, float]
) -> tuple[str, str]:
    """The engine that is fastest, of those that come into question."""
    able = list(_able(spec, kernel, estimates))
    limit = 10 * min(estimates[name] for name in able)
    require(3 * prod(spec.dims) * kernel.itemsize, "data to measure with")
    draws = np.random.default_rng(0).standard_normal(spec.dims)
    x = draws.astype(kernel.real.dtype).astype(kernel.dtype)
    times = {}
    for name in able:
        if estimates[name] <= limit:
            times[name] = _time(name, spec, kernel, x)
    order = sorted(times, key=times.__getitem__)
    return order[0], _listed("measured in ms", order, times)


def _time(name: str, spec: ConvSpec, kernel: Array, x: Array) -> float:
    """The least seconds of some products; infinite if memory does not suffice."""
    best = np.inf
    try:
        candidate = ENGINES[name].plan(spec, kernel)
        for _ in range(_ROUNDS):
            start = perf_counter()
            candidate.apply(x)
            best = min(best, perf_counter() - start)
    except MemoryError:
        return np.inf
    return best


def _listed(how: str, order: list[str], seconds: dict[str, float]) -> str:
    """Engines with their times, in words."""
    times = ", ".join(f"{name} {seconds[name] * 1e3:.3g}" for name in order)
    return f"{how}: {times}"
