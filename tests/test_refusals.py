"""Bad input: an error of the right class that names rule, value and remedy."""

from types import SimpleNamespace

import numpy as np
import pytest

import convadjoint as ca
from convadjoint import EngineRefusal, GeometryError

BLUR = np.ones((2, 2))
MIXING = np.ones((4, 3, 2, 2))

WORDS = {
    "stride 0": ({"stride": 0}, GeometryError, "stride must be at least 1, got 0"),
    "stride -2": ({"stride": -2}, GeometryError, "stride must be at least 1, got -2"),
    "stride 1.5": ({"stride": 1.5}, TypeError, "stride must be an integer, got 1.5"),
    "stride 2.0": ({"stride": 2.0}, TypeError, "integer, got 2.0"),
    "stride text": ({"stride": "2"}, TypeError, "integer, got '2'"),
    "stride None": ({"stride": None}, TypeError, "integer, got None"),
    "strides": ({"stride": (1, 2, 3)}, GeometryError, "3 entries for 2 spatial axes"),
    "stride (1, 0)": ({"stride": (1, 0)}, GeometryError, "stride on spatial axis 1.*0"),
    "dilation 0": (
        {"dilation": 0},
        GeometryError,
        "dilation must be at least 1, got 0",
    ),
    "padding None": ({"padding": None}, TypeError, "padding"),
    "padding 0.5": ({"padding": 0.5}, TypeError, "padding.*0.5"),
    "padding name": (
        {"padding": "SAME"},
        GeometryError,
        "'SAME' is unknown.*same_lower",
    ),
    "paddings": ({"padding": (1, 2, 3)}, GeometryError, "3 entries for 2 spatial axes"),
    "triples": ({"padding": ((1, 2, 3), 0)}, GeometryError, "3 entries"),
    "mode": ({"padding_mode": "wrap"}, GeometryError, "'wrap' is unknown.*circular"),
    "modes": ({"padding_mode": ("zeros",)}, GeometryError, "1 entries for 2 spatial"),
    "mode None": ({"padding_mode": None}, TypeError, "padding_mode.*None"),
    "groups": ({"groups": 2}, GeometryError, "groups 2"),
    "axes": ({"axes": 1}, GeometryError, "axes"),
    "axes twice": ({"axes": (0, 0)}, GeometryError, r"2 different axes.*\(0, 0\)"),
    "axes beyond": ({"axes": (0, 5)}, GeometryError, "axes 5 is out of range"),
    "channel": ({"axes": (0, 1), "channel_axis": 1}, GeometryError, "channel_axis 1"),
    "channel_axis": ({"channel_axis": 7}, GeometryError, "channel_axis 7.*range"),
    "center": ({"center": 1}, GeometryError, "center needs padding='same'"),
    "centers": (
        {"center": (0, 2), "padding": "same"},
        GeometryError,
        "2.*axis 1.*0 to 1",
    ),
    "flip": ({"flip": "yes"}, TypeError, "flip must be True or False, got 'yes'"),
    "no dtype": ({"dtype": "bogus"}, TypeError, "dtype 'bogus' is not supported"),
    "mapping": ({"stride": {2: 1}}, TypeError, r"stride must be an integer.*dict"),
    "dtype": ({"dtype": "int8"}, TypeError, "'int8' is not supported.*complex128"),
    "longdouble": (
        {"dtype": np.longdouble},
        TypeError,
        "not supported: choose float32",
    ),
    "engine": ({"engine": "warp"}, EngineRefusal, "'warp' is unknown.*taps"),
    "precision": (
        {"precision": "half"},
        ValueError,
        "'native' or 'double', got 'half'",
    ),
}


@pytest.mark.parametrize("word", WORDS)
def test_wrong_words_are_refused(word):
    options, error, message = WORDS[word]
    with pytest.raises(error, match=message):
        ca.Conv2DOp((5, 6), BLUR, **options)
    with pytest.raises(error):
        ca.ConvTranspose2DOp((5, 6), BLUR, **options)


