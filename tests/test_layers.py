"""Layers as values, chains of them, and which classes are taken for a framework's."""

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from convadjoint.frameworks.layers.layer import biased, chained, reshaped
from convadjoint.frameworks.layers.recognition import is_from, own_class
from strategies import integers

RNG = np.random.default_rng(5)
DIMS = (2, 3, 5, 4)


def layer(dims, channels):
    """A convolution that makes `channels`, on whole numbers, with its bias."""
    kernel = integers(RNG, (channels, dims[1], 2, 2), "float64")
    op = ca.Conv2DOp(dims, kernel, padding=1, stride=2)
    return biased(op, integers(RNG, (channels,), "float64"), axis=1)


def test_a_layer_is_its_operator_and_its_bias():
    one = layer(DIMS, 4)
    x = integers(RNG, DIMS, "float64")
    want = one.op @ x + one.bias
    assert one.bias.shape == (1, 4, 1, 1)
    assert_same(one(x), want)
    assert_same(one(x.ravel()), want.ravel())
    columns = np.stack([x, 2 * x], axis=-1)
    both = np.stack([want, one(2 * x)], axis=-1)
    assert_same(one(columns), both)
    assert_same(one(columns.reshape(-1, 2)), both.reshape(-1, 2))
    assert_same(pickle.loads(pickle.dumps(one))(x), want)


def test_a_layer_without_bias_adds_a_zero():
    op = ca.Conv1DOp(4, np.ones(2, np.float32))
    one = biased(op, None, axis=0)
    assert (one.bias.shape, one.bias.dtype) == ((), np.float32)
    assert_same(one(np.ones(4, np.float32)), np.full(3, 2, np.float32))


def test_a_layer_shows_the_shape_of_its_bias():
    op = ca.Conv2DOp(DIMS, np.ones((4, 3, 2, 2)))
    one = biased(op, np.ones(4, np.float32), axis=1)
    assert repr(one) == f"<Layer {op!r}, bias (1, 4, 1, 1) of float32>"


def test_a_layer_cannot_be_changed():
    given = np.ones(4)
    one = biased(ca.Conv2DOp(DIMS, np.ones((4, 3, 2, 2))), given, axis=1)
    given[:] = 7
    assert_same(one.bias.ravel(), np.ones(4))
    with pytest.raises(ValueError, match="read-only"):
        one.bias[:] = 0
    with pytest.raises(FrozenInstanceError):
        one.bias = given


def test_a_chain_is_a_product_and_pushes_its_bias_on():
    first = layer(DIMS, 4)
    bare = biased(ca.Conv2DOp(first.op.dimsd, np.ones((2, 4, 1, 2))), None, axis=1)
    flat = reshaped(bare.op.dimsd, (int(np.prod(bare.op.dimsd)),))
    last, second = layer((1, 2, 5, 4), 3), layer(first.op.dimsd, 2)
    chains = [first], [first, bare], [first, second], [first, bare, flat], [bare, flat]
    for layers in chains:
        one = chained(layers)
        x = integers(RNG, layers[0].op.dims, "float64")
        want = x
        for part in layers:
            want = part(want)
        assert_same(one(x), want)
        matrix = one.op.tosparse().toarray()
        affine = (matrix @ x.ravel()).reshape(one.op.dimsd) + one.bias
        assert_same(affine, want)
    with pytest.raises(ca.GeometryError, match="as many samples as are written"):
        chained([first, last])


def test_a_bias_that_cancels_takes_the_shape_of_what_follows():
    op = ca.Conv2DOp(DIMS, np.ones((2, 3, 1, 1)))
    opposite = biased(op, np.array([1.0, -1.0]), axis=1)
    mean = biased(ca.Conv2DOp(op.dimsd, np.ones((1, 2, 1, 1))), None, axis=1)
    one = chained([opposite, mean, reshaped(mean.op.dimsd, (40,))])
    assert_same(one(np.zeros(DIMS)), np.zeros(40))


def made(name, home, *bases, **words):
    """A class that says it comes from the module `home`."""
    return type(name, bases, words | {"__module__": home})


MODULE = made("Module", "torch.nn.modules.module", object)
CONV = made("Conv2d", "torch.nn.modules.conv", MODULE, forward=len, weight=None)


def known(value):
    return own_class(value, "torch", ("Conv2d",), transparent="torch.parametrized")


def test_classes_are_known_by_name_and_home():
    assert known(CONV()) == "Conv2d"
    assert known(MODULE()) is None
    assert known(made("Conv2d", "mine", object)()) is None
    assert is_from(CONV(), "torch", "Module")
    assert not is_from(CONV(), "keras", "Module")


def test_a_class_that_adds_something_harmless_is_what_it_derives_from():
    words = {"extra_repr": repr, "__init__": lambda self: None, "mine": 1}
    assert known(made("Mine", "mine", CONV, **words)()) == "Conv2d"
    assert known(made("P", "torch.parametrized", CONV, weight=3)()) == "Conv2d"


def test_a_class_that_computes_something_else_is_refused():
    derived = made("Mine", "mine", CONV, forward=max)
    with pytest.raises(ca.SemanticsError, match=r"mine.Mine.*overrides forward of Con"):
        known(derived())
    mixed = made("Mixed", "mine", made("Mixin", "mine", object, weight=1), CONV)
    with pytest.raises(ca.SemanticsError, match="overrides weight of Conv2d"):
        known(mixed())
    with pytest.raises(ca.SemanticsError, match="overrides __call__ of Conv2d"):
        known(made("Mine", "mine", CONV, __call__=max)())
    patched = CONV()
    patched.forward = max
    with pytest.raises(ca.SemanticsError, match="overrides forward of Conv2d"):
        known(patched)


@pytest.mark.parametrize("convert", [ca.from_torch, ca.from_keras])
def test_files_of_objects_are_not_opened(convert, tmp_path):
    file = tmp_path / "model"
    file.write_bytes(b"anything")
    for given in (file, str(file), b"anything"):
        with pytest.raises(
            TypeError, match=r"not a file, because files of .* run code"
        ):
            convert(given, (1, 2, 3))
    with pytest.raises(TypeError, match=r"takes a .*, got builtins.int"):
        convert(3, (1, 2, 3))
