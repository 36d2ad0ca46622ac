"""What once went wrong at the edges: scales, shutdowns, aliases, hostile sizes."""

import copy
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import convadjoint as ca
from checks import EXACT
from convadjoint import engines
from convadjoint.engines import calls, direct, frames, guard, pool, squad
from convadjoint.engines.guard import drowns
from convadjoint.engines.separable import factors
from convadjoint.geometry import Axis, ConvSpec
from strategies import ENGINES

RNG = np.random.default_rng(7)


def two_products(scale):
    """A kernel of rank two, whose second product is a hundredth of the first."""
    u = [RNG.random(7) for _ in range(5)]
    first = np.einsum("i,j,k", u[0], u[1], u[2])
    return (scale * (first + 1e-2 * np.einsum("i,j,k", u[0], u[3], u[4]))).astype("f4")


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e7, 1e20])
def test_the_rank_of_a_kernel_does_not_depend_on_its_scale(scale):
    kernel = two_products(scale)
    assert len(list(factors(kernel[None]))) == 2
    op = ca.Conv3DOp((12, 12, 12), kernel, engine="separable")
    x = RNG.standard_normal(op.dims).astype("f4")
    want = op.replace(kernel=kernel.astype("f8"), engine="taps") @ x.astype("f8")
    scale = np.abs(kernel).sum() * np.abs(x).max()
    assert np.abs(op @ x - want).max() <= 16 * np.finfo("f4").eps * scale


@pytest.mark.parametrize("engine", ["auto", "measure", "taps", "sparse"])
def test_an_infinite_tap_meets_no_padding(engine):
    kernel = np.ones((3, 3))
    kernel[0, 0] = np.inf
    op = ca.Conv2DOp((4, 4), kernel, padding=1, engine=engine)
    assert np.array_equal((op @ np.ones((4, 4)))[0], [4, 6, 6, 4])


@pytest.mark.parametrize("engine", ["direct", "gemm", "fft", "separable", "winograd"])
def test_other_engines_refuse_an_infinite_tap(engine):
    with pytest.raises(ca.EngineRefusal, match="a tap is not finite"):
        ca.Conv2DOp((4, 4), np.full((3, 3), np.nan), engine=engine)


@pytest.mark.parametrize(("tap", "sample"), [(1e150, 1e153), (1e306, 1e-200)])
def test_a_transform_does_not_overflow_before_the_result(tap, sample):
    op = ca.Conv2DOp((32, 32), np.full((15, 15), tap), padding="same", engine="fft")
    got = op @ np.full((32, 32), sample)
    assert np.isclose(got.max(), tap * sample * 225, rtol=1e-13)


@pytest.mark.parametrize("kind", [list, np.array, lambda pads: (pad for pad in pads)])
def test_options_are_kept_not_referred_to(kind):
    given = kind([1, 1])
    op = ca.Conv2DOp((5, 5), np.ones((3, 3)), padding=given)
    if not hasattr(given, "send"):
        given[0] = 0
    assert (2 * op).dimsd == op.dimsd == (5, 5)


def test_the_kernel_of_a_copy_is_read_only():
    op = copy.deepcopy(ca.Conv1DOp(5, np.ones(3)).H)
    with pytest.raises(ValueError, match="read-only"):
        op.kernel[:] = 0


@pytest.mark.parametrize("engine", sorted({"direct", "fft"} & {*ENGINES}))
def test_threads_may_be_set_while_others_compute(engine):
    op = ca.Conv2DOp((700, 700), np.ones((7, 7)), engine=engine)
    x, done = RNG.standard_normal(op.dims), []
    want = op @ x

    def compute():
        done.extend(np.array_equal(op @ x, want) for _ in range(100))

    workers = [threading.Thread(target=compute) for _ in range(3)]
    for worker in workers:
        worker.start()
    turn = 0
    while any(worker.is_alive() for worker in workers):
        ca.set_num_threads(2 + turn % 3)
        turn += 1
    ca.set_num_threads(None)
    assert done == [True] * 300


