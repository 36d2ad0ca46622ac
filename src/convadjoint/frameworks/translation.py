"""One call in the words of every framework, or the reason why there is none."""

import ast
from dataclasses import dataclass
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from convadjoint import engines
from convadjoint.engines import Array
from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.frameworks.semantics import Semantics
from convadjoint.frameworks.targets import TARGETS, Geometry, Target
from convadjoint.operators import Member
from convadjoint.operators.base import ConvolutionOperator

__all__ = ["Phrase", "Translation", "read", "translate"]

_FRAMEWORKS = (
    *(target.framework for target in TARGETS[False]),
    "scipy",
    "pylops",
    "sigpy",
)
# What people write for some of them.
_ALIASES = {"F": "torch", "tf": "tensorflow", "mx": "mxnet"}
# Taps of a kernel that is given by its shape.
_MOST = 2**24


@dataclass(frozen=True, slots=True)
class Phrase:
    """What one framework says.

    Parameters
    ----------
    function : str
        The function, where the framework keeps it, as in ``torch.nn.functional.conv2d``.
    call : str or None
        The call, to be read in `convadjoint.frameworks`; ``w`` stands for an array in
        the layout `kernel`.  None if there is no such call.
    layout, kernel : str
        Layouts of input and kernel, a letter per axis; whether the kernel has to be
        reversed in space, against that of the call that is translated.
    reason : str
        Why there is no call; else empty.
    """

    function: str
    call: str | None
    layout: str
    kernel: str
    reason: str

    def __str__(self) -> str:
        if self.call is None:
            return f"{self.function}\n    none: {self.reason}"
        layouts = f"input {self.layout}, kernel {self.kernel}"
        return f"{self.call}\n    {self.function}: {layouts}"


@dataclass(frozen=True, slots=True)
class Translation:
    """The phrases of all frameworks; printing it shows them.

    Parameters
    ----------
    phrases : tuple of Phrase
        One per framework of neural networks.
    """

    phrases: tuple[Phrase, ...]

    def __str__(self) -> str:
        head = "in convadjoint.frameworks; the input's shape stands for it, w for the kernel"
        return "\n".join((head, *map(str, self.phrases)))


