r"""
Names and conventions
=====================

What a kernel, a centre, a padding and a boundary mean in convadjoint, and what the same
thing is called elsewhere. What is said of NumPy, SciPy and PyLops is checked while this
page is built. What is said of others rests on their documentation and on recorded
results. :download:`A few helpers </explanations/pictures.py>` draw the figures and tables.
"""

from itertools import product

import numpy as np
from pictures import Table
from pylops.signalprocessing import Convolve1D
from scipy import ndimage, signal

import convadjoint as ca

rng = np.random.default_rng(0)

# %%
# Samples, channels, batch
# ------------------------
#
# A kernel of as many axes as are convolved mixes no channels: every other axis is a
# batch. A kernel of two axes more mixes channels; it has the shape
# ``(c_out, c_in / groups, *k)``. Channels sit just before the convolved axes, or at
# `channel_axis`; the convolved axes are the last ones, or `axes`. The printed form of an
# operator says what it makes of its axes.

plain, mixing = np.ones((5, 5)), np.ones((4, 3, 5, 5))

print(ca.Conv2DOp((64, 48), plain))
print(ca.Conv2DOp((10, 64, 48), plain))
print(ca.Conv2DOp((64, 48, 3), plain, channel_axis=-1))
print(ca.Conv2DOp((3, 64, 48), mixing))
print(ca.Conv2DOp((10, 64, 48, 3), mixing, channel_axis=-1))
print(ca.Conv1DOp((500, 20), np.ones(9), axes=0))

# %%
# `~convadjoint.ConvNDOp`, `~convadjoint.ConvTransposeNDOp` and the two matrix functions
# take any number of axes, so they see channels only where `channel_axis` says so.
#
# Vectors are row-major. An operator takes an array of shape `dims`, or the same flat, or
# either with one more axis at the end for several of them at once.

op = ca.Conv2DOp((3, 64, 48), mixing)
for shape in (op.dims, (op.shape[1],), (*op.dims, 7), (op.shape[1], 7)):
    print(shape, "→", (op @ np.ones(shape)).shape)

# %%
# One kernel for both directions
# ------------------------------
#
# The kernel of a transposed convolution is that of the convolution which it transposes.
# One array serves both, and ``ConvTranspose2DOp`` maps its ``c_out`` channels to ``c_in``.

forward = ca.Conv2DOp((3, 32, 32), mixing, stride=2)
backward = ca.ConvTranspose2DOp(forward.dimsd, mixing, stride=2, output_size=(32, 32))

print(forward)
print(backward)
print((backward.tosparse() != forward.tosparse().T).nnz, "entries differ")

# %%
# .. list-table:: Where the frameworks put the axes of a kernel, and how it becomes ours
#    :header-rows: 1
#
#    * -
#      - convolution
#      - transposed convolution
#      - for convadjoint
#    * - PyTorch, ONNX, MXNet, Caffe
#      - ``(c_out, c_in/g, *k)``
#      - ``(c_in, c_out/g, *k)``
#      - ``w``
#    * - TensorFlow, Keras, in two dimensions
#      - ``(*k, c_in, c_out)``
#      - ``(*k, c_out, c_in)``
#      - ``w.transpose(3, 2, 0, 1)``
#
# Here ``c_in`` and ``c_out`` are those of the layer. A transposed layer's ``c_in`` is the
# ``c_out`` of the convolution, so the second column *is* the first, and a kernel needs no
# reversal.
#
# Correlation and convolution
# ---------------------------
#
# Kernels are correlated, as in the frameworks: :math:`y_p = \sum_j w_j\, x_{p+j-l}`.
# Mathematical convolution reverses the kernel. Here ``flip=True`` does, and so does the
# transpose: to transpose a correlation is to convolve.

spike = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
kernel = np.array([1.0, 2.0, 3.0])
same = {"padding": "same"}

results = {
    '`np.correlate(x, w, "same")`': np.correlate(spike, kernel, "same"),
    "`Conv1DOp`": ca.Conv1DOp(5, kernel, **same) @ spike,
    "`ConvTranspose1DOp(flip=True)`": ca.ConvTranspose1DOp(5, kernel, flip=True, **same)
    @ spike,
    '`np.convolve(x, w, "same")`': np.convolve(spike, kernel, "same"),
    "`Conv1DOp(flip=True)`": ca.Conv1DOp(5, kernel, flip=True, **same) @ spike,
    "`ConvTranspose1DOp`": ca.ConvTranspose1DOp(5, kernel, **same) @ spike,
}
Table(("call", *map(int, spike)), [(name, *map(int, y)) for name, y in results.items()])