@pytest.mark.parametrize("engine", [*EXACT, "fft", "separable"])
def test_any_number_of_threads_gives_the_same_bits(engine):
    kernel = ca.gaussian_kernel((9, 9), 2.0)
    op = ca.Conv2DOp((3, 400, 500), kernel, stride=(1, 2), engine=engine)
    x = RNG.standard_normal(op.dims)
    found = []
    for threads in (1, 2, 5, None):
        ca.set_num_threads(threads)
        found.append((op @ x, op.H @ (op @ x)))
    for y, back in found[1:]:
        assert np.array_equal(y, found[0][0])
        assert np.array_equal(back, found[0][1])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_auto_does_not_let_a_large_sample_drown_its_neighbours(dtype):
    kernel = RNG.integers(1, 5, (41, 41)).astype(dtype)
    op = ca.Conv2DOp((300, 300), kernel, padding="same")
    assert op.engine == "fft"
    x = np.ones(op.dims, dtype)
    want = op.replace(engine="taps") @ x
    x[150, 150] = 0.5 / np.finfo(dtype).eps ** 1.2
    far = np.ones(op.dims, bool)
    far[130:171, 130:171] = False
    assert np.array_equal((op @ x)[far], want[far])
    named = op.replace(engine="fft") @ x
    assert abs(named - want)[far].max() > 1


@pytest.mark.skipif(not pool._elsewhere(), reason="the system has one CPU, or no say")
def test_helpers_leave_the_callers_cpu_alone_and_its_choice_as_it_was():
    before, seen = os.sched_getaffinity(0), {}
    caller = threading.get_ident()

    def look(_):
        seen[threading.get_ident()] = os.sched_getaffinity(0)
        time.sleep(0.05)

    ca.set_num_threads(2)
    pool.each(look, range(4))
    ca.set_num_threads(None)
    assert os.sched_getaffinity(0) == before == seen.pop(caller)
    (helper,) = seen.values()
    assert len(helper) == len(before) - 1


LATE = """
import threading, time
import numpy as np, convadjoint as ca
op = ca.Conv2DOp((600, 600), np.ones((5, 5)))
x = np.ones((600, 600))
def late():
    time.sleep(0.3)
    print(int((op @ x).max()))
threading.Thread(target=late).start()
"""


def test_a_product_after_the_main_thread_has_ended():
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "25"


def test_thousands_of_taps_are_planned_at_once():
    kernel = RNG.random(10_000)
    op = ca.Conv1DOp(100_000, kernel, padding="same", padding_mode="reflect")
    assert op.engine == "fft"
    x = np.zeros(100_000)
    x[50_000] = 1
    got = op @ x
    assert np.allclose(got[50_000 - 5_000 : 50_000 + 5_000], kernel[::-1], atol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ca.set_num_threads(2000), ca.GeometryError, "at most 1024, got 2000"),
        (
            lambda: ca.Conv1DOp(9, np.ones(3), stride=2**70),
            ca.GeometryError,
            r"stride \d+ is beyond \d+ \(2\*\*61\)",
        ),
        (
            lambda: ca.Conv1DOp(9, np.ones(3), engine=["fft"]),
            TypeError,
            "engine must be a string",
        ),
        (
            lambda: ca.Conv2DOp((5, 5), np.ones((3, 3)), center=1, padding=np.ones(2)),
            ca.GeometryError,
            "center needs padding='same'",
        ),
        (
            lambda: ca.conv_output_size(10, 3, padding=(1, 2)),
            ca.GeometryError,
            r"for one axis is written \(\(1, 2\),\)",
        ),
        (
            lambda: ca.Conv1DOp(5, [1.0, 2.0], dtype="f4") * 1e300,
            OverflowError,
            "leaves the range of float32",
        ),
        (
            lambda: ca.Conv1DOp(
                10, np.ones(3), padding=2**40, padding_mode="replicate"
            ).tosparse(),
            MemoryError,
            "a matrix of 2199023255560 rows",
        ),
    ],
)
def test_edges_are_refused_by_name(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_big_endian_kernels_keep_their_precision():
    assert ca.Conv1DOp(5, np.ones(3, ">f4")).dtype == np.float32
    assert ca.Conv1DOp(5, np.ones(3, ">c8")).dtype == np.complex64
    assert ca.Conv1DOp(5, np.ones(3), dtype=">f4").dtype == np.float32


def test_arrays_without_axes_are_numbers():
    op = ca.Conv1DOp(np.array(5), np.ones(2), stride=np.array(2))
    assert op.dimsd == (2,)


def test_a_narrow_gaussian_sums_to_one():
    assert np.array_equal(ca.gaussian_kernel(4, 0.01), [0, 0.5, 0.5, 0])


def test_the_bytes_of_a_transpose_are_its_own():
    op = ca.ConvTranspose1DOp(4, np.ones(3), stride=5)
    matrix = op.tosparse()
    stored = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    assert f"{stored} bytes" in op.explain()


def test_shaped_data_can_be_divided_by():
    op = ca.Conv2DOp((5, 6), np.ones((2, 2)))
    y = op @ RNG.standard_normal((5, 6))
    x = op / y
    assert x.shape == op.dims
    assert np.allclose(op @ x, y, atol=1e-6)


def test_rounding_left_of_a_sum_is_no_entry():
    options = {"padding": "same", "padding_mode": "replicate"}
    assert ca.conv_matrix(1, [0.1, 0.2, -0.3], **options).nnz == 0


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two CPUs, and a system that says which",
)
def test_helpers_of_compiled_code_leave_the_callers_cpu_alone():
    spec = ConvSpec(axes=(Axis(n=600, q=600, k=5, lo=2),) * 2)
    if direct.refuses(spec, np.ones((1, 1))) is not None:
        pytest.skip("needs llvmlite")
    ca.set_num_threads(2)
    x = np.ones(spec.dims, np.float32)
    plan = engines.plan("direct", spec, np.ones(spec.kernel_shape, np.float32))
    for _ in range(20):
        plan.apply(x)
    ca.set_num_threads(None)
    threads = [helper[frames.THREAD] for helper in squad.SQUAD.helpers]
    assert threads
    assert 0 not in threads
    every = os.sched_getaffinity(0)
    assert len(every - os.sched_getaffinity(threads[0])) == 1


