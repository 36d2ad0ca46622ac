"""Which of a framework's own classes an object is, told without importing it."""

from collections.abc import Iterable
from typing import Any, NoReturn

from convadjoint.errors import SemanticsError

__all__ = ["described", "is_from", "own_class", "refuse"]

# Methods that may be overridden: they do not decide what a layer computes.
_HARMLESS = {
    "build",
    "build_from_config",
    "extra_repr",
    "from_config",
    "get_build_config",
    "get_config",
    "quantize",
    "reset_parameters",
}
_DECIDING = {"__call__", "__getattr__", "__getattribute__"}
# Methods that an instance may replace by a function of its own.
_CALLED = {"_call_impl", "_conv_forward", "call", "convolution_op", "forward"}


def is_from(value: object, framework: str, name: str) -> bool:
    """Whether one of the classes of `value` is the framework's class of this name."""
    return any(_is(cls, framework, (name,)) for cls in type(value).__mro__)


def own_class(
    value: Any, framework: str, names: Iterable[str], *, transparent: str = ""
) -> str | None:
    """Return the name of the framework's class that `value` is, or None.

    Classes of the module `transparent` may override what they like.

    Raises
    ------
    SemanticsError
        If `value` is of a class derived from it that computes something else.
    """
    classes = type(value).__mro__
    found = [index for index, cls in enumerate(classes) if _is(cls, framework, names)]
    if not found:
        return None
    base = classes[found[0]]
    changed = [
        name
        for cls in classes[: found[0]]
        if cls.__module__ != transparent
        for name in vars(cls)
        if _decides(name) and hasattr(base, name)
    ]
    changed += sorted(_CALLED & getattr(value, "__dict__", {}).keys())
    if changed:
        refuse(value, f"it overrides {', '.join(changed)} of {base.__name__}")
    return base.__name__


def _is(cls: type, framework: str, names: Iterable[str]) -> bool:
    return cls.__name__ in names and cls.__module__.partition(".")[0] == framework


def _decides(name: str) -> bool:
    """Whether an attribute may decide what a layer computes."""
    special = name.startswith("__") and name.endswith("__")
    return name in _DECIDING or not (special or name in _HARMLESS)


def described(value: object) -> str:
    """The class of a value, with its module."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def refuse(value: object, why: str) -> NoReturn:
    """Raise an error that names the layer's class."""
    msg = f"{described(value)} cannot be converted: {why}"
    raise SemanticsError(msg)