KERNELS = {
    "text": ("blur", TypeError, "kernel.*dtype"),
    "None": (None, TypeError, "kernel has dtype object"),
    "object": (np.array([[1, None]]), TypeError, "object"),
    "datetime": (np.array([["2020-01-01"]], "datetime64[D]"), TypeError, "datetime64"),
    "masked": (np.ma.masked_equal([[1.0, 2.0]], 2), TypeError, "masked array: fill it"),
    "longdouble": (np.ones((2, 2), np.longdouble), TypeError, "longdouble|float128"),
    "ragged": ([[1, 2], [3]], TypeError, "kernel is not an array"),
    "empty": (np.ones((2, 0)), GeometryError, r"kernel is empty.*\(2, 0\)"),
    "scalar": (3.0, GeometryError, r"rank 0"),
    "vector": ([1.0, 2.0], GeometryError, r"shape \(2,\) has rank 1"),
    "rank 3": (np.ones((1, 2, 2)), GeometryError, r"rank 3"),
    "gradients": (
        SimpleNamespace(requires_grad=True),
        TypeError,
        r"^kernel is a tensor that requires gr.*: give kernel.detach\(\), or call op\(x, k",
    ),
    "wide": (np.ones((9, 2)), GeometryError, "spans 9 samples on spatial axis 0"),
    "no channels": (np.ones((0, 3, 2, 2)), GeometryError, "empty"),
}


@pytest.mark.parametrize("kind", KERNELS)
def test_wrong_kernels_are_refused(kind):
    kernel, error, message = KERNELS[kind]
    with pytest.raises(error, match=message):
        ca.Conv2DOp((5, 6), kernel)


DIMS = {
    "text": ("56", TypeError, "integer, got '56'"),
    "None": (None, TypeError, "None"),
    "float": ((5.0, 6), TypeError, r"dims\[0\] must be an integer, got 5.0"),
    "array": (
        np.ones((5, 6)),
        TypeError,
        r"^give the shape of the input \(x.shape\), got an array of shape \(5, 6\)$",
    ),
    "negative": ((-5, 6), GeometryError, r"dims\[0\].*got -5"),
    "zero": ((5, 0), GeometryError, "length 0 on spatial axis 1"),
    "short": ((5,), GeometryError, "needs 2 different axes.*dims has 1"),
    "small": ((1, 6), GeometryError, r"spans 2 samples on spatial axis 0.*0 \+ 1 \+ 0"),
}


@pytest.mark.parametrize("kind", DIMS)
def test_wrong_dims_are_refused(kind):
    dims, error, message = DIMS[kind]
    with pytest.raises(error, match=message):
        ca.Conv2DOp(dims, BLUR)


def test_a_crop_that_leaves_too_little_is_refused():
    with pytest.raises(GeometryError, match=r"spans 2 .* only -4 \+ 5 \+ -4 are there"):
        ca.Conv2DOp((5, 6), BLUR, padding=-4)


CHANNELS = {
    "count": ((2, 5, 6), {}, r"2 channels on axis 0.*takes 3"),
    "groups": ((3, 5, 6), {"groups": 3}, "takes 9"),
    "no axis": ((5, 6), {}, "no axis precedes"),
    "not divided": ((9, 5, 6), {"groups": 3}, "groups 3.*4 out"),
}


@pytest.mark.parametrize("kind", CHANNELS)
def test_channels_that_do_not_fit_are_refused(kind):
    dims, options, message = CHANNELS[kind]
    with pytest.raises(GeometryError, match=message):
        ca.Conv2DOp(dims, MIXING, **options)


def test_transposed_channels_are_counted_on_the_other_side():
    with pytest.raises(GeometryError, match=r"3 channels on axis 0.*takes 4"):
        ca.ConvTranspose2DOp((3, 5, 6), MIXING)
    assert ca.ConvTranspose2DOp((4, 5, 6), MIXING).dimsd == (3, 6, 7)


