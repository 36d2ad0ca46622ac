"""Arguments as the frameworks take them: shapes, integers per axis, flags."""

from collections.abc import Iterable

import numpy as np

from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.geometry.checks import check_no_array, integer, is_sequence, per_axis

__all__ = ["agree", "choice", "flag", "integers", "shape"]

_LARGEST = 2**61


def shape(dims: object, name: str) -> tuple[int, ...]:
    """Return a shape: a sequence of integers, 0 or more."""
    if not is_sequence(dims):
        msg = f"{name} must be given by its shape, got {dims!r}"
        raise TypeError(msg)
    check_no_array(dims, name)
    return tuple(
        integer(entry, f"axis {axis} of {name}", least=0)
        for axis, entry in enumerate(dims)
    )


def integers(
    word: str,
    value: object,
    rank: int,
    *,
    least: int | None = None,
    one_for_all: bool = False,
    whole: bool = False,
) -> tuple[int, ...]:
    """Return one integer per axis, from one integer or a sequence of `rank`.

    With `one_for_all` a sequence of one serves all axes; with `whole` a single integer
    is refused.
    """
    entries = tuple(value) if is_sequence(value) else None
    if whole and (entries is None or len(entries) != rank):
        msg = f"{word} must be a list of {rank} integers, got {value!r}"
        raise TypeError(msg) if entries is None else GeometryError(msg)
    alone = one_for_all and entries is not None and len(entries) == 1
    given = entries * rank if entries and alone else value
    found = per_axis(given, word, rank, least=least)
    if max(map(abs, found), default=0) > _LARGEST:
        msg = f"{word} {value!r} is beyond {_LARGEST} (2**61)"
        raise GeometryError(msg)
    return found


def agree(word: str, given: object, stated: object) -> None:
    """Refuse an argument that says something else than the kernel does."""
    if given is None:
        return
    if not isinstance(given, tuple):
        given = integer(given, word)
    if given != stated:
        msg = f"{word} {given!r} contradicts the kernel array, which has {stated!r}"
        raise SemanticsError(msg)


def flag(word: str, value: object) -> bool:
    """Return a boolean; 0 and 1 are ones too."""
    kinds = (bool, np.bool_, int, np.integer)
    if isinstance(value, kinds) and value in (0, 1):
        return bool(value)
    msg = f"{word} must be True or False, got {value!r}"
    raise TypeError(msg)


def choice(
    word: str, value: object, allowed: Iterable[str], *, why: str = "unknown"
) -> str:
    """Return one of the words that are allowed; of others say `why` they are not."""
    words = tuple(allowed)
    if isinstance(value, str) and value in words:
        return value
    msg = f"{word} {value!r} is {why}: allowed are {', '.join(words)}"
    raise SemanticsError(msg)