# %%
# PyTorch, TensorFlow, Keras, JAX, ONNX, MXNet and Caffe correlate. PyLops, SigPy, SCICO
# and ``scipy.signal.convolve`` convolve. The `correlate` functions of NumPy and
# ``scipy.signal`` conjugate the kernel besides; convadjoint leaves that to ``op.H``.
#
# Where the centre is
# -------------------
#
# With ``padding="same"``, `center` is the index of the tap that lands on the sample of
# the result: an index into the kernel as it is given, reversed or not. For even kernels
# there is no middle, and libraries differ. The table finds, for each call, the
# only `center` that gives the same numbers.

x = rng.standard_normal(20)
calls = {
    'np.convolve(x, w, "same")': "(k - 1) // 2",
    'np.correlate(x, w, "same")': "k // 2",
    'signal.convolve(x, w, "same")': "(k - 1) // 2",
    'signal.correlate(x, w, "same")': "k // 2",
    'signal.convolve2d(x[None], w[None], "same")[0]': "(k - 1) // 2",
    'signal.correlate2d(x[None], w[None], "same")[0]': "(k - 1) // 2",
    'ndimage.convolve(x, w, mode="constant")': "k // 2",
    'ndimage.correlate(x, w, mode="constant")': "k // 2",
    'ndimage.convolve(x, w, mode="constant", origin=1)': "k // 2 + 1",
    "Convolve1D(20, w) @ x": "0",
    "Convolve1D(20, w, offset=2) @ x": "2",
    'ca.Conv1DOp(20, w, padding="same") @ x': "(k - 1) // 2",
    'ca.Conv1DOp(20, w, padding="same_lower") @ x': "k // 2",
}
known = {"np": np, "signal": signal, "ndimage": ndimage, "ca": ca, "x": x}
known["Convolve1D"] = Convolve1D


def search(call, k):
    """Return the flip and the center with which Conv1DOp does what `call` does."""
    w = rng.standard_normal(k)
    wanted = eval(call, known, {"w": w})
    (found,) = (
        (flip, center)
        for flip, center in product((False, True), range(k))
        if np.allclose(
            ca.Conv1DOp(20, w, padding="same", flip=flip, center=center) @ x, wanted
        )
    )
    return found


rows = []
for call, rule in calls.items():
    flips, centers = zip(*(search(call, k) for k in (3, 4, 5, 6)), strict=True)
    assert centers == tuple(eval(rule, {"k": k}) for k in (3, 4, 5, 6))
    rows.append((f"`{call}`", *set(flips), *centers, f"`{rule}`"))

Table(("call", "flip", "k = 3", "4", "5", "6", "center"), rows)

# %%
# The `offset` of PyLops is our `center`. Its default, 0, shifts: the result is the
# beginning of the full convolution. PyTorch's and JAX's ``"same"`` is ours.
#
# Padding by name
# ---------------
#
# `padding` is a number of samples on both sides, one per axis, a pair ``(lo, hi)`` per
# axis, or a name. Negative numbers crop. The matrices of the four names, for 5 samples
# and the taps 1, 2, 3, 4:

names = ("valid", "same", "same_lower", "full")
matrices = {name: ca.conv_matrix(5, [1, 2, 3, 4], padding=name) for name in names}

# sphinx_gallery_start_ignore
from pictures import page, squares, write

axes = page(27, 11)
for place, (name, matrix) in enumerate(matrices.items()):
    taps = np.ma.masked_equal(matrix.toarray().astype(int), 0)
    below = f"{matrix.shape[0]} × {matrix.shape[1]}"
    squares(axes, taps, (2 + 6 * place, 2), title=f'"{name}"', below=below)
# sphinx_gallery_end_ignore

