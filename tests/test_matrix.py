"""The matrix as an object: index types, formats, memory, questions about it."""

import subprocess
import sys
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given

import convadjoint as ca
from checks import assert_same, check_structure
from convadjoint import engines
from convadjoint.engines import memory
from convadjoint.geometry import Axis, ConvSpec
from convadjoint.geometry import spec as geometry_spec
from strategies import SEEDS, cases, integers, noise


@contextmanager
def traced():
    """Collect the peak of allocated memory, in bytes."""
    peaks = []
    tracemalloc.start()
    try:
        yield peaks
    finally:
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()


def index_types(matrix):
    """Dtypes of both index arrays."""
    return {matrix.indices.dtype.name, matrix.indptr.dtype.name}


def test_indices_have_32_bits_while_they_fit():
    matrix = ca.conv_matrix((9, 9), np.ones((3, 3)))
    assert index_types(matrix) == {"int32"}


LARGEST = {
    "entries": ca.Conv1DOp(7, np.arange(1.0, 6)),
    "rows": ca.ConvTranspose1DOp(6, [1.0], stride=2),
    "columns": ca.Conv1DOp(7, [1.0], stride=2),
}


@pytest.mark.parametrize("what", LARGEST)
def test_indices_have_64_bits_when_32_do_not_suffice(what, monkeypatch):
    op = LARGEST[what]
    before = op.tosparse()
    counts = {"entries": before.nnz, "rows": op.shape[0], "columns": op.shape[1]}
    assert max(counts, key=counts.get) == what
    monkeypatch.setattr(geometry_spec, "INT32_MAX", counts[what])
    assert index_types(op.tosparse()) == {"int32"}
    assert op.spec.nbytes(8) == stored(op.tosparse())
    monkeypatch.setattr(geometry_spec, "INT32_MAX", counts[what] - 1)
    after = op.tosparse()
    assert index_types(after) == {"int64"}
    assert op.spec.nbytes(8) == stored(after)
    assert_same(after.toarray(), before.toarray())


def stored(matrix):
    """Bytes of all arrays of a matrix."""
    return matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes


@given(case=cases(), seed=SEEDS)
def test_64_bit_matrices_are_the_same(case, seed):
    op = case.op(integers(np.random.default_rng(seed), case.kernel_shape))
    small = op.tosparse()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry_spec, "INT32_MAX", -1)
        large = op.tosparse()
    assert index_types(large) == {"int64"}
    check_structure(large)
    assert_same(large.toarray(), small.toarray())


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
def test_any_format_holds_the_same_matrix(form):
    op = ca.Conv1DOp((2, 6), [1.0, 0.0, 3.0], padding=1)
    matrix = op.tosparse(format=form)
    assert matrix.format == form
    assert isinstance(matrix, scipy.sparse.sparray)
    assert_same(matrix.toarray(), op.tosparse().toarray())
    given_ = ca.conv_matrix((2, 6), [1.0, 0.0, 3.0], padding=1, axes=-1, format=form)
    assert given_.format == form


def test_a_matrix_of_nothing():
    zero = ca.conv_matrix(5, np.zeros(3))
    assert (zero.shape, zero.nnz) == ((3, 5), 0)
    aside = ca.conv_matrix(3, [1.0], padding=((5, -3),))
    check_structure(aside)
    assert aside.nnz == 0
    assert_same((ca.Conv1DOp(5, np.zeros(3)) @ np.full(5, np.nan)), np.zeros(3))


def test_taps_that_cancel_are_not_stored():
    matrix = ca.conv_matrix(1, [1.0, -1.0], padding=((1, 0),), padding_mode="replicate")
    assert (matrix.shape, matrix.nnz) == ((1, 1), 0)
    op = ca.Conv1DOp(3, [1.0, 0.0, -1.0], padding=1, padding_mode="reflect")
    check_structure(op.tosparse())
    assert op.nnz == op.tosparse().nnz == 2
    assert op.T.nnz == op.T.tosparse().nnz == 2


def test_channels_and_groups_fill_blocks():
    kernel = np.arange(1.0, 9).reshape(4, 2, 1)
    matrix = ca.conv_matrix((4, 1), kernel, groups=2, channel_axis=0, axes=1).toarray()
    assert_same(matrix[:2, :2], kernel[:2, :, 0])
    assert_same(matrix[2:, 2:], kernel[2:, :, 0])
    assert np.count_nonzero(matrix) == 8