@pytest.mark.parametrize("system", ["linux", "another"])
def test_products_are_the_same_with_and_without_compiled_helpers(system, monkeypatch):
    op = ca.Conv2DOp((700, 600), RNG.standard_normal((5, 5)), padding="same")
    x = RNG.standard_normal(op.dims)
    want = op.replace(engine="taps") @ x
    ca.set_num_threads(2)
    monkeypatch.setattr(calls, "sys", SimpleNamespace(platform=system))
    scale = np.abs(op.kernel).sum() * np.abs(x).max()
    for _ in range(3):
        assert np.abs(op @ x - want).max() <= 16 * np.finfo("f8").eps * scale
    ca.set_num_threads(None)


def test_the_short_way_is_taken_by_what_fits_only():
    op = ca.Conv2DOp((40, 30), RNG.integers(-3, 4, (3, 3)).astype("f4"))
    x = RNG.integers(-9, 9, op.dims).astype("f4")
    want = op @ x
    readable = x.copy()
    readable.flags.writeable = False
    others = (readable, np.asfortranarray(x), x.astype(">f4"), x[::-1].copy()[::-1])
    for other in (x, *others):
        assert (op @ other == want).all()
    assert (op @ x.astype("f8")).dtype == np.float64
    assert (op @ x.ravel()).shape == (want.size,)
    assert (op @ np.stack((x, 2 * x), axis=-1))[..., 1].tolist() == (2 * want).tolist()
    count = op.matvec_count
    assert type(op @ x) is np.ndarray
    assert op.matvec_count == count + 1


def test_operators_that_were_applied_can_be_copied_and_pickled():
    op = ca.Conv2DOp((300, 300), RNG.standard_normal((5, 5)), engine="direct")
    x = RNG.standard_normal(op.dims)
    want = op @ x
    for twin in (copy.copy(op), copy.deepcopy(op), pickle.loads(pickle.dumps(op))):
        assert (twin @ x == want).all()
        assert (twin @ x == want).all()


@pytest.mark.parametrize("dtype", ["f4", "c8"])
@pytest.mark.parametrize("engine", ["auto", "fft"])
def test_a_large_signal_leaves_the_small_ones_of_its_batch_alone(engine, dtype):
    kernel = RNG.random((41, 41)).astype(dtype)
    x = RNG.standard_normal((3, 96, 80)).astype(dtype)
    x[0] *= x.real.dtype.type(1e33)
    x[2] *= x.real.dtype.type(1e-12)
    op = ca.Conv2DOp(x.shape, kernel, axes=(1, 2), padding="same", engine=engine)
    one = ca.Conv2DOp((96, 80), kernel, padding="same", engine=engine)
    y = op @ x
    for alone, found in zip(x, y, strict=True):
        scale = np.abs(kernel).sum() * np.abs(alone).max()
        assert np.abs(found - one @ alone).max() <= 16 * np.finfo("f4").eps * scale


