"""Modules of PyTorch and the operators that are made of them."""

from functools import partial

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same, assert_within

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = [
    pytest.mark.framework("torch"),
    # What PyTorch has deprecated and still loads, and how it pads an even kernel.
    pytest.mark.filterwarnings(r"ignore:`torch\.jit"),
    pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning"),
    pytest.mark.filterwarnings("ignore:.*quantiz:UserWarning"),
]

RNG = np.random.default_rng(3)


def whole(shape):
    """A tensor of small whole numbers, whose sums are exact."""
    return torch.tensor(RNG.integers(-3, 4, tuple(shape)).astype(np.float32))


def settled(module):
    """The module with whole numbers for weights."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(whole(parameter.shape))
    return module


def check(module, shape, *, exact=True):
    """The layer computes what the module does, and its matrix does too."""
    x = whole(shape)
    with torch.no_grad():
        want = module(x).numpy()
    layer = ca.from_torch(module, shape)
    got = layer(x.numpy())
    assert got.shape == layer.op.dimsd == want.shape
    affine = (
        layer.op.tosparse() @ x.numpy().ravel()
        + np.broadcast_to(layer.bias, want.shape).ravel()
    )
    if exact:
        assert_same(got, want)
        assert_same(affine, want.ravel())
    else:
        assert_within(got.astype("f4"), want.astype("f8"), 3.0)
        assert_within(affine.astype("f4"), want.ravel().astype("f8"), 3.0)
    return layer


CONVOLUTIONS = {
    "1d": (nn.Conv1d(3, 4, 3, stride=2, padding=1), (2, 3, 8)),
    "2d": (nn.Conv2d(4, 6, (3, 2), dilation=(1, 2), groups=2), (2, 4, 7, 6)),
    "3d": (nn.Conv3d(2, 3, 2, bias=False), (1, 2, 4, 3, 5)),
    "no batch": (nn.Conv2d(3, 4, 3), (3, 7, 6)),
    "same": (nn.Conv2d(3, 4, (4, 3), padding="same"), (1, 3, 7, 6)),
    "valid": (nn.Conv2d(3, 4, 3, padding="valid"), (1, 3, 7, 6)),
    "reflect": (nn.Conv1d(3, 4, 3, padding=2, padding_mode="reflect"), (1, 3, 7)),
    "replicate": (nn.Conv1d(3, 4, 3, padding=4, padding_mode="replicate"), (1, 3, 3)),
    "circular": (nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), (1, 3, 4, 5)),
    "transposed 1d": (nn.ConvTranspose1d(3, 4, 3, 2, 1, 1), (2, 3, 8)),
    "transposed 2d": (nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2), (2, 4, 5, 3)),
    "transposed 3d": (nn.ConvTranspose3d(2, 3, 2, 2, bias=False), (1, 2, 2, 3, 2)),
    "truncated": (
        nn.ConvTranspose1d(1, 1, 3, 2, dilation=4, output_padding=3),
        (1, 1, 4),
    ),
    "parametrized": (
        nn.utils.parametrize.register_parametrization(
            nn.Conv2d(3, 4, 3), "weight", nn.Identity()
        ),
        (1, 3, 5, 5),
    ),
}


@pytest.mark.parametrize(("module", "shape"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolutions(module, shape):
    check(settled(module), shape)


MOVES = {
    "nearest": (nn.Upsample(scale_factor=2), (1, 2, 4, 3)),
    "nearest by fractions": (nn.Upsample(scale_factor=(2.5, 3)), (1, 2, 4, 4)),
    "nearest to a size": (nn.Upsample((7, 5)), (1, 2, 4, 3)),
    "nearest-exact": (
        nn.Upsample(scale_factor=1.5, mode="nearest-exact"),
        (1, 2, 7, 5),
    ),
    "UpsamplingNearest2d": (nn.UpsamplingNearest2d(scale_factor=2), (1, 2, 4, 5)),
    "zeros": (nn.ZeroPad2d((1, 2, 3, 4)), (1, 2, 7, 5)),
    "crop": (nn.ZeroPad2d((-1, 2, 3, -2)), (1, 2, 7, 5)),
    "reflection": (nn.ReflectionPad2d((1, 2, 3, 4)), (2, 7, 5)),
    "replication": (nn.ReplicationPad3d(2), (1, 2, 3, 4, 5)),
    "circular": (nn.CircularPad1d((2, 1)), (1, 2, 5)),
    "shuffle": (nn.PixelShuffle(2), (1, 8, 3, 4)),
    "unshuffle": (nn.PixelUnshuffle(2), (1, 2, 4, 6)),
    "unfold": (nn.Unfold(3, padding=1, stride=2), (2, 3, 7, 6)),
    "fold": (nn.Fold((5, 6), (2, 3)), (2, 12, 16)),
    "flatten": (nn.Flatten(), (2, 3, 4, 5)),
    "flatten some": (nn.Flatten(1, -2), (2, 3, 4, 5)),
    "identity": (nn.Identity(), (2, 3)),
    "nothing": (nn.Sequential(), (2, 3)),
}


@pytest.mark.parametrize(("module", "shape"), MOVES.values(), ids=MOVES)
def test_modules_that_move_samples_keep_the_dtype(module, shape):
    layer = check(module, shape)
    assert layer(np.ones(shape, np.float32)).dtype == np.float32
    assert layer.bias.shape == ()


MEANS = {
    "pool 1d": (nn.AvgPool1d(3), (2, 3, 9)),
    "pool 2d": (nn.AvgPool2d(3, 2, 1), (2, 3, 8, 9)),
    "counted": (
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        (3, 8, 9),
    ),
    "divisor": (nn.AvgPool3d(2, divisor_override=3), (1, 2, 4, 4, 4)),
    "linear": (nn.Upsample(size=7, mode="linear"), (1, 2, 4)),
    "corners": (nn.Upsample((7, 9), mode="bilinear", align_corners=True), (1, 2, 4, 5)),
    "bilinear": (nn.UpsamplingBilinear2d(scale_factor=2), (1, 2, 4, 5)),
    "trilinear": (nn.Upsample(scale_factor=2, mode="trilinear"), (1, 2, 3, 4, 5)),
    "recomputed": (
        nn.Upsample(scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
        (1, 2, 7, 5),
    ),
}


@pytest.mark.parametrize(("module", "shape"), MEANS.values(), ids=MEANS)
def test_modules_that_average(module, shape):
    check(module, shape, exact=False)


def test_a_sequence_is_one_layer():
    inner = nn.Sequential(nn.ConvTranspose2d(4, 2, 2, 2), nn.ZeroPad2d(1))
    module = nn.Sequential(
        nn.ReflectionPad2d(1), nn.Conv2d(3, 4, 3), nn.Identity(), inner, nn.Flatten()
    )
    layer = check(settled(module), (2, 3, 5, 4))
    assert layer.bias.shape == layer.op.dimsd[1:] or layer.bias.shape == layer.op.dimsd


DTYPES = {
    torch.float16: np.float32,
    torch.bfloat16: np.float32,
    torch.float64: np.float64,
    torch.complex64: np.complex64,
    torch.complex128: np.complex128,
}


def test_modules_without_weights_compute_as_precisely_as_those_with():
    pool, shape = nn.AvgPool2d(2), (1, 3, 8, 8)
    up = nn.Upsample(scale_factor=2, mode="bilinear")
    for kind, dtype in (
        (torch.float32, np.float32),
        (torch.complex64, np.complex64),
        (torch.bfloat16, np.float32),
        (torch.float64, np.float64),
    ):
        conv = nn.Conv2d(3, 4, 3, dtype=kind)
        for chain in ((conv, pool, up), (nn.Sequential(pool), conv)):
            layer = ca.from_torch(nn.Sequential(*chain), shape)
            assert layer.op.dtype == layer.bias.dtype == dtype
            assert layer(np.ones(shape, np.float32)).dtype == dtype
    for alone in (pool, nn.Sequential(pool, up)):
        assert ca.from_torch(alone, shape).op.dtype == np.float64


@pytest.mark.parametrize(("kind", "dtype"), DTYPES.items(), ids=str)
def test_dtypes(kind, dtype):
    module = settled(nn.Conv2d(3, 4, 3, dtype=kind))
    if kind.is_complex:
        module.weight.data.imag = whole(module.weight.shape)
    layer = ca.from_torch(module, (1, 3, 5, 5))
    assert layer.op.dtype == layer.bias.dtype == dtype
    assert_same(layer.op.kernel, module.weight.detach().to(torch.complex128).numpy())


def test_weights_are_copied():
    module = settled(nn.Conv2d(3, 4, 3))
    layer = ca.from_torch(module, (1, 3, 5, 5))
    before = layer.op.kernel.copy(), layer.bias.copy()
    with torch.no_grad():
        module.weight.zero_()
        module.bias.zero_()
    assert_same(layer.op.kernel, before[0])
    assert_same(layer.bias, before[1])


def test_reading_parametrized_weights_changes_nothing():
    norm = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
    assert norm.training
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    layer = ca.from_torch(norm, (1, 3, 5, 5))
    assert norm.training
    for name, value in norm.state_dict().items():
        assert torch.equal(value, before[name])
    assert_same(layer.op.kernel, norm.eval().weight.detach().numpy())


class Same(nn.Conv2d):
    """What users derive in order to add a default."""

    def __init__(self):
        super().__init__(3, 4, 3)
        self.remark = "mine"

    def extra_repr(self):
        return self.remark


class Other(Same):
    """What computes something else."""

    def forward(self, x):
        return super().forward(x).relu()


def hooked():
    module = nn.Conv2d(3, 4, 3)
    module.register_forward_hook(lambda *_: None)
    return module


def patched():
    module = nn.Conv2d(3, 4, 3)
    module.forward = torch.relu
    return module


REFUSED = {
    "relu": (
        nn.ReLU,
        "ReLU cannot be converted: it is not known here: known are AvgPool1d",
    ),
    "inner relu": (lambda: nn.Sequential(nn.ReLU()), "ReLU cannot be converted"),
    "derived": (Other, "Other cannot be converted: it overrides forward of Conv2d"),
    "patched": (patched, "overrides forward of Conv2d"),
    "hooks": (hooked, "forward hooks may change what it computes"),
    "lazy": (partial(nn.LazyConv2d, 4, 3), "no weights yet: call it once"),
    "meta": (partial(nn.Conv2d, 3, 4, 3, device="meta"), "float32.*on meta"),
    "float8": (
        lambda: nn.Conv2d(3, 4, 3).to(torch.float8_e4m3fn),
        "weights are float8_e4m3fn",
    ),
    "compiled": (lambda: torch.compile(nn.Conv2d(3, 4, 3)), "OptimizedModule"),
    "quantized": (
        lambda: torch.ao.nn.quantized.Conv2d(3, 4, 3),
        "it is quantized: its weights are no tensor",
    ),
    "bicubic": (
        lambda: nn.Upsample(scale_factor=2, mode="bicubic"),
        "mode 'bicubic' is not known: choose one of nearest, nearest-exact, linear, bi",
    ),
    "reflection": (lambda: nn.ReflectionPad2d(5), r"\(5, 5\) on axis -2.*above 4"),
    "channels": (lambda: nn.Conv2d(2, 4, 3), "torch.Conv2d: .*3 channels.*takes 2"),
    "axes": (lambda: nn.Flatten(5), r"\(1, 3, 5, 5\) has no axes 5 to 3"),
}


def test_a_derived_class_may_add_what_is_harmless():
    check(settled(Same()), (1, 3, 5, 5))


@pytest.mark.parametrize(("make", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(make, match):
    with pytest.raises(ca.SemanticsError, match=match):
        ca.from_torch(make(), (1, 3, 5, 5))


def test_a_shape_is_a_shape():
    with pytest.raises(TypeError, match="given by its shape, got 5"):
        ca.from_torch(nn.Identity(), 5)


@pytest.mark.parametrize(
    ("module", "shape", "match"),
    [
        (
            torch.nn.CircularPad1d((1, -1)),
            (1, 1, 3),
            r"padding \(1, -1\) on axis -1 crops one side and wraps the other",
        ),
        (
            torch.nn.Upsample(scale_factor=1.25),
            (1, 1, 3),
            "scale 1.25 of 3 samples gives 3, which PyTorch .*: give size instead",
        ),
        (
            torch.nn.Upsample(scale_factor=2.25),
            (1, 1, 2, 2),
            "scale 2.25 of 2 samples gives 4, which PyTorch .*: give size instead",
        ),
    ],
)
def test_what_depends_on_the_kernel_that_runs_is_refused(module, shape, match):
    with pytest.raises(ca.SemanticsError, match=match):
        ca.from_torch(module, shape)
