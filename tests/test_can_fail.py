"""Every family of tests fails when flip, conjugate, crop side or groups are wrong.

The operators here are wrong on purpose: built from a broken kernel or padding, or
paired with a broken adjoint, and handed to the same checks as the right ones.
"""

import numpy as np
import pytest

import checks
from strategies import Case, integers, noise

OPTIONS = {"stride": 2, "padding": ((1, 0), (2, 1)), "groups": 2}
CASES = {
    "Conv": Case("Conv", "2D", 2, (2, 4, 6, 7), (6, 2, 3, 3), OPTIONS),
    "ConvTranspose": Case(
        "ConvTranspose",
        "2D",
        2,
        (2, 6, 3, 4),
        (6, 2, 3, 3),
        OPTIONS | {"output_size": (6, 7)},
    ),
}
SWAPPED = {"padding": ((0, 1), (1, 2))}
MUTANTS = {
    "flip": lambda case, w: case.op(w[..., ::-1]),
    "flip option": lambda case, w: case.op(w, flip=True),
    "conjugate": lambda case, w: case.op(w.conj()),
    "crop side": lambda case, w: case.op(w, **SWAPPED),
    "group order": lambda case, w: case.op(np.roll(w, 3, axis=0)),
    "channel order": lambda case, w: case.op(w[:, ::-1]),
    "axis order": lambda case, w: case.op(w.swapaxes(-1, -2)),
    "border": lambda case, w: case.op(w, padding_mode="circular"),
}


class Mismatched:
    """Forward by one operator, everything else by relatives of another."""

    def __init__(self, forward, other):
        self.forward, self.other = forward, other
        self.dims, self.dimsd, self.dtype = other.dims, other.dimsd, other.dtype
        self.H, self.T, self.engine = other.H, other.T, other.engine

    def __matmul__(self, x):
        return self.forward @ x

    def conj(self):
        """Nothing wrong here."""
        return self.other.conj()


class ForgetsToConjugate(Mismatched):
    """The adjoint of one who tested with real kernels only."""

    def __init__(self, op):
        super().__init__(op, op)
        self.H = op.T


class ConjugatesTheTranspose(Mismatched):
    """The transpose of one who took it for the adjoint."""

    def __init__(self, op):
        super().__init__(op, op)
        self.T = op.H


def tools(kind):
    """A case with a complex asymmetric kernel, and random numbers."""
    rng = np.random.default_rng(1)
    case = CASES[kind]
    return case, noise(rng, case.kernel_shape, "complex128"), rng


@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.parametrize("kind", CASES)
def test_the_definition_sees(kind, mutant):
    case, kernel, rng = tools(kind)
    dense = case.dense(kernel)
    checks.check_directions(case.op(kernel), dense, rng, "complex128")
    with pytest.raises(AssertionError):
        checks.check_directions(MUTANTS[mutant](case, kernel), dense, rng, "complex128")


@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.parametrize("kind", CASES)
def test_the_matrix_sees(kind, mutant):
    case, kernel, _ = tools(kind)
    dense = case.dense(kernel)
    checks.check_matrix(case.op(kernel).tosparse(), dense)
    with pytest.raises(AssertionError):
        checks.check_matrix(MUTANTS[mutant](case, kernel).tosparse(), dense)


@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.parametrize("kind", CASES)
def test_the_inner_products_see(kind, mutant):
    case, kernel, rng = tools(kind)
    op = case.op(kernel)
    checks.check_inner_products(op, kernel, rng)
    wrong = Mismatched(op, MUTANTS[mutant](case, kernel))
    with pytest.raises(AssertionError):
        checks.check_inner_products(wrong, kernel, rng)


@pytest.mark.parametrize("break_it", [ForgetsToConjugate, ConjugatesTheTranspose])
@pytest.mark.parametrize("kind", CASES)
def test_the_inner_products_see_each_conjugate(kind, break_it):
    case, kernel, rng = tools(kind)
    wrong = break_it(case.op(kernel))
    with pytest.raises(AssertionError):
        checks.check_inner_products(wrong, kernel, rng)
    dense = case.dense(kernel)
    with pytest.raises(AssertionError):
        checks.check_directions(wrong, dense, rng, "complex128")


@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.parametrize("kind", CASES)
def test_whole_numbers_see(kind, mutant):
    case, _, rng = tools(kind)
    case = case.with_options(engine="taps")
    kernel = integers(rng, case.kernel_shape, "complex64")
    op, dense = case.op(kernel), case.dense(kernel)
    x, y = (integers(rng, shape, "complex64") for shape in (op.dims, op.dimsd))
    checks.check_exact(op, dense, x, y)
    with pytest.raises(AssertionError):
        checks.check_exact(MUTANTS[mutant](case, kernel), dense, x, y)


@pytest.mark.parametrize("kind", CASES)
def test_whole_numbers_see_a_single_rounding(kind):
    case, _, rng = tools(kind)
    case = case.with_options(engine="taps")
    kernel = integers(rng, case.kernel_shape)
    op, dense = case.op(kernel), case.dense(kernel)
    x, y = (integers(rng, shape) for shape in (op.dims, op.dimsd))
    with pytest.raises(AssertionError):
        checks.check_exact(op, dense, np.nextafter(x, 9), y)


def stored_zero(matrix):
    """An entry that is there and is nothing."""
    matrix.data[0] = 0


def unsorted(matrix):
    """Two entries of the first row out of order."""
    matrix.indices[:2] = matrix.indices[1::-1]


def duplicate(matrix):
    """The first row holds one column twice."""
    matrix.indices[1] = matrix.indices[0]


@pytest.mark.parametrize("spoil", [stored_zero, unsorted, duplicate])
@pytest.mark.parametrize("kind", CASES)
def test_the_structure_test_sees(kind, spoil):
    case, kernel, _ = tools(kind)
    matrix = case.op(kernel).tosparse()
    checks.check_structure(matrix)
    spoil(matrix)
    with pytest.raises(AssertionError):
        checks.check_structure(matrix)
