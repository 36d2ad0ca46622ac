"""The errors of the library; each is a `ValueError`, so callers may catch that."""

__all__ = ["EngineRefusal", "GeometryError", "SemanticsError"]


class GeometryError(ValueError):
    """Sizes, strides, paddings or axes that describe no convolution."""


class EngineRefusal(ValueError):
    """An engine was asked for by name and cannot do this problem exactly."""


class SemanticsError(ValueError):
    """A framework's own rules forbid this combination of arguments."""
