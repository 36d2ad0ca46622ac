"""Whether anything can be compiled here."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["likely", "trouble"]


@cache
def trouble() -> str | None:
    """Say why nothing can be compiled here."""
    source = Path(__file__)
    if source.suffix != ".py" or not source.is_file():
        return "its sources are not there as files, which are compiled at first use"
    try:
        import llvmlite.binding  # noqa: F401
    except (ImportError, OSError) as error:
        return f"llvmlite cannot be imported ({error}): pip install llvmlite"
    return None


@cache
def likely() -> bool:
    """Whether there seems to be a compiler, which takes time to be imported."""
    return find_spec("llvmlite") is not None