# %%
# With a stride :math:`s`, both kinds of "same" give :math:`\lceil n/s \rceil` samples, so
# the padding depends on the length. An odd sample goes to the end, or with
# ``"same_lower"`` to the beginning.
#
# .. list-table:: The names elsewhere
#    :header-rows: 1
#
#    * - convadjoint
#      - TensorFlow, Keras, JAX
#      - PyTorch
#      - ONNX
#      - NumPy, SciPy
#    * - ``"valid"``
#      - ``"VALID"``
#      - ``"valid"``
#      - ``"VALID"``
#      - ``"valid"``
#    * - ``"same"``
#      - ``"SAME"``
#      - ``"same"``, without stride
#      - ``"SAME_UPPER"``
#      - ``"same"``, see above
#    * - ``"same_lower"``
#      - JAX ``"SAME_LOWER"``
#      -
#      - ``"SAME_LOWER"``
#      -
#    * - ``"full"``
#      -
#      -
#      -
#      - ``"full"``
#
# Boundaries
# ----------
#
# `padding_mode` says what stands in the padding. The boundary is part of the matrix: the
# signal is extended, then convolved, and the transpose folds what lies in the border back
# to where it was taken from, and adds it up. A kernel with the single tap 1 shows the
# extension itself, :math:`E`. Its transpose, applied to ones, counts how often each
# sample is used.

modes = ("zeros", "reflect", "symmetric", "replicate", "circular")
extensions = {
    mode: ca.Conv1DOp(5, [1.0], padding=7, padding_mode=mode) for mode in modes
}

# sphinx_gallery_start_ignore
axes = page(31, 11)
write(axes, "$Ex$, the signal a b c d e extended", (13.9, 0.9))
write(axes, "$E^T$ of ones", (27.5, 0.9))
for place, (mode, extension) in enumerate(extensions.items()):
    top = 1.6 + 1.8 * place
    samples = np.rint(extension @ np.arange(1, 6)).astype(int)
    letters = np.ma.array([" abcde"[sample] for sample in samples], mask=samples == 0)
    shades = (samples - 1) / 5
    for part, left in ((slice(7), 4), (slice(7, 12), 11.4), (slice(12, 19), 16.8)):
        squares(axes, letters[part], (left, top), shades=shades[part])
    counts = np.rint(extension.T @ np.ones(19)).astype(int)
    squares(axes, counts, (25, top), shades=counts / 10)
    axes.text(3.6, top + 0.5, mode, ha="right", va="center")
# sphinx_gallery_end_ignore

# %%
# The same five, or some of them, exist everywhere, under other names.

heads = "convadjoint  np.pad  ndimage  convolve2d  PyTorch  TensorFlow  OpenCV  ODL"
names = """
    zeros     constant   constant  fill  zeros      CONSTANT   CONSTANT     constant
    reflect   reflect    mirror    –     reflect    REFLECT    REFLECT_101  symmetric
    symmetric symmetric  reflect   symm  –          SYMMETRIC  REFLECT      –
    replicate edge       nearest   –     replicate  –          REPLICATE    order0
    circular  wrap       wrap      wrap  circular   –          WRAP         periodic
"""
rows = [line.split() for line in names.strip().splitlines()]

x, w = rng.standard_normal((2, 5))
for mode, pad, edge, boundary, *_ in rows:
    same = ca.Conv1DOp(5, w, padding="same", padding_mode=mode) @ x
    assert np.allclose(extensions[mode] @ x, np.pad(x, 7, mode=pad))
    assert np.allclose(same, ndimage.correlate(x, w, mode=edge))
    if boundary != "–":
        found = signal.correlate2d(x[None], w[None], "same", boundary=boundary)
        assert np.allclose(same, found[0])

Table(heads.split(), rows)

# %%
# Two names are traps: ndimage's ``reflect`` is our ``symmetric``, and ODL's ``symmetric``
# is our ``reflect``. NumPy repeats the pattern however long the padding is, and so does
# convadjoint; PyTorch needs more samples than padding for ``reflect``.
#
# Transpose, adjoint, conjugate
# -----------------------------
#
# The **transpose** ``op.T`` is what the frameworks call transposed convolution. It leaves
# the weights as they are. The **adjoint** ``op.H`` conjugates them. ``op.conj()``
# conjugates and does not turn. All three, and ``a * op``, ``-op`` and ``op / a``, are
# operators of this library again, so they keep their speed, their matrix and their
# printed form.

op = ca.Conv2DOp((8, 8), rng.standard_normal((3, 3)) * 1j, stride=2, padding=1)
print(op.T)
print(op.H)
print(op.conj())
print(2 * op)

# sphinx_gallery_start_ignore
C = op.tosparse().toarray()
assert np.array_equal(op.T.tosparse().toarray(), C.T)
assert np.array_equal(op.H.tosparse().toarray(), C.conj().T)
# sphinx_gallery_end_ignore