SIZES = {
    "too large": ({"output_size": (12, 11)}, "output_size 12 on spatial.*10 to 11"),
    "too small": (
        {"output_size": (10, 9)},
        "output_size 9 on spatial axis 1.*10 to 11",
    ),
    "one": ({"output_size": (10,)}, "1 entries for 2 spatial axes"),
    "padding": ({"output_padding": 2}, "output_padding 2.*10 to 11"),
    "negative": ({"output_padding": -1}, "output_padding must be at least 0, got -1"),
    "both": ({"output_padding": 1, "output_size": 11}, "twice: give one of them"),
    "named": ({"output_padding": 1, "padding": "same"}, "'same': give output_size"),
}


@pytest.mark.parametrize("kind", SIZES)
def test_output_sizes_out_of_reach_name_those_within(kind):
    options, message = SIZES[kind]
    with pytest.raises(GeometryError, match=message):
        ca.ConvTranspose2DOp((5, 5), BLUR, **{"stride": 2, **options})


def test_a_transposed_convolution_without_samples_is_refused():
    with pytest.raises(GeometryError, match=r"-1.*none"):
        ca.ConvTranspose1DOp(1, [1.0], padding=1)


def test_a_flat_pair_on_one_axis_shows_how_it_is_written():
    with pytest.raises(GeometryError, match=r"written \(\(1, 2\),\)"):
        ca.Conv1DOp(5, [1.0], padding=(1, 2))
    assert ca.Conv1DOp(5, [1.0], padding=((1, 2),)).dimsd == (8,)


def test_a_complex_kernel_is_not_made_real_silently():
    with pytest.raises(TypeError, match=r"complex128.*float64 is real: take"):
        ca.Conv1DOp(5, [1j, 2.0], dtype="float64")
    assert ca.Conv1DOp(5, [1.0, 2.0], dtype="complex64").dtype == "complex64"


DATA = {
    "shape": (
        np.ones((6, 5)),
        GeometryError,
        r"x has shape \(6, 5\).*\(5, 6\), \(30,\)",
    ),
    "size": (np.ones(29), GeometryError, r"\(29,\)"),
    "text": ([["a"] * 6] * 5, TypeError, "x has dtype <U1: allowed are"),
    "object": (np.array([[None] * 6] * 5), TypeError, "x has dtype object"),
    "dates": (np.zeros((5, 6), "datetime64[D]"), TypeError, "datetime64"),
    "masked": (np.ma.ones((5, 6)), TypeError, "x is a masked array"),
    "longdouble": (np.ones((5, 6), np.longdouble), TypeError, "dtype"),
}


@pytest.mark.parametrize("kind", DATA)
def test_wrong_data_are_refused(kind):
    x, error, message = DATA[kind]
    op = ca.Conv2DOp((5, 6), BLUR)
    with pytest.raises(error, match=message):
        op @ x


@pytest.mark.parametrize("method", ["matvec", "rmatvec", "matmat", "rmatmat"])
def test_wrong_lengths_are_refused_by_every_method(method):
    op = ca.Conv2DOp((5, 6), BLUR)
    with pytest.raises(ValueError, match=r"shape|expected"):
        getattr(op, method)(np.ones((7, 2)))


def test_all_errors_are_value_errors():
    for name in ("GeometryError", "EngineRefusal", "SemanticsError"):
        assert issubclass(getattr(ca, name), ValueError)


def test_nd_operators_have_channels_only_if_told():
    kernel = np.ones((2, 2, 3))
    assert ca.ConvNDOp((4, 4, 5), kernel).dimsd == (3, 3, 3)
    assert ca.ConvNDOp((2, 5), kernel, channel_axis=0).dimsd == (2, 3)
    with pytest.raises(GeometryError, match="rank 1"):
        ca.ConvNDOp((2, 5), [1.0], channel_axis=0)
    with pytest.raises(GeometryError, match="needs 3 different axes"):
        ca.ConvNDOp((2, 5), kernel)
