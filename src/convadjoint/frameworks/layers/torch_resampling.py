"""Modules of torch that have no weights."""

from collections.abc import Callable
from math import floor, prod
from typing import Any

import numpy.typing as npt

from convadjoint import resample
from convadjoint.frameworks import torch as words
from convadjoint.frameworks.layers.layer import ONES, Layer, biased, reshaped
from convadjoint.frameworks.layers.recognition import refuse

__all__ = ["RESAMPLERS", "Converter"]

Shape = tuple[int, ...]
# From the name of a class, a module, its input and a dtype for averages.
Converter = Callable[[str, Any, Shape, npt.DTypeLike], Layer]

_UPSAMPLING = {
    "nearest": ("nearest", (1, 2, 3)),
    "nearest-exact": ("nearest-exact", (1, 2, 3)),
    "linear": ("linear", (1,)),
    "bilinear": ("linear", (2,)),
    "trilinear": ("linear", (3,)),
}
# What a padding repeats, and how much shorter than the signal it must be.
_PADDINGS = {
    "ZeroPad": ("zeros", None),
    "ReflectionPad": ("reflect", 1),
    "ReplicationPad": ("replicate", None),
    "CircularPad": ("circular", 0),
}
_RANKS = ("1d", "2d", "3d")


def _pooled(name: str, module: Any, input_shape: Shape, dtype: npt.DTypeLike) -> Layer:
    divisor = (
        {} if name == "AvgPool1d" else {"divisor_override": module.divisor_override}
    )
    op = getattr(words, name)(
        input_shape,
        module.kernel_size,
        stride=module.stride,
        padding=module.padding,
        ceil_mode=module.ceil_mode,
        count_include_pad=module.count_include_pad,
        **divisor,
        dtype=dtype,
    )
    return _bare(op)


def _unfolded(
    _name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = words.Unfold(
        input_shape,
        module.kernel_size,
        dilation=module.dilation,
        padding=module.padding,
        stride=module.stride,
        dtype=ONES,
    )
    return _bare(op)


def _folded(
    _name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = words.Fold(
        input_shape,
        module.output_size,
        module.kernel_size,
        dilation=module.dilation,
        padding=module.padding,
        stride=module.stride,
        dtype=ONES,
    )
    return _bare(op)


def _upsampled(
    _name: str, module: Any, input_shape: Shape, dtype: npt.DTypeLike
) -> Layer:
    if module.mode not in _UPSAMPLING:
        allowed = ", ".join(_UPSAMPLING)
        refuse(module, f"mode {module.mode!r} is not known: choose one of {allowed}")
    mode, ranks = _UPSAMPLING[module.mode]
    if len(input_shape) - 2 not in ranks:
        refuse(module, f"mode {module.mode!r} does not interpolate {input_shape}")
    size, scale = module.size, module.scale_factor
    if scale is not None and module.recompute_scale_factor:
        factors = scale if isinstance(scale, tuple) else (scale,) * len(input_shape[2:])
        pairs = zip(input_shape[2:], factors, strict=True)
        size, scale = tuple(floor(n * factor) for n, factor in pairs), None
    if module.mode == "nearest" and scale is not None:
        _check_scale(module, input_shape, scale)
    op = resample.upsample(
        input_shape,
        size,
        scale=scale,
        mode=mode,
        align_corners=bool(module.align_corners),
        axes=tuple(range(2, len(input_shape))),
        dtype=dtype if mode == "linear" else ONES,
    )
    return _bare(op)


def _check_scale(module: Any, input_shape: Shape, scale: Any) -> None:
    """PyTorch's kernels for one, two and three axes differ at these scales."""
    factors = scale if isinstance(scale, tuple) else (scale,) * len(input_shape[2:])
    for n, factor in zip(input_shape[2:], factors, strict=True):
        if factor != floor(factor) and floor(n * factor) in (n, 2 * n):
            refuse(
                module,
                f"scale {factor} of {n} samples gives {floor(n * factor)}, which PyTorch "
                f"computes in ways that depend on the number of axes: give size instead",
            )


def _padded(name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike) -> Layer:
    mode, shorter = _PADDINGS[name[:-2]]
    # The last axis comes first.
    ends = module.padding
    pairs = [tuple(ends[i : i + 2]) for i in range(len(ends) - 2, -1, -2)]
    axes = tuple(range(-len(pairs), 0))
    if len(input_shape) - len(pairs) not in (1, 2):
        refuse(
            module,
            f"it takes (batch, channels, *space) or (channels, *space), got {input_shape}",
        )
    for axis, pair in zip(axes, pairs, strict=True):
        if mode == "circular" and min(pair) < 0 < max(pair):
            refuse(
                module,
                f"padding {pair} on axis {axis} crops one side and wraps the other: "
                f"PyTorch wraps what is cropped already; crop with a layer of its own",
            )
        most = input_shape[axis] - (shorter or 0)
        if shorter is not None and max(pair) > most:
            refuse(
                module,
                f"padding {pair} on axis {axis} of {input_shape} is above {most}",
            )
    return _bare(resample.pad(input_shape, pairs, mode=mode, axes=axes, dtype=ONES))


def _shuffled(
    _name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = resample.pixel_shuffle(input_shape, module.upscale_factor, dtype=ONES)
    return _bare(op)


def _unshuffled(
    _name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = resample.pixel_unshuffle(input_shape, module.downscale_factor, dtype=ONES)
    return _bare(op)


def _flattened(
    _name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    rank = len(input_shape)
    first, last = (
        axis + rank if axis < 0 else axis for axis in (module.start_dim, module.end_dim)
    )
    if not 0 <= first <= last < rank:
        refuse(module, f"{input_shape} has no axes {first} to {last}")
    merged = prod(input_shape[first : last + 1])
    return reshaped(
        input_shape, (*input_shape[:first], merged, *input_shape[last + 1 :])
    )


def _unchanged(
    _name: str, _module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    return reshaped(input_shape, input_shape)


def _bare(op: Any) -> Layer:
    """The layer without a bias."""
    return biased(op, None, axis=0)


RESAMPLERS: dict[str, Converter] = {
    **{f"AvgPool{rank}": _pooled for rank in _RANKS},
    **{f"{padding}{rank}": _padded for padding in _PADDINGS for rank in _RANKS},
    "Flatten": _flattened,
    "Fold": _folded,
    "Identity": _unchanged,
    "PixelShuffle": _shuffled,
    "PixelUnshuffle": _unshuffled,
    "Unfold": _unfolded,
    "Upsample": _upsampled,
    "UpsamplingBilinear2d": _upsampled,
    "UpsamplingNearest2d": _upsampled,
}
