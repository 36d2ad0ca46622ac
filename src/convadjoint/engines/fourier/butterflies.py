"""Small Fourier transforms on vector registers: emitted as LLVM IR.

A register holds one part, real or imaginary, of as many signals as it has lanes; so a
transform is plain arithmetic on registers, and nothing is shuffled.  Transforms of a
long signal are stages of small ones, with factors between them.
"""

from itertools import product
from math import cos, pi, sin, sqrt
from typing import Any

import numpy as np
from llvmlite import ir

from convadjoint.engines.fourier.lengths import RADICES
from convadjoint.engines.primitives import (
    INDEX,
    cases,
    emitted,
    fused,
    looped,
    spread,
    vector_of,
)

__all__ = ["KINDS", "butterflies", "mixed"]

# What `kind` of `butterflies` counts: the radix, and where there are factors.
AFTER, BEFORE, NOWHERE = range(3)
KINDS = tuple(product(RADICES, (AFTER, BEFORE, NOWHERE)))

Value = tuple[Any, Any]


@emitted
def butterflies(
    builder: Any,
    data: Any,
    count: Any,
    step: Any,
    leg: Any,
    factors: Any,
    kind: Any,
    inverse: Any,
) -> None:
    """Transform `count` times some values that lie `leg` apart, in place.

    The next ones follow `step` further on, and so do their factors.  The inverse is the
    same, with real and imaginary parts exchanged.
    """
    made = Registers(builder, vector_of(data))
    made.exchange(inverse)

    def emit(number: int) -> None:
        radix, where = KINDS[number]
        small = _Small(made)

        def one(data: Any, factors: Any) -> None:
            places = [
                builder.gep(data, [builder.mul(leg, INDEX(number))])
                for number in range(radix)
            ]
            values = [made.load(place) for place in places]
            if where == BEFORE:
                values = made.turned(values, factors)
            values = small.transformed(values)
            if where == AFTER:
                values = made.turned(values, factors)
            for place, value in zip(places, values, strict=True):
                made.store(value, place)

        ahead = INDEX(0 if where == NOWHERE else 2 * (radix - 1))
        looped(builder, count, ((data, step), (factors, ahead)), one)

    cases(builder, kind, range(len(KINDS)), emit)


@emitted
def mixed(
    builder: Any, y: Any, count: Any, x: Any, w: Any, terms: Any, apart: Any
) -> None:
    """Write sums over some terms of products of frequencies.

    `apart` is ``(x, w, single)``: from one term to the next, and whether one number of
    `w` is for all lanes.  `y` may be the first `x`.
    """
    made = Registers(builder, vector_of(y))
    far_x, far_w, single = apart

    def emit(single: int) -> None:
        read = made.load_single if single else made.load

        def one(y: Any, x: Any, w: Any) -> None:
            begin = [ir.Constant(made.vector, None)] * 2

            def term(x: Any, w: Any, *sums: Any) -> Value:
                return made.multiplied(made.load(x), read(w), sums)

            steps = ((x, far_x), (w, far_w))
            made.store(looped(builder, terms, steps, term, begin), y)

        both = INDEX(2 * made.lanes)
        each = INDEX(2) if single else both
        looped(builder, count, ((y, both), (x, both), (w, each)), one)

    cases(builder, single, range(2), emit)


class Registers:
    """Complex values as two vectors: loads, stores and products."""

    def __init__(self, builder: Any, vector: Any) -> None:
        self.builder = builder
        self.vector, self.lanes = vector, vector.count
        single = vector.element == ir.FloatType()
        self.distances = INDEX(0), INDEX(self.lanes)
        self.round = np.float32 if single else float

    def exchange(self, inverse: Any) -> None:
        """Take real for imaginary parts if a number is 1, not if it is 0."""
        first = self.builder.mul(inverse, INDEX(self.lanes))
        self.distances = first, self.builder.sub(INDEX(self.lanes), first)

    def load(self, place: Any) -> Value:
        """Both parts, which follow each other."""
        first, second = (
            self.builder.load(part, align=1) for part in self._parts(place)
        )
        return first, second

    def store(self, value: Value, place: Any) -> None:
        """Both parts, one after the other."""
        for one, part in zip(value, self._parts(place), strict=True):
            self.builder.store(one, part, align=1)

    def load_single(self, place: Any) -> Value:
        """One number, for all lanes."""
        builder, vector = self.builder, self.vector
        values = (builder.load(builder.gep(place, [INDEX(part)])) for part in range(2))
        first, second = (spread(builder, value, vector) for value in values)
        return first, second

    def constant(self, number: float) -> Any:
        """One number, for all lanes."""
        rounded = float(self.round(number))
        return ir.Constant(self.vector, [rounded] * self.lanes)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """``a * b + c``, rounded once."""
        return fused(self.builder, a, b, c)

    def multiplied(self, x: Value, w: Value, sums: Any = None) -> Value:
        """``x * w``, added to some sums."""
        builder = self.builder
        negative = builder.fneg(x[1])
        if sums is None:
            real, imaginary = builder.fmul(x[0], w[0]), builder.fmul(x[0], w[1])
        else:
            real, imaginary = (
                self.fma(x[0], w[0], sums[0]),
                self.fma(x[0], w[1], sums[1]),
            )
        return self.fma(negative, w[1], real), self.fma(x[1], w[0], imaginary)

    def turned(self, values: list[Value], factors: Any) -> list[Value]:
        """All values but the first times a factor each."""
        found = values[:1]
        for number, value in enumerate(values[1:]):
            place = self.builder.gep(factors, [INDEX(2 * number)])
            found.append(self.multiplied(value, self.load_single(place)))
        return found

    def _parts(self, place: Any) -> list[Any]:
        """Addresses of both parts."""
        return [
            self.builder.bitcast(
                self.builder.gep(place, [distance]), self.vector.as_pointer()
            )
            for distance in self.distances
        ]