def translate(call: Member | str) -> Translation:
    """Say a convolution in the words of the frameworks of neural networks.

    Every call that is returned has been made: its operator has the same matrix.

    Parameters
    ----------
    call : operator or str
        An operator, or a call of a function in `convadjoint.frameworks` with shapes in
        the places of input and kernel, such as
        ``"torch.conv2d((1, 3, 8, 8), (4, 3, 3, 3), padding=1)"``.

    Returns
    -------
    Translation
        One phrase per framework.

    Raises
    ------
    SemanticsError
        If the operator has other borders than zeros or strides on both sides, or a
        text is no call.
    TypeError
        If it is neither a convolution nor a text.

    See Also
    --------
    table : The conventions of all functions.

    Examples
    --------
    >>> from convadjoint.frameworks import translate
    >>> words = translate("torch.conv1d((1, 2, 7), (4, 2, 3), stride=2, padding=1)")
    >>> print(words.phrases[4].call)
    onnx.Conv((1, 2, 7), w, strides=[2], pads=[1, 1], dilations=[1], group=1)
    >>> print(words.phrases[2])
    keras.Conv1D((1, 7, 2), w, strides=(2,), padding='same', dilation_rate=(1,), groups=1)
        keras.layers.Conv1D: input NWC, kernel WIO
    """
    op, flip = read(call) if isinstance(call, str) else (call, False)
    if not isinstance(op, ConvolutionOperator):
        msg = f"a convolution or a text is translated, got {op!r}"
        raise TypeError(msg)
    source = _Source.of(op, flip)
    phrases = (source.said(target) for target in TARGETS[source.transposed])
    return Translation(tuple(phrases))


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """What is to be said: an operator, and its geometry."""

    op: ConvolutionOperator
    transposed: bool
    kernel: Array
    geometry: Geometry
    flip: bool

    @classmethod
    def of(cls, op: ConvolutionOperator, flip: bool) -> "_Source":
        """Read an operator; the transposed one is that with a stride of its input."""
        spec = op.spec
        if any(spec.extend) or any(spec.fold):
            msg = "only zeros outside are translated: other borders have few names"
            raise SemanticsError(msg)
        transposed = _turned(op)
        forward = spec.transpose() if transposed else spec
        if any(axis.t > 1 for axis in forward.axes):
            msg = "a stride on both sides of one operator has no name outside of JAX"
            raise SemanticsError(msg)
        geometry = Geometry(
            axes=forward.axes,
            groups=spec.groups,
            batch=spec.batch,
            channels=spec.c_out,
            sizes=spec.dimsd[2:],
        )
        weights = _weights(op)
        if transposed:
            weights = engines.transpose_kernel(weights, spec.groups)
        return cls(op, transposed, weights, geometry, flip)

    def said(self, target: Target) -> Phrase:
        """The phrase of one framework."""
        rank = len(self.geometry.axes)
        module = import_module(f"convadjoint.frameworks.{target.framework}")
        function = target.function(rank)
        name = f"{target.home}.{function}"
        make = getattr(module, function, None)
        if make is None:
            return Phrase(name, None, "", "", f"there is none for {rank} axes")
        semantics: Semantics = make.semantics
        dims = self._dims(channels_last=target.channels_last)
        kernel, letters = self._kernel(semantics, channels_last=target.channels_last)
        for words in target.candidates(self.geometry):
            if self._agrees(make, dims, kernel, words):
                written = ", ".join(
                    f"{word}={value!r}" for word, value in words.items()
                )
                call = f"{target.framework}.{function}({dims}, w, {written})"
                layout = _letters("N*C" if target.channels_last else "NC*", rank)
                return Phrase(name, call, layout, letters, "")
        return Phrase(name, None, "", "", self._reason(semantics))

    def _reason(self, semantics: Semantics) -> str:
        """Why a function has no words for this."""
        pairs = tuple(zip(self.geometry.before, self.geometry.after, strict=True))
        what = "crop" if self.transposed else "padding"
        limits = "; ".join(semantics.limits)
        return f"it takes a {what} of {pairs}.  {semantics.padding}  Limits: {limits}"

    def _dims(self, *, channels_last: bool) -> tuple[int, ...]:
        """Shape of the input in a framework's layout."""
        batch, channels, *space = self.op.spec.dims
        if channels_last:
            return (batch, *space, channels)
        return (batch, channels, *space)

    def _kernel(
        self, semantics: Semantics, *, channels_last: bool
    ) -> tuple[Array, str]:
        """The kernel in a framework's layout, and the layout's letters."""
        rank = len(self.geometry.axes)
        layout = semantics.kernel or ("*IO" if channels_last else "OI*")
        spelled = layout.replace("*", "0123456789"[:rank])
        ours = ("IO" if self.transposed else "OI") + "0123456789"[:rank]
        kernel = self.kernel.transpose([ours.index(letter) for letter in spelled])
        letters = _letters(layout, rank)
        if semantics.flip != self.flip:
            letters += ", reversed in space"
        if semantics.flip:
            kernel = np.flip(kernel, tuple(spelled.index(one) for one in ours[2:]))
        return kernel, letters

    def _agrees(
        self, make: Any, dims: tuple[int, ...], kernel: Array, words: dict[str, Any]
    ) -> bool:
        """Whether these words give the same matrix, up to the layouts."""
        try:
            other = make(dims, kernel, **words)
        except (GeometryError, SemanticsError):
            return False
        same_axes: bool = other.spec == self.op.spec
        return same_axes and np.array_equal(_weights(other), _weights(self.op))


