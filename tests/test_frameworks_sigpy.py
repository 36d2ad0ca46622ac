"""``convadjoint.frameworks.sigpy``: full convolutions, every s-th sample kept."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import eps_of
from refusals import check_text
from strategies import SEEDS, noise, upto

sigpy = ca.frameworks.sigpy


def direct(data, filt, mode, strides, mixes):
    """SciPy's full convolutions, summed over channels, every s-th sample kept."""
    rank = filt.ndim - 2 * mixes
    if not mixes:
        data, filt = np.expand_dims(data, -rank - 1), filt[None, None]
    keep = tuple(slice(None, None, stride) for stride in strides)
    batch = data.shape[: -rank - 1]
    found = [
        [
            sum(
                scipy.signal.convolve(signal[i], kernel[i], mode, "direct")[keep]
                for i in range(len(kernel))
            )
            for kernel in filt
        ]
        for signal in data.reshape(-1, *data.shape[-rank - 1 :])
    ]
    result = np.array(found)
    result = result if mixes else result[:, 0]
    return result.reshape(*batch, *result.shape[1:])


@given(
    data=st.data(),
    mode=st.sampled_from(("full", "valid")),
    mixes=st.booleans(),
    dtype=st.sampled_from(("float64", "complex128")),
    seed=SEEDS,
)
def test_data_and_filter_meet_as_in_the_definition(data, mode, mixes, dtype, seed):
    rank = data.draw(upto(3))
    k = [data.draw(upto(3)) for _ in range(rank)]
    n = [one + data.draw(upto(4, 0)) for one in k]
    strides = [data.draw(upto(3)) for _ in range(rank)]
    batch = [data.draw(upto(2)) for _ in range(data.draw(st.integers(0, 2)))]
    c_in, c_out = data.draw(upto(3)), data.draw(upto(3))
    rng = np.random.default_rng(seed)
    x = noise(rng, (*batch, *([c_in] if mixes else []), *n), dtype)
    w = noise(rng, (*([c_out, c_in] if mixes else []), *k), dtype)
    words = {"mode": mode, "strides": strides, "multi_channel": mixes}
    want = direct(x, w, mode, strides, mixes)
    on_data = sigpy.ConvolveData(x.shape, w, **words)
    on_filter = sigpy.ConvolveFilter(w.shape, x, **words)
    scale = 16 * eps_of(dtype) * np.linalg.norm(x) * np.linalg.norm(w)
    y = noise(rng, want.shape, dtype)
    for op, given_ in ((on_data, x), (on_filter, w)):
        assert op.dims == given_.shape
        assert op.dimsd == want.shape
        assert np.all(abs(op @ given_ - want) <= scale)
        gap = abs(np.vdot(y, want) - np.vdot(op.H @ y, given_))
        assert gap <= 16 * scale * np.linalg.norm(y)


ONES = np.ones((2, 2))
REFUSED = {
    "sigpy.ConvolveData: mode 'same' is unknown: allowed are full, valid": (
        lambda: sigpy.ConvolveData((4,), [1.0], "same")
    ),
    "sigpy.ConvolveData: the kernel spans 2 samples on spatial axis 0, but only 0 + 1 + "
    "0 are there: pad more or shrink it": (
        lambda: sigpy.ConvolveData((1, 4), ONES, "valid")
    ),
    "sigpy.ConvolveData: the filter (2, 2) needs 2 convolved axes, the data have (4,)": (
        lambda: sigpy.ConvolveData((4,), ONES)
    ),
    "sigpy.ConvolveData: the filter (2, 2) needs 1 convolved axes and one of channels, "
    "the data have (4, 4)": (
        lambda: sigpy.ConvolveData((4, 4), ONES, multi_channel=True)
    ),
    "sigpy.ConvolveData: the input (3, 4) has 3 channels, the kernel (1, 2, 1) in 1 "
    "group(s) takes 2": lambda: sigpy.ConvolveData(
        (3, 4), np.ones((1, 2, 1)), multi_channel=True
    ),
    "sigpy.ConvolveData: strides must be a list of 1 integers, got 2": (
        lambda: sigpy.ConvolveData((4,), [1.0], strides=2)
    ),
    "sigpy.ConvolveFilter: mode 'same' is unknown: allowed are full, valid": (
        lambda: sigpy.ConvolveFilter((1,), np.ones(4), "same")
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)