class _Small:
    """The transform of a few values."""

    def __init__(self, registers: Registers) -> None:
        self.registers = registers
        self.builder = registers.builder

    def transformed(self, values: list[Value]) -> list[Value]:
        """Split composite lengths; the others are sums."""
        count = len(values)
        if count == 1:
            return values
        inner = next(p for p in range(2, count + 1) if count % p == 0)
        if inner == count:
            return self._pair(values) if count == 2 else self._prime(values)
        outer = count // inner
        lines = [self.transformed(values[i::outer]) for i in range(outer)]
        found: list[Value] = [values[0]] * count
        for k in range(inner):
            column = [self._rotated(lines[i][k], i * k, count) for i in range(outer)]
            found[k::inner] = self.transformed(column)
        return found

    def _pair(self, values: list[Value]) -> list[Value]:
        a, b = values
        return [self._sum(a, b), self._difference(a, b)]

    def _prime(self, values: list[Value]) -> list[Value]:
        """Of an odd length: what is even and what is odd, apart."""
        count, made = len(values), self.registers
        half = range(1, count // 2 + 1)
        even = [self._sum(values[j], values[-j]) for j in half]
        odd = [self._difference(values[j], values[-j]) for j in half]
        total = values[0]
        for one in even:
            total = self._sum(total, one)
        found = [total] * count
        for k in half:
            angles = [2 * pi * (j * k % count) / count for j in half]
            sums = list(values[0])
            for angle, value in zip(angles, even, strict=True):
                factor = made.constant(cos(angle))
                sums = [
                    made.fma(factor, v, s) for v, s in zip(value, sums, strict=True)
                ]
            turned = [
                self.builder.fmul(made.constant(sin(angles[0])), v) for v in odd[0]
            ]
            for angle, value in zip(angles[1:], odd[1:], strict=True):
                factor = made.constant(sin(angle))
                turned = [
                    made.fma(factor, v, s) for v, s in zip(value, turned, strict=True)
                ]
            ahead = self._quarter((turned[0], turned[1]))
            found[k] = self._sum((sums[0], sums[1]), ahead)
            found[-k] = self._difference((sums[0], sums[1]), ahead)
        return found

    def _rotated(self, value: Value, number: int, count: int) -> Value:
        """Times a root of one, the `number`-th of `count`."""
        number %= count
        if number == 0:
            return value
        if 4 * number % count == 0:
            for _ in range(4 * number // count):
                value = self._quarter(value)
            return value
        if 8 * number % count == 0:
            quarters = 4 * number // count
            ahead = self._quarter(value)
            diagonal = self._sum(value, ahead)
            factor = self.registers.constant(sqrt(0.5))
            value = (
                self.builder.fmul(diagonal[0], factor),
                self.builder.fmul(diagonal[1], factor),
            )
            for _ in range(quarters):
                value = self._quarter(value)
            return value
        angle = -2 * pi * number / count
        root = self.registers.constant(cos(angle)), self.registers.constant(sin(angle))
        return self.registers.multiplied(value, root)

    def _quarter(self, value: Value) -> Value:
        """Times ``-i``."""
        real, imaginary = value
        return imaginary, self.builder.fneg(real)

    def _sum(self, a: Value, b: Value) -> Value:
        return self.builder.fadd(a[0], b[0]), self.builder.fadd(a[1], b[1])

    def _difference(self, a: Value, b: Value) -> Value:
        return self.builder.fsub(a[0], b[0]), self.builder.fsub(a[1], b[1])
