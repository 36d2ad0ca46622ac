r"""
The same layer elsewhere
========================

A convolution has the same integers everywhere: lengths, taps, stride, dilation, and how
much is padded before. What differs is which of them a framework lets you choose, what it
calls them, and how it lays out its arrays. :mod:`convadjoint.frameworks` has a function
for each of theirs, with their argument names and defaults. The first argument is the
shape of the input, the second the kernel, and the result is an operator. No framework
needs to be installed. The tables of this page are computed by these functions, which are
tested against results of the frameworks themselves.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from pictures import Table

import convadjoint as ca
from convadjoint import frameworks as fw

# %%
# The conventions of every function
# ---------------------------------
#
# All linear functions are there. Pooling by maxima is not linear: with its indices,
# `~convadjoint.resample.max_unpool` and its transpose are. ``jax.linear_transpose`` of a
# convolution is ``.T`` of its operator.
#
# Functions of a framework that differ in nothing else than their name and their number of
# axes share a row. In the layouts, N is the batch, C are channels, O and I channels
# written and read by the function, and ``*`` all spatial axes.


def grouped():
    """Conventions, each with the names of all functions that have them."""
    found = {}
    for one in fw.table():
        rest = replace(one, function="", rank=None)
        found.setdefault(rest, []).append(one.function)
    for rest, functions in found.items():
        yield f"{rest.framework}: " + ", ".join(f"`{one}`" for one in functions), rest


Table(
    ("functions", "input", "kernel", "reverses the kernel", "odd sample of padding"),
    [
        (
            names,
            " or ".join(one.layouts),
            one.kernel or "none",
            "yes" if one.flip else "",
            one.odd,
        )
        for names, one in grouped()
    ],
)

# %%
# K is the length that the kernel covers, ``(k - 1) * d + 1`` with dilation d.

Table(
    ("functions", "padding", "output length"),
    [(names, one.padding, one.length) for names, one in grouped()],
)

# %%
# What they refuse, and what else to know:

Table(
    ("functions", "limits"),
    [(names, "; ".join(one.limits)) for names, one in grouped() if one.limits],
)

# %%
# What "same" means
# -----------------
#
# For a convolution it is a length, the input's over the stride, rounded up. Where an even
# number of samples is missing all agree. Where it is odd, someone has to choose; and
# where the stride is more than one, the missing number depends on the length. The table
# shows how many zeros are put before the signal.

cases = [(7, 3, 1), (7, 4, 1), (7, 3, 2), (8, 3, 2), (8, 4, 2), (9, 2, 3)]


def before(make):
    """Zeros before the signal in each case; nothing where the framework refuses."""
    found = []
    for n, k, s in cases:
        try:
            found.append(make(n, np.ones(k), s).spec.axes[0].lo)
        except ValueError:
            found.append("refused")
    return found


def channels_first(kernel):
    return kernel.reshape(1, 1, -1)


def channels_last(kernel):
    return kernel.reshape(-1, 1, 1)


same = {
    '`ca.Conv1DOp(padding="same")`': lambda n, w, s: ca.Conv1DOp(
        n, w, stride=s, padding="same"
    ),
    '`torch.conv1d(padding="same")`': lambda n, w, s: fw.torch.conv1d(
        (1, 1, n), channels_first(w), s, "same"
    ),
    '`tensorflow.conv1d(padding="SAME")`': lambda n, w, s: fw.tensorflow.conv1d(
        (1, n, 1), channels_last(w), s, "SAME"
    ),
    '`jax.conv_general_dilated(padding="SAME")`': lambda n, w, s: (
        fw.jax.conv_general_dilated((1, 1, n), channels_first(w), (s,), "SAME")
    ),
    '`onnx.Conv(auto_pad="SAME_UPPER")`': lambda n, w, s: fw.onnx.Conv(
        (1, 1, n), channels_first(w), auto_pad="SAME_UPPER", strides=[s]
    ),
    '`onnx.Conv(auto_pad="SAME_LOWER")`': lambda n, w, s: fw.onnx.Conv(
        (1, 1, n), channels_first(w), auto_pad="SAME_LOWER", strides=[s]
    ),
}
lows = {name: before(make) for name, make in same.items()}
heads = [f"n={n}, k={k}, s={s}" for n, k, s in cases]
Table(("call", *heads), [(name, *found) for name, found in lows.items()])

# %%
# Which output sizes exist
# ------------------------
#
# A transposed convolution restores one of ``stride`` sizes, and the frameworks have
# different words to say which, or none. For 4 samples, 3 taps and stride 2 without any
# crop, these sizes can be had:


def lengths(make, choices):
    """Output lengths that a framework gives for these choices."""
    found = []
    for choice in choices:
        try:
            found.append(max(make(choice).dimsd))
        except ValueError:
            continue
    return ", ".join(map(str, sorted(set(found))))


taps = np.ones(3)
first, last = channels_first(taps), channels_last(taps)
ways = {
    "`torch.conv_transpose1d`, output_padding": lengths(
        lambda extra: fw.torch.conv_transpose1d((1, 1, 4), first, 2, 0, extra), range(4)
    ),
    "`tensorflow.conv1d_transpose`, VALID, output_shape": lengths(
        lambda size: fw.tensorflow.conv1d_transpose(
            (1, 4, 1), last, [1, size, 1], 2, "VALID"
        ),
        range(1, 20),
    ),
    "`tensorflow.conv1d_transpose`, SAME, output_shape": lengths(
        lambda size: fw.tensorflow.conv1d_transpose(
            (1, 4, 1), last, [1, size, 1], 2, "SAME"
        ),
        range(1, 20),
    ),
    "`keras.Conv1DTranspose`, valid, output_padding": lengths(
        lambda extra: fw.keras.Conv1DTranspose(
            (1, 4, 1), last, strides=2, padding="valid", output_padding=extra
        ),
        (None, 0, 1, 2, 3),
    ),
    "`jax.conv_transpose`, VALID": lengths(
        lambda _: fw.jax.conv_transpose((1, 4, 1), last, (2,), "VALID"), [None]
    ),
    "`onnx.ConvTranspose`, output_padding": lengths(
        lambda extra: fw.onnx.ConvTranspose(
            (1, 1, 4), first, strides=[2], output_padding=[extra]
        ),
        range(4),
    ),
    "`mxnet.Deconvolution`, adj": lengths(
        lambda extra: fw.mxnet.Deconvolution(
            (1, 1, 4), first, kernel=(3,), stride=(2,), adj=(extra,)
        ),
        range(4),
    ),
    "`caffe.Deconvolution`": lengths(
        lambda _: fw.caffe.Deconvolution((1, 1, 4), first, stride=2), [None]
    ),
    "`ca.legal_output_sizes(4, 3, stride=2)`": ", ".join(
        map(str, ca.legal_output_sizes(4, 3, stride=2))
    ),
}
Table(("call", "lengths"), ways.items())

# %%
# Why is my output shifted by one pixel?
# --------------------------------------
#
# Because a model went from one framework to another, and an odd number of samples was
# cropped. Doubling a signal with 3 taps and stride 2 crops one sample: PyTorch's
# ``padding=1, output_padding=1`` crops it at the beginning, TensorFlow's ``"SAME"`` at
# the end. Both results have 8 samples. They are each other's, moved by one.

spike = np.array([0.0, 1, 0, 0])
kernel = np.array([1.0, 3, 2])
results = {
    "torch, padding=1, output_padding=1": fw.torch.conv_transpose1d(
        (1, 1, 4), channels_first(kernel), 2, 1, 1
    ),
    "tensorflow, SAME": fw.tensorflow.conv1d_transpose(
        (1, 4, 1), channels_last(kernel), [1, 8, 1], 2, "SAME"
    ),
    "onnx, SAME_LOWER": fw.onnx.ConvTranspose(
        (1, 1, 4), channels_first(kernel), auto_pad="SAME_LOWER", strides=[2]
    ),
}
written = {name: (op @ spike.reshape(op.dims)).ravel() for name, op in results.items()}
figure, panels = plt.subplots(3, sharex=True, sharey=True, figsize=(6, 4))
for panel, (name, y) in zip(panels, written.items(), strict=True):
    panel.stem(y)
    panel.set_title(name, loc="left", fontsize="medium")
panels[-1].set_xlabel("sample")
figure.tight_layout()
plt.show()

# %%
# No `padding` and `output_padding` of PyTorch's give TensorFlow's crop. Crop by hand
# instead, or say it as TensorFlow does: for our operators a pair of paddings per axis
# will do.

ours = ca.ConvTranspose1DOp(4, kernel, stride=2, padding=((0, 1),))
print(ours @ spike)

# %%
# The same call in every language
# -------------------------------
#
# `~convadjoint.frameworks.translate` finds the words of the frameworks of neural networks,
# and makes sure: every call that it prints has been made, and its operator has the same
# geometry and the same taps. The calls are those of :mod:`convadjoint.frameworks`: the
# shape of the input stands for the input, and w for the kernel. Below each stand the
# framework's own name for the function and the layouts of its arrays. The command
# ``convadjoint translate`` does the same in a terminal.

call = "torch.conv_transpose2d((1, 16, 8, 8), (16, 8, 4, 4), stride=2, padding=1)"
print(fw.translate(call))

# %%
# And for the crop of TensorFlow that PyTorch cannot say:

moved = fw.translate(
    'tensorflow.conv1d_transpose((1, 4, 1), (3, 1, 1), [1, 8, 1], 2, "SAME")'
)
print(moved)

assert np.array_equal(
    written["torch, padding=1, output_padding=1"][:-1], written["tensorflow, SAME"][1:]
)
assert np.array_equal(ours @ spike, written["tensorflow, SAME"])
assert moved.phrases[0].call is None