def test_counts_of_large_matrices_need_no_memory():
    op = ca.Conv2DOp((2**15, 2**15), np.ones((7, 7)), padding="same")
    side = 7 * 2**15 - 12
    assert op.nnz == op.spec.nnz == side**2
    assert op.shape == (2**30, 2**30)


def test_a_matrix_that_does_not_fit_is_refused_before_it_is_made():
    op = ca.Conv2DOp((2**20, 2**20), np.ones((7, 7)), padding="same", engine="taps")
    with traced() as peaks, pytest.raises(MemoryError, match=f"{op.spec.nbytes(8)} b"):
        op.tosparse()
    assert max(peaks) < 2**22


def test_the_least_limit_on_memory_counts(monkeypatch):
    op = ca.Conv1DOp(100, [1.0, 2.0])
    needed = stored(op.tosparse())
    monkeypatch.setattr(memory, "available", lambda: needed)
    assert op.tosparse().nnz == 198
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(MemoryError, match="99 x 100 matrix with 198 entries"):
        op.tosparse()


LIMITED = """
import resource
from pathlib import Path
import convadjoint as ca
op = ca.Conv2DOp((2000, 2000), [[1.0, 2.0, 3.0]] * 3)
words = Path("/proc/self/status").read_text().split()
now = int(words[words.index("VmSize:") + 1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (now + 2**28, now + 2**28))
try:
    op.tosparse()
except MemoryError as error:
    assert f"{op.spec.nbytes(8)} bytes" in str(error), error
else:
    raise AssertionError
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_a_limit_on_the_address_space_is_seen():
    subprocess.run([sys.executable, "-c", LIMITED], check=True)


def test_sizes_that_no_array_can_have_are_refused():
    with pytest.raises(ca.GeometryError, match="2\\*\\*63"):
        ca.Conv2DOp((2**32, 2**32), [[1.0]])
    with pytest.raises(ca.GeometryError, match="2\\*\\*63"):
        ca.ConvTranspose1DOp(2**62, [1.0], stride=4)
    assert ca.Conv1DOp(2**62, [1.0, 2.0]).dimsd == (2**62 - 1,)


def test_assembly_peaks_little_above_the_matrix():
    ca.conv_matrix((8, 8), np.ones((7, 7)))  # what this imports is no part of it
    with traced() as peaks:
        matrix = ca.conv_matrix((128, 128), np.ones((7, 7)))
    assert stored(matrix) <= max(peaks) <= 1.3 * stored(matrix)


def test_questions_about_the_matrix_are_answered_exactly():
    rng = np.random.default_rng(0)
    op = ca.Conv1DOp((2, 6), noise(rng, (3,), "complex128"), padding="same")
    dense = op.tosparse().toarray()
    eps = np.finfo(float).eps
    assert_same(op.todense(), dense)
    assert abs(op.trace() - np.trace(dense)) <= 16 * eps * abs(dense).sum()
    assert np.isclose(op.cond(), np.linalg.cond(dense), rtol=1e4 * eps)
    values = np.sort_complex(np.linalg.eigvals(dense))
    assert np.allclose(np.sort_complex(op.eigs()), values, atol=1e8 * eps)


def test_questions_that_need_a_square_matrix():
    with pytest.raises(ca.GeometryError, match=r"square matrix.*\(5, 6\)"):
        ca.Conv1DOp(6, [1.0, 2.0]).trace()


def test_questions_too_large_to_answer_name_what_can():
    op = ca.Conv2DOp((2**10, 2**10), np.ones((3, 3)), padding="same")
    with pytest.raises(NotImplementedError, match="svds"):
        op.cond()
    with pytest.raises(MemoryError, match=r"bytes.*"):
        ca.Conv2DOp((2**12, 2**12), np.ones((3, 3))).todense()


def test_bare_specs_assemble_in_canonical_order():
    spec = ConvSpec(axes=(Axis(n=3, q=2, k=2),), batch=2, c_in=2, c_out=1)
    kernel = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    block = [[1.0, 2, 0, 3, 4, 0], [0, 1, 2, 0, 3, 4]]
    assert_same(engines.assemble(spec, kernel).toarray(), np.kron(np.eye(2), block))