@pytest.mark.parametrize("padding_mode", ["zeros", "circular"])
def test_large_taps_of_one_channel_leave_those_of_others_alone(padding_mode):
    kernel = RNG.standard_normal((4, 1, 41, 37)).astype("f4")
    kernel *= np.array([1e12, 1e-30, 0, 1], "f4").reshape(4, 1, 1, 1)
    words = {"groups": 2, "padding": "same", "padding_mode": padding_mode}
    op = ca.Conv2DOp((1, 2, 64, 48), kernel, engine="fft", **words)
    x = RNG.standard_normal(op.dims).astype("f4")
    want = op.replace(kernel=kernel.astype("f8"), engine="taps") @ x.astype("f8")
    errors = np.abs(op @ x - want).max((0, 2, 3))
    scale = np.abs(kernel).sum((1, 2, 3), dtype="f8") * np.abs(x).max()
    assert (errors <= 16 * np.finfo("f4").eps * scale).all()


def test_data_that_drown_in_one_signal_of_many_are_noticed():
    x = RNG.standard_normal((5, 64, 64))
    x[1:] *= 1e16
    assert not drowns(x)
    x[0, 3, 3] = 1e16
    assert drowns(x)
    assert not drowns(np.zeros((2, 3, 3)))
    assert not drowns(np.zeros((0, 3, 3)))


INTERRUPTED = """
import signal, sys, time
import numpy as np
import convadjoint as ca

ca.set_num_threads(3)
rng = np.random.default_rng(0)
kernel = rng.standard_normal((15, 15)).astype("f4")
dims, engine = (8, 96, 96), sys.argv[1]
op = ca.Conv2DOp(dims, kernel, axes=(1, 2), engine=engine, padding="same")
a, b = rng.standard_normal((2, *dims)).astype("f4")
want, armed, count = op @ b, False, 0

def ring(*_):
    if armed:
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 7e-4, 7.1e-4)
end = time.monotonic() + 2
while time.monotonic() < end:
    try:
        armed = True
        while True:
            op @ a
    except KeyboardInterrupt:
        armed, count = False, count + 1
    assert (op @ b == want).all(), count
signal.setitimer(signal.ITIMER_REAL, 0)
assert count
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
@pytest.mark.parametrize("engine", ["fft", "direct"])
def test_an_interrupted_product_leaves_nothing_behind(engine):
    if direct.refuses(ConvSpec(axes=()), np.ones((1, 1))) is not None:
        pytest.skip("needs llvmlite")
    command = [sys.executable, "-c", INTERRUPTED, engine]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_all_helpers_are_waited_for_whatever_goes_wrong():
    ca.set_num_threads(4)
    main, done = threading.current_thread(), []

    def job(number):
        if threading.current_thread() is main:
            return
        time.sleep(0.2)
        done.append(number)
        raise ArithmeticError(number)

    def first(number):
        time.sleep(0.05)
        if number:
            job(number)

    with pytest.raises(ArithmeticError):
        pool.each(first, range(4))
    count = len(done)
    time.sleep(0.3)
    ca.set_num_threads(None)
    assert count == len(done) > 0


def test_what_was_compiled_of_other_sources_is_not_used(tmp_path):
    if direct.refuses(ConvSpec(axes=()), np.ones((1, 1))) is not None:
        pytest.skip("needs llvmlite")
    package = tmp_path / "convadjoint"
    shutil.copytree(
        Path(ca.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    script = "from convadjoint.engines import comparing\ncomparing.comparer(4).address"
    kept = tmp_path / "kept"
    place = {"PYTHONPATH": str(tmp_path), "CONVADJOINT_CACHE_DIR": str(kept)}

    def files():
        subprocess.run(
            [sys.executable, "-c", script], check=True, env=os.environ | place
        )
        return {path.name for path in kept.iterdir()}

    first = files()
    assert first
    assert files() == first
    with (package / "engines" / "program.py").open("a") as source:
        source.write("# Words have moved.\n")
    assert len(files()) == 2 * len(first)


def test_what_is_not_finite_goes_through_tiles(monkeypatch):
    op = ca.Conv2DOp((40, 40), np.ones((9, 9)), padding="same", engine="fft")
    x = np.random.default_rng(0).standard_normal(op.dims)
    x[3, 4], x[20, 30] = np.nan, -np.inf
    want = op.replace(engine="taps") @ x
    if "direct" in ENGINES:
        monkeypatch.delattr(guard.taps, "plan")
    y = op @ x
    assert np.array_equal(np.isnan(y), np.isnan(want))
    assert np.allclose(y, want, equal_nan=True)
