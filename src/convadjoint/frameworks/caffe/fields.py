"""Fields of Caffe's layers."""

from dataclasses import dataclass

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import integers
from convadjoint.geometry.checks import integer, is_sequence

__all__ = ["Field", "counted"]


@dataclass(frozen=True, slots=True)
class Field:
    """A repeated field of a layer, which two axes may also give as _h and _w."""

    word: str
    value: object
    h: int | None = None
    w: int | None = None
    default: int = 0
    least: int = 0

    @property
    def given(self) -> bool:
        """Whether the layer has the field in any form."""
        repeated = not is_sequence(self.value) or bool(tuple(self.value))
        return self.paired or (self.value is not None and repeated)

    @property
    def paired(self) -> bool:
        """Whether the layer has it as _h and _w."""
        return self.h is not None or self.w is not None

    def per_axis(self, rank: int) -> tuple[int, ...]:
        """One integer per axis."""
        if not self.given:
            return (self.default,) * rank
        if not self.paired:
            entries = tuple(self.value) if is_sequence(self.value) else (self.value,)
            return integers(
                self.word, entries, rank, least=self.least, one_for_all=True
            )
        stem = self.word.removesuffix("_size")
        if rank != 2 or self.value is not None:
            msg = (
                f"{stem}_h and {stem}_w need two spatial axes and no {self.word}, got "
                f"{rank} axes and {self.word}={self.value!r}"
            )
            raise SemanticsError(msg)
        # A field that is left out is 0 here, and not the default.
        pair = (self.h or 0, self.w or 0)
        return integers(f"{stem}_h and {stem}_w", pair, 2, least=self.least)


def counted(axis: object, ndim: int) -> int:
    """An axis counted from the front."""
    place = integer(axis, "axis")
    if not -ndim <= place < ndim:
        msg = f"axis {place} is out of range: allowed are {-ndim} to {ndim - 1}"
        raise SemanticsError(msg)
    return place % ndim
