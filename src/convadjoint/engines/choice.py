"""The engines by name, and which one ``"auto"`` and ``"measure"`` take."""

from dataclasses import replace
from time import perf_counter
from types import MappingProxyType

import numpy as np

from convadjoint.engines import cost, direct, fft, gemm, separable, sparse, taps
from convadjoint.engines.guard import Guarded
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
        "taps": taps,
        "sparse": sparse,
    }
)

_ROUNDS = 3


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
    if name in ("auto", "measure"):
        estimates = _estimates(spec, kernel)
        if name == "measure":
            return _ranked(_measured(spec, kernel, estimates), "measured")
        return _ranked(estimates, "estimated")
    if name not in ENGINES:
        known = ", ".join(("auto", "measure", *ENGINES))
        msg = f"engine {name!r} is unknown: choose one of {known}"
        raise EngineRefusal(msg)
    reason = ENGINES[name].refuses(spec, kernel)
    if reason is not None:
        msg = f"engine {name!r} refuses: {reason}"
        raise EngineRefusal(msg)
    return name, "asked for by name"


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
    chosen, reason = resolve(name, spec, kernel)
    inner = ENGINES[chosen].plan(replace(spec, batch=1), kernel)
    return Guarded(spec, kernel, inner, chosen, reason)


def _estimates(spec: ConvSpec, kernel: Array) -> dict[str, float]:
    """Seconds that each engine should take; those that refuse are left out."""
    return {
        name: seconds
        for name, seconds in cost.estimates(spec, kernel).items()
        if ENGINES[name].refuses(spec, kernel) is None
    }


def _measured(
    spec: ConvSpec, kernel: Array, estimates: dict[str, float]
) -> dict[str, float]:
    """Seconds that the promising engines do take, the best of some rounds."""
    limit = 10 * min(estimates.values())
    draws = np.random.default_rng(0).standard_normal(spec.dims)
    x = draws.astype(kernel.real.dtype).astype(kernel.dtype)
    single = replace(spec, batch=1)
    plans = {
        name: ENGINES[name].plan(single, kernel)
        for name, seconds in estimates.items()
        if seconds <= limit
    }
    times = dict.fromkeys(plans, np.inf)
    for _ in range(_ROUNDS):
        for name, candidate in plans.items():
            start = perf_counter()
            candidate.apply(x)
            times[name] = min(times[name], perf_counter() - start)
    return times


def _ranked(seconds: dict[str, float], how: str) -> tuple[str, str]:
    """The least, and all of them in words."""
    order = sorted(seconds, key=seconds.__getitem__)
    listed = ", ".join(f"{name} {seconds[name] * 1e3:.3g}" for name in order)
    return order[0], f"{how} in ms: {listed}"