def _turned(op: ConvolutionOperator) -> bool:
    """Whether an operator is a transposed convolution, by its strides or its name."""
    strides = {axis.s for axis in op.spec.axes}, {axis.t for axis in op.spec.axes}
    if strides[0] == {1} == strides[1]:
        return op._direction.transposed
    return strides[0] == {1}


def _weights(op: ConvolutionOperator) -> Array:
    """The kernel that goes with ``op.spec``."""
    return op._convolution.weights(op._direction, op.kernel.dtype)


def _letters(layout: str, rank: int) -> str:
    """A layout for readers."""
    return layout.replace("*", "DHW"[3 - rank :] if rank <= 3 else "*")


def read(text: str) -> tuple[ConvolutionOperator, bool]:
    """Return the operator of a call that is written down, and whether it flips.

    Nothing is evaluated.  The kernel is given by its shape; its taps are then all
    different.

    Raises
    ------
    SemanticsError
        If the text is no call of a function of `convadjoint.frameworks` with literal
        arguments, or the function is no convolution.
    """
    framework, function, args, words = _parsed(text)
    if framework not in _FRAMEWORKS:
        known = ", ".join(_FRAMEWORKS)
        msg = f"framework {framework!r} is unknown: choose one of {known}"
        raise SemanticsError(msg)
    module = import_module(f"convadjoint.frameworks.{framework}")
    make = getattr(module, function, None)
    semantics = getattr(make, "semantics", None)
    if make is None or semantics is None or semantics.kernel is None:
        names = ", ".join(sorted(_convolutions(module)))
        msg = f"{framework} has no convolution {function!r}: choose one of {names}"
        raise SemanticsError(msg)
    if len(args) < 2:
        msg = f"{text!r} needs the shapes of input and kernel first"
        raise SemanticsError(msg)
    op = make(args[0], _numbered(args[1]), *args[2:], **words)
    if not isinstance(op, ConvolutionOperator):
        msg = f"{framework}.{function} is no convolution of an image"
        raise SemanticsError(msg)
    return op, _flipped(op)


def _flipped(op: ConvolutionOperator) -> bool:
    """Whether taps that were numbered are found in reverse."""
    taps = op.kernel.reshape(-1, *op.spec.kernel_shape[2:])[0]
    return bool(taps.flat[0] > taps.flat[-1])


def _convolutions(module: Any) -> list[str]:
    """Functions of a framework that have a kernel."""
    return [
        name
        for name, value in vars(module).items()
        if getattr(getattr(value, "semantics", None), "kernel", None)
    ]


def _numbered(shape: Any) -> Array:
    """A kernel of a shape, whose taps are all different."""
    if not isinstance(shape, (tuple, list)) or not all(
        isinstance(length, int) and length >= 1 for length in shape
    ):
        msg = f"the kernel is given by its shape, lengths of 1 or more, got {shape!r}"
        raise SemanticsError(msg)
    if prod(shape) > _MOST:
        msg = f"a kernel of shape {shape} has more than {_MOST} taps: scale it down"
        raise SemanticsError(msg)
    return np.arange(1.0, 1.0 + prod(shape)).reshape(shape)


def _parsed(text: str) -> tuple[str, str, list[Any], dict[str, Any]]:
    """Framework, function and literal arguments of a call."""
    msg = (
        f"{text!r} is no call: write it as in "
        f"torch.conv2d((1, 3, 8, 8), (4, 3, 3, 3), padding=1), with literal arguments"
    )
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            raise SemanticsError(msg)
        place: ast.expr = node.func.value
        while isinstance(place, ast.Attribute):
            place = place.value
        if not isinstance(place, ast.Name):
            raise SemanticsError(msg)
        args = [ast.literal_eval(value) for value in node.args]
        words = {str(one.arg): ast.literal_eval(one.value) for one in node.keywords}
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise SemanticsError(msg) from None
    return _ALIASES.get(place.id, place.id), node.func.attr, args, words
