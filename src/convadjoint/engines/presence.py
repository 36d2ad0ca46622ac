"""Whether anything can be compiled here."""

from functools import cache
from importlib.util import find_spec

__all__ = ["likely", "trouble"]


@cache
def trouble() -> str | None:
    """Say why nothing can be compiled here."""
    try:
        import numba
    except ImportError as error:
        return f"numba cannot be imported ({error}): pip install numba"
    return "numba's compiler is switched off" if numba.config.DISABLE_JIT else None  # type: ignore[attr-defined]


@cache
def likely() -> bool:
    """Whether there seems to be a compiler: numba itself takes long to be imported."""
    return find_spec("numba") is not None
