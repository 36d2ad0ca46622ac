"""Images larger than a cache block: all engines agree, in both directions."""

import numpy as np
import pytest

import convadjoint as ca
from checks import FEW, eps_of
from convadjoint import engines
from convadjoint.geometry import Axis, ConvSpec
from strategies import ENGINES, MODES, noise

IMAGES = {
    "one channel": (ca.Conv2DOp, (211, 307), (7, 5), {"padding": "same"}),
    "wide kernel": (ca.Conv2DOp, (90, 101), (31, 33), {"stride": 3}),
    "many channels": (
        ca.Conv2DOp,
        (8, 67, 64),
        (12, 8, 3, 3),
        {"stride": (2, 1), "padding": 1, "padding_mode": "reflect"},
    ),
    "groups": (
        ca.ConvTranspose2DOp,
        (2, 16, 40, 33),
        (16, 4, 4, 4),
        {"stride": 2, "padding": 1, "groups": 2},
    ),
    "a line": (
        ca.Conv1DOp,
        (20_011,),
        (257,),
        {"dilation": 3, "padding": "same", "padding_mode": "circular"},
    ),
    "a volume": (ca.Conv3DOp, (2, 17, 19, 23), (3, 2, 3, 2, 4), {"padding": "full"}),
}


def assert_agree(got, want, kernel, x):
    """Within rounding of ``sum|w|`` (of one output channel, at most) times norms."""
    scale = abs(kernel).sum() * np.linalg.norm(x)
    assert got.shape == want.shape
    assert np.linalg.norm(got - want) <= FEW * eps_of(got.dtype) * scale


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", IMAGES)
def test_engines_agree_on_large_images(name, engine, dtype):
    make, dims, taps, words = IMAGES[name]
    rng = np.random.default_rng(0)
    kernel = noise(rng, taps, dtype)
    op = make(dims, kernel, engine=engine, **words)
    reference = make(dims, kernel, engine="taps", **words)
    x, y = noise(rng, op.dims, dtype), noise(rng, op.dimsd, dtype)
    assert_agree(op @ x, reference @ x, kernel, x)
    assert_agree(op.H @ y, reference.H @ y, kernel, y)


@pytest.mark.parametrize("name", IMAGES)
def test_the_matrix_of_a_large_image(name):
    make, dims, taps, words = IMAGES[name]
    rng = np.random.default_rng(0)
    kernel = noise(rng, taps)
    op = make(dims, kernel, engine="taps", **words)
    C = op.tosparse()
    x, y = noise(rng, op.dims), noise(rng, op.dimsd)
    assert C.nnz == op.nnz
    assert_agree((C @ x.ravel()).reshape(op.dimsd), op @ x, kernel, x)
    assert_agree((C.T @ y.ravel()).reshape(op.dims), op.T @ y, kernel, y)


@pytest.mark.skipif("direct" not in ENGINES, reason="needs llvmlite")
@pytest.mark.parametrize("channels", [(3, 2048), (2048, 3)])
def test_buffers_do_not_grow_with_the_channels_of_the_output(channels):
    axes = (Axis(n=512, q=512, k=3, lo=1),) * 2
    spec = ConvSpec(axes=axes, c_in=channels[0], c_out=channels[1])
    kernel = np.ones(spec.kernel_shape, np.float32)
    made = engines.plan("direct", spec, kernel).inner._program(1)
    assert 4 * (made.inputs + made.products) < 3e7


FAR = {"dilation": 2**40, "padding": 2**40}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("question", ["apply", "nnz", "gram_diagonal", "weights"])
def test_a_border_that_cannot_be_listed_is_refused_before_it_is(mode, question):
    options = {**FAR, "padding_mode": mode}
    ask = {
        "apply": lambda op: op @ np.ones(5),
        "nnz": lambda op: op.nnz,
        "gram_diagonal": lambda op: op.gram_diagonal(),
        "weights": lambda _: ca.ConvWeightOp(np.ones(5), 3, **options) @ np.ones(3),
    }
    op = ca.Conv1DOp(5, np.ones(3), **options)
    with pytest.raises(MemoryError, match=r"a border of \d+ samples needs \d+ bytes"):
        ask[question](op)
