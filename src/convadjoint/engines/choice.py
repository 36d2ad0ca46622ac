"""The engines by name, and which one ``"auto"`` takes."""

from math import prod
from types import MappingProxyType

from convadjoint.engines import sparse, taps
from convadjoint.engines.protocol import Array, Engine, Plan
from convadjoint.errors import EngineRefusal
from convadjoint.geometry import ConvSpec

__all__ = ["ENGINES", "choose", "plan", "resolve"]

ENGINES: MappingProxyType[str, Engine] = MappingProxyType(
    {"taps": taps, "sparse": sparse}
)

# A product with C reads about 12 bytes per entry; one tap costs some microseconds of
# calls however small the image is.  Beyond a few megabytes the slices win.
_SPARSE_ENTRIES = 300_000


def choose(spec: ConvSpec, kernel: Array) -> tuple[str, str]:
    """Return the engine that "auto" takes for one signal of `spec`, and the reason."""
    entries = spec.nnz // max(1, spec.batch)
    if entries <= _SPARSE_ENTRIES:
        return (
            "sparse",
            f"{entries} entries of C stay in cache (up to {_SPARSE_ENTRIES})",
        )
    taps_used = prod(kernel.shape[2:])
    return "taps", f"{taps_used} strided slices move less memory than {entries} entries"


def resolve(name: str, spec: ConvSpec, kernel: Array) -> tuple[str, str]:
    """Return the engine that `name` stands for, and the reason.

    Raises
    ------
    EngineRefusal
        If the engine cannot do this problem exactly, or no engine has this name.
    """
    if name == "auto":
        return choose(spec, kernel)
    if name not in ENGINES:
        known = ", ".join(("auto", *ENGINES))
        msg = f"engine {name!r} is unknown: choose one of {known}"
        raise EngineRefusal(msg)
    reason = ENGINES[name].refuses(spec, kernel)
    if reason is not None:
        msg = f"engine {name!r} refuses: {reason}"
        raise EngineRefusal(msg)
    return name, "asked for by name"


def plan(name: str, spec: ConvSpec, kernel: Array) -> Plan:
    """Bind `kernel` to `spec` with the engine of this name.

    Parameters
    ----------
    name : str
        A key of `ENGINES`, or ``"auto"``.
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
    chosen, _ = resolve(name, spec, kernel)
    return ENGINES[chosen].plan(spec, kernel)
