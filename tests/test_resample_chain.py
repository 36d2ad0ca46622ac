"""Convolve, max-pool, and come back: a chain in three dimensions.

Max-pooling is not linear; the windows that it looks at are.
"""

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from convadjoint.resample import max_unpool, unfold
from goldens import assert_golden, golden

SPACE = (1, 2, 3)
WHERE = {"padding": "same", "axes": SPACE, "channel_axis": -1}


def pooled(x):
    """Largest samples of blocks of 2 x 2 x 2, "same", and where they are."""
    words = {"stride": 2, "padding": "same", "axes": SPACE, "merged": False}
    cut = unfold(x.shape, (2, 2, 2), dtype=x.dtype, **words)
    spots = np.broadcast_to(
        np.arange(np.prod(x.shape[1:4])).reshape(1, *x.shape[1:4], 1), x.shape
    )
    numbers = unfold(x.shape, (2, 2, 2), **words) @ (spots + 1)
    flat = (*numbers.shape[:2], 8, *numbers.shape[5:])
    numbers = numbers.reshape(flat).astype(int) - 1
    values = np.where(numbers < 0, -np.inf, (cut @ x).reshape(flat))
    best = values.argmax(axis=2)[:, :, None]
    found = (np.take_along_axis(one, best, 2)[:, :, 0] for one in (values, numbers))
    return tuple(np.moveaxis(one, 1, -1) for one in found)


def test_the_chain_of_the_article_is_tensorflows():
    first, second, third = (
        golden(f"seeds_tf_{name}_000")
        for name in ("conv3d", "max_pool3d", "conv_transpose3d")
    )
    x = first.arrays["x"]
    kernel = first.arrays["w"].transpose(4, 3, 0, 1, 2)
    y = ca.Conv3DOp(x.shape, kernel, engine="taps", **WHERE) @ x
    assert_golden(y, first, "y")
    assert_same(y, second.arrays["x"])
    largest, indices = pooled(y)
    assert_golden(largest.astype(y.dtype), second, "y")
    assert_same(largest.astype(y.dtype), third.arrays["x"])
    kernel = third.arrays["w"].transpose(4, 3, 0, 1, 2)
    size = x.shape[1:4]
    words = {"stride": 2, "output_size": size, "engine": "taps"} | WHERE
    up = ca.ConvTranspose3DOp(largest.shape, kernel, **words)
    assert_golden(up @ largest.astype(y.dtype), third, "y")
    back = max_unpool(largest.shape, indices, size, axes=SPACE)
    assert_same(back.T @ y, largest)
    assert_same(back.T @ (back @ largest), largest)


@pytest.mark.slow
def test_the_chain_at_the_size_of_the_article():
    rng = np.random.default_rng(0)
    shape = (10, 2, 7, 7, 512)
    w = rng.integers(-2, 3, (512, 512, 3, 3, 3)).astype("float32")
    x = rng.integers(-2, 3, shape).astype("float32")
    conv = ca.Conv3DOp(shape, w, **WHERE)
    y = conv @ x
    window = x[3, 0:2, 2:5, 4:7]  # what tap 1 to 2, 0 to 2, 0 to 2 reads at 0, 3, 5
    assert_same(y[3, 0, 3, 5], np.einsum("ocijk,ijkc->o", w[:, :, 1:], window))
    largest, _ = pooled(y)
    assert largest.shape == (10, 1, 4, 4, 512)
    words = {"stride": 2, "output_size": shape[1:4]} | WHERE
    up = ca.ConvTranspose3DOp(largest.shape, w, **words)
    z = largest.astype("float32")
    restored = up @ z
    assert restored.shape == shape
    # Place 1, 2, 2 is written by the middle tap alone, from place 0, 1, 1.
    assert_same(restored[3, 1, 2, 2], z[3, 0, 1, 1] @ w[:, :, 1, 1, 1])
