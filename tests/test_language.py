"""The compiled part of Python: the functions themselves, run by Python, are the oracle."""

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

from convadjoint.engines import primitives
from convadjoint.engines.kinds import FLOATS, INDEX
from convadjoint.engines.language import module_of

NUMBERS = st.lists(st.integers(-(2**31), 2**31), min_size=4, max_size=4)
SMALL = st.lists(st.integers(-9, 9), min_size=4, max_size=4)
WORDS = INDEX.as_pointer()
ROOM = 24
THREE, PAIRS = 3, ((1, 2), (3, 4))


@pytest.fixture(scope="module", autouse=True)
def apart(tmp_path_factory):
    """Keep nothing of this where users would find it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kept")
        patch.setenv("CONVADJOINT_CACHE_DIR", str(folder))
        yield


class Compiled:
    """A function of numbers that writes numbers, compiled once."""

    def __init__(self, function, kinds=(WORDS, WORDS), dtype=np.int64):
        self.entry = primitives.Entry(function, f"test-{function.__name__}", kinds)
        self.dtype = dtype

    def __call__(self, *numbers):
        arrays = [np.array(one, self.dtype) for one in numbers]
        found = np.zeros(ROOM, self.dtype)
        pointers = [array.ctypes.data for array in (*arrays, found)]
        kinds = (ctypes.c_void_p,) * len(pointers)
        ctypes.CFUNCTYPE(None, *kinds)(self.entry.address)(*pointers)
        return found.tolist()


def run(function, *numbers):
    """What Python makes of it."""
    found = [0] * ROOM
    function(*numbers, found)
    return found


def arithmetic(x, out):
    """Every operator."""
    a, b, c = x[0], x[1], x[2]
    out[0], out[1], out[2] = a + b, a - b, -a * THREE
    out[3] = a // b if b else 0
    out[4] = a % b if b else 0
    out[5], out[6] = a // 4, a % -8
    out[7], out[8], out[9] = min(a, b, c), max(a, 7, c), ~a
    out[10], out[11], out[12] = a & b, a | c, (a & 15) << THREE
    out[13], out[14] = a >> 2, (a & b) + (not c)
    out[15], out[16] = a < b <= c, a != b
    out[17] = (a > b) + (a >= c) + (a == c)
    out[18] += a
    out[18] -= b
    out[19] |= a


def branches(x, out):
    """Tests, loops, and what leads out of them."""
    pair = one, (two, three) = x[0], (x[1], x[2])
    total = 0
    for i in range(one):
        if i == two:
            continue
        for j in range(i, two, 2):
            total += i * j
        if total > 12:
            break
        i = 100  # noqa: PLW2901 - the loop goes on as if nothing had happened
    while total > 50 or (three != 0 and total > 20):
        total -= 7
    out[0], out[1] = total, pair[0] if pair[:1] == (two,) else pair[1][1]
    out[2] = two and three
    out[3] = one or two or three
    known = one > two and out[2] != 5
    out[4] = known
    left, right = (two, three) if known else PAIRS[1]
    out[5], out[6] = left, right
    if pair[1] != (two, three):
        out[7] = 1
    elif known:
        out[8] = 2
        return
    else:
        pass
    out[9] = 3


def samples(x, out):
    """Numbers that are not whole."""
    total = x[0]
    for i in range(1, 4):
        total += x[i] * 2 if i != 2 else 0
    out[0] = total
    out[1] = -7
    out[2] = x[1] - x[2]


COMPILED = {one: Compiled(one) for one in (arithmetic, branches)}


@given(NUMBERS)
def test_whole_numbers_are_those_of_python(numbers):
    assert COMPILED[arithmetic](numbers) == run(arithmetic, numbers)


@given(SMALL)
def test_small_numbers_are_too(numbers):
    assert COMPILED[arithmetic](numbers) == run(arithmetic, numbers)


@given(SMALL)
def test_ways_are_those_of_python(numbers):
    assert COMPILED[branches](numbers) == run(branches, numbers)


def test_samples_are_those_of_python():
    double = FLOATS[1].as_pointer()
    numbers = [0.1, 2.5, -3.25, 1e9]
    found = Compiled(samples, (double, double), np.float64)(numbers)
    assert found == run(samples, numbers)


@primitives.inlined
def lesser(a, b):
    """A number, from within."""
    if a < b:
        return a
    return b


@primitives.compiled
def both(a, pair):
    """Nested numbers, and a truth value, from elsewhere."""
    if a > 5:
        return (pair[1], a), a == 6
    return (a, lesser(pair[0], a)), pair[0] == 1


@primitives.compiled
def nothing(out):
    """Only what is written."""
    out[5] = 7


def calls(x, out):
    """What has parts, which are emitted for each kind once."""
    for i in range(2):
        (one, two), three = both(x[i], (x[i + 1], x[2]))
        out[2 * i], out[2 * i + 1] = one, two
        out[6 + i] = three
    nothing(out)
    last, _ = both(x[0], (x[1], x[2]))
    out[11] = last[0]
    out[8] = 1 // out[10]
    out[9] = 1 % out[10]


def test_parts_return_what_they_find():
    found = Compiled(calls)([6, 1, 9, 0])
    assert found[:12] == [9, 6, 1, 1, 0, 7, 1, 0, 0, 0, 0, 9]


def test_parts_are_emitted_once():
    text = str(module_of(calls, "calls", (WORDS, WORDS)))
    assert text.count("define internal") == 2
    assert text.count('@"both"(') == 3


def listed(x, out):
    """Not for compilers."""
    out[0] = [x[0]]


def retyped(x, out):
    """A truth value first, a number then."""
    value = x[0] > 1
    value = x[1]
    out[0] = value


def mixed(x, out):
    """One number first, two then."""
    value = x[0]
    value = (value, x[1])
    out[0] = value


def unknown(x, out):
    """A variable that was never given a value."""
    out[0] = later  # noqa: F821
    later = x[0]  # noqa: F841


def foreign(x, out):
    """A function of Python."""
    out[0] = abs(x[0])


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (listed, SyntaxError, "List is not compiled"),
        (retyped, TypeError, "i64 cannot become i1"),
        (mixed, TypeError, "a tuple is taken for a single value"),
        (unknown, NameError, "later has no value yet"),
        (foreign, TypeError, "abs> is not compiled"),
    ],
)
def test_what_is_not_compiled_is_refused(function, error, message):
    with pytest.raises(error, match=message) as caught:
        module_of(function, "x", (WORDS, WORDS))
    assert caught.value.__notes__[0].startswith(f"in {function.__name__}: ")
