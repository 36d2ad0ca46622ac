r"""
Deconvolution is not an inverse
===============================

Some frameworks for neural networks call a layer *deconvolution*. The word promises the
way back from a blurred picture to the sharp one. The layer does something else: it is
the transpose of a convolution. It restores the **size** of the picture, not its
**values**.

This page shows the difference on sixteen numbers, and then on a photograph. All its
numbers and figures are computed while it is built. :download:`A few helpers
</explanations/pictures.py>` draw the figures and tables.
"""

from itertools import product

import numpy as np
import scipy.sparse.linalg
from pictures import Table
from pylops.optimization.basic import cgls

import convadjoint as ca

# %%
# A convolution is a matrix
# -------------------------
#
# Take a picture of 4 × 4 and a kernel of 3 × 3. The kernel counts its taps, so that each
# of them can be found again in the matrix.
#
# Written row by row, the picture is a vector of 16 numbers, and the result is one of 4.
# The convolution is the matrix :math:`C` between them. Each of its rows holds the whole
# kernel, further to the right from row to row. The transposed matrix
# :math:`C^\mathsf{T}` maps 4 numbers to 16. That is all a transposed convolution is.

x = np.array([[1, 1, 5, 1], [1, 9, 1, 1], [1, 1, 5, 1], [1, 1, 5, 1]])
kernel = np.arange(1, 10).reshape(3, 3)

op = ca.Conv2DOp(x.shape, kernel)
C = op.tosparse()
print(op)
print(f"{C.shape[0]} × {C.shape[1]}, {C.nnz} of {C.shape[0] * C.shape[1]} not zero")

# sphinx_gallery_start_ignore
import matplotlib.pyplot as plt
from pictures import (
    BAD,
    GOOD,
    INK,
    SOFT,
    STYLE,
    album,
    page,
    sign,
    squares,
    wires,
    write,
)

entries = np.ma.masked_equal(C.toarray().astype(int), 0)
axes = page(25, 19)
squares(axes, entries, (1, 2), title="$C$, 4 × 16")
squares(axes, entries.T, (20, 2), title="$C^T$, 16 × 4")
squares(axes, kernel, (1, 10), title="kernel $w$", below="3 × 3")
squares(axes, x, (6, 10), title="picture $x$", below="4 × 4")
sign(axes, "→", (11, 12))
squares(axes, (op @ x).astype(int), (12, 11), title="$Cx$", below="2 × 2")
write(axes, "a blank square is a zero,\na dark one a large number", (9, 17))
# sphinx_gallery_end_ignore

# %%
# The transpose restores the size
# -------------------------------
#
# Now go back from :math:`y = Cx`. ``op.T`` is a `~convadjoint.ConvTranspose2DOp`, what
# the frameworks call transposed convolution. Next to it stands the Moore–Penrose inverse
# :math:`C^+`, which is what an inverse can be when there are fewer equations than
# unknowns: of all pictures that explain :math:`y` it gives the one of least norm.

y = op @ x
back = op.T @ y
solution = (np.linalg.pinv(C.toarray()) @ y.ravel()).reshape(x.shape)

# sphinx_gallery_start_ignore
axes = page(25, 8)
squares(axes, x, (1, 2), title="$x$", below="4 × 4")
squares(axes, y.astype(int), (8, 3), title="$y = Cx$", below="2 × 2")
squares(axes, back.astype(int), (13, 2), title="$C^T y$", below="4 × 4")
squares(axes, solution, (20, 2), title="$C^{+} y$", below="4 × 4")
for text, place in (("→", (6.5, 4)), ("→", (11.5, 4)), ("or", (18.5, 4))):
    sign(axes, text, place)
# sphinx_gallery_end_ignore

# %%
# Both have the size of :math:`x`, and neither is :math:`x`. But :math:`C^+ y` explains the
# data. :math:`C^\mathsf{T} y` does not, not even with the factor that brings it nearest
# to :math:`x`.


def off(z, target):
    """Distance from a target, relative to the target's norm."""
    return np.linalg.norm(z - target) / np.linalg.norm(target)


factor = np.vdot(back, x) / np.vdot(back, back)
attempts = {
    "`C.T y`": back,
    "`C.T y`, times the best factor": factor * back,
    "`C⁺ y`, the solution of least norm": solution,
}
Table(
    ("attempt z", "|z − x| / |x|", "|C z − y| / |y|"),
    [
        (name, f"{off(z, x):.3g}", f"{off(op @ z, y):.3g}")
        for name, z in attempts.items()
    ],
)

# %%
# What no method recovers
# -----------------------
#
# There are more unknowns than equations, so :math:`C` cannot see everything. Its singular
# vectors tell what. The picture is the sum of a part that :math:`C` sees and of its
# projection on the null space, which :math:`C` maps to zero.

_, _, right = np.linalg.svd(C.toarray())
rank = np.linalg.matrix_rank(C.toarray())
null_space = right[rank:]
lost = (null_space.T @ (null_space @ x.ravel())).reshape(x.shape)
seen = x - lost

print(f"rank {rank}: {len(null_space)} of {x.size} directions are invisible")
print(f"|lost| / |x| = {np.linalg.norm(lost) / np.linalg.norm(x):.3f}")
print(f"|C lost| / |C x| = {np.linalg.norm(op @ lost) / np.linalg.norm(y):.0e}")
print(f"|seen − C⁺ y| / |x| = {off(seen, solution):.0e}")

# sphinx_gallery_start_ignore
axes = page(18, 8)
squares(axes, x, (1, 2), title="$x$", below="what was there")
squares(axes, seen, (7, 2), title="seen", below="what $C^{+}y$ finds")
squares(axes, lost, (13, 2), title="lost", below="what $C$ drops")
sign(axes, "=", (6, 4))
sign(axes, "+", (12, 4))
# sphinx_gallery_end_ignore

# %%
# The data are the same whatever the lost part is. A method may guess it from what it
# believes about pictures, but the data never say whether the guess is right. Here is
# another picture, the mirror image of the first. It gives the very same data.

mirrored = np.fliplr(x)
print(np.array_equal(op @ x, op @ mirrored))

# sphinx_gallery_start_ignore
axes = page(18, 7)
squares(axes, x, (2, 2), title="$x$")
squares(axes, y.astype(int), (8, 3), title="the data of both")
squares(axes, mirrored, (12, 2), title="$x$ in the mirror")
sign(axes, "→", (7, 4))
sign(axes, "←", (11, 4))
# sphinx_gallery_end_ignore

# %%
# Which size?
# -----------
#
# With a stride, several lengths convolve to the same one. So a transposed convolution has
# to be told how long its result shall be: think of the convolution that is transposed.
# `~convadjoint.legal_output_sizes` lists the choice.

options = {"stride": 2, "padding": 1}
legal = ca.legal_output_sizes(3, 3, **options)
Table(
    ("input samples", "output samples", "legal for 3 samples to go back to"),
    [
        (n, ca.conv_output_size(n, 3, **options), "yes" if n in legal else "no")
        for n in range(3, 9)
    ],
)

# %%
# With :math:`i` samples given, :math:`k` taps, stride :math:`s` and :math:`p` samples of
# padding on both sides, a length :math:`o` is legal if
#
# .. math:: o = s\,(i - 1) - 2p + k + r \quad\text{with}\quad r = (o + 2p - k) \bmod s.
#
# The remainder :math:`r`, from 0 to :math:`s - 1`, is the frameworks' `output_padding`.

for i, k, s, p in product(range(1, 6), range(1, 6), range(1, 5), range(4)):
    rule = [
        o for o in range(1, 50) if o == s * (i - 1) - 2 * p + k + (o + 2 * p - k) % s
    ]
    assert list(ca.legal_output_sizes(i, k, stride=s, padding=p)) == rule

# %%
# The size alone does not fix the matrix. Below, each line is an entry of a :math:`C`:
# read upwards they compute the convolution, downwards its transpose. The last two have
# the same size and differ by one sample: PyTorch's `padding` with `output_padding`, and
# TensorFlow's ``"SAME"``.

matrices = {
    "5 samples, padding=1": ca.conv_matrix(5, [1, 2, 3], stride=2, padding=1),
    "6 samples, padding=1": ca.conv_matrix(6, [1, 2, 3], stride=2, padding=1),
    '6 samples, padding="same"': ca.conv_matrix(6, [1, 2, 3], stride=2, padding="same"),
}
for title, matrix in matrices.items():
    print(f"{title}\n{matrix.toarray()}")

# sphinx_gallery_start_ignore
axes = page(25, 6)
for (title, matrix), place in zip(matrices.items(), (2, 10, 18), strict=True):
    wires(axes, matrix, (place, 2), title=title)
# sphinx_gallery_end_ignore

# %%
# A photograph
# ------------
#
# Now a detail of a photograph: blurred, every second pixel of every second row kept, and
# noise of one grey level added.

from convadjoint.cli import photo

grey = photo.shipped().pixels @ (0.299, 0.587, 0.114)
x = grey[66:162, 108:204]

blur = ca.gaussian_kernel((9, 9), sigma=1.5)
op = ca.Conv2DOp(x.shape, blur, stride=2, padding="same", padding_mode="symmetric")
clean = op @ x
y = clean + np.random.default_rng(0).standard_normal(op.dimsd) / 255
print(op)

# %%
# A fourth way back joins the three from above: damped least squares, which minimises
# :math:`|Cz - y|^2 + \varepsilon^2 |z|^2`, so that it does not answer noise with large
# values. PyLops solves it with the operator alone. The matrix serves for :math:`C^+`.

C = op.tosparse()
normal = scipy.sparse.linalg.splu((C @ C.T).tocsc())


def least_norm(data):
    """Return C⁺ data; C has full row rank here."""
    return op.T @ normal.solve(data.ravel()).reshape(op.dimsd)


back = op.T @ y
factor = np.vdot(back, x) / np.vdot(back, back)
damped = cgls(op, y.ravel(), niter=200, damp=0.04, tol=0)[0].reshape(x.shape)
seen = least_norm(clean)

attempts = {
    "`C.T y`": back,
    "`C.T y`, times the best factor": factor * back,
    "`C⁺ y`, the solution of least norm": least_norm(y),
    "damped least squares": damped,
    "`C⁺ C x`, all that can be seen of x": seen,
}
# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_number = 6
_, fitted, exact, _, _ = attempts.values()
album(
    {
        "photograph $x$": (x, f"{x.shape[0]} × {x.shape[1]} pixels"),
        "data $y$": (y, f"{y.shape[0]} × {y.shape[1]} pixels"),
        "$C^T y$, best factor": (fitted, f"{off(fitted, x):.3g} from $x$"),
        "$C^{+} y$": (exact, f"{off(exact, x):.3g} from $x$"),
        "damped least squares": (damped, f"{off(damped, x):.3g} from $x$"),
        "what no method recovers": (
            x - seen,
            f"{off(seen, x):.3g} of $x$, contrast × 4",
        ),
    }
)
assert off(exact, x) > off(fitted, x) > off(damped, x) > off(seen, x)
# sphinx_gallery_end_ignore
Table(
    ("attempt z", "|z − x| / |x|", "|C z − y| / |y|"),
    [
        (name, f"{off(z, x):.3g}", f"{off(op @ z, y):.3g}")
        for name, z in attempts.items()
    ],
)

# %%
# :math:`C^\mathsf{T}` blurs a second time. The plain inverse explains the data, noise
# included, and amplifies the noise so much that it ends further from :math:`x` than
# :math:`C^\mathsf{T} y` does. Damping is the compromise. An inverse is more than a
# formula: it is a decision about what to believe.
#
# Where a solver begins
# ---------------------
#
# :math:`C^\mathsf{T}` has its place all the same: it is half of every solver. The first
# step of conjugate gradients is :math:`C^\mathsf{T} y` times a number. Each later step
# applies :math:`C`, sees what is still unexplained, and sends it through
# :math:`C^\mathsf{T}`.


def steps(data):
    """Return the pictures that conjugate gradients pass through."""
    pictures = []

    def keep(z):
        pictures.append(z.reshape(x.shape).copy())

    cgls(op, data.ravel(), niter=300, tol=0, callback=keep)
    return pictures


paths = {"clean data": steps(clean), "noisy data": steps(y)}
first = paths["noisy data"][0]
number = np.vdot(back, first) / np.vdot(back, back)
print(f"first step = {number:.3f} C.T y, up to {off(number * back, first):.0e}")

# sphinx_gallery_start_ignore
plt.rcParams.update(STYLE)
figure, axes = plt.subplots(figsize=(7.8, 3.8), layout="constrained")
for (name, path), colour in zip(paths.items(), (GOOD, BAD), strict=True):
    errors = [off(z, x) for z in path]
    axes.loglog(range(1, len(path) + 1), errors, color=colour, linewidth=2)
    axes.text(len(path) * 1.06, errors[-1], name, color=colour, va="center")
axes.plot(1, errors[0], "o", color=INK, clip_on=False, zorder=3)
axes.text(1.1, errors[0] * 1.03, "$C^T y$, scaled")
floor = off(seen, x)
axes.plot((1, len(path)), (floor, floor), color=SOFT, linestyle=":", zorder=0)
axes.text(1.05, floor * 0.98, "what no method recovers", color=SOFT, va="top")
axes.set(xlabel="steps of the solver", ylabel="distance from the photograph")
axes.set(xlim=(1, 700), ylim=(0.047, 0.26))
axes.set_xticks((1, 10, 100), ("1", "10", "100"))
axes.set_yticks((0.05, 0.1, 0.2), ("5 %", "10 %", "20 %"))
axes.minorticks_off()
# sphinx_gallery_end_ignore

# %%
# With clean data the distance falls to the part that no method recovers, and stays there.
# With noise it turns: from some step on, the solver explains the noise. To stop before
# that is another way of damping.
#
# What the word means elsewhere
# -----------------------------
#
# .. list-table::
#    :header-rows: 1
#    :widths: 2 3
#
#    * - name
#      - what it computes
#    * - ``torch.nn.ConvTranspose2d``, ``tf.nn.conv2d_transpose``,
#        ``keras.layers.Conv2DTranspose``, ONNX ``ConvTranspose``
#      - :math:`C^\mathsf{T} y`. The documentation of PyTorch and that of TensorFlow warn
#        that this is not really a deconvolution.
#    * - ``Deconvolution`` in Caffe and MXNet
#      - :math:`C^\mathsf{T} y`, under the name that gave rise to this page.
#    * - ``jax.lax.conv_transpose``
#      - :math:`C^\mathsf{T} y` with ``transpose_kernel=True`` and the matching padding.
#        By default it does not reverse the kernel, and computes the transpose of another
#        convolution.
#    * - the gradient of a convolution layer with respect to its input
#      - :math:`C^\mathsf{T}` times the gradient that arrives, for real weights. The
#        forward pass of a deconvolution layer is the backward pass of a convolution
#        layer, and conversely.
#    * - ``scipy.signal.deconvolve``
#      - The quotient of two polynomials: an inverse, for clean data in one dimension.
#    * - ``skimage.restoration.wiener``, ``richardson_lucy``; the deconvolution of
#        microscopy, astronomy and seismics
#      - An estimate of :math:`x`.
#
# Caffe makes the transpose visible in its code. Its convolution copies all windows of the
# picture into a matrix (*im2col*) and multiplies it by the weights. Its deconvolution
# multiplies by the transposed weights, then adds all windows up into a picture
# (*col2im*): the same two steps, each transposed, in reverse order.
#
# Transpose and adjoint
# ---------------------
#
# There are two ways to turn a complex matrix over. The transpose :math:`C^\mathsf{T}`
# leaves the weights as they are; the frameworks' layers compute it. The adjoint
# :math:`C^\mathsf{H}` conjugates them; it belongs to the inner product, and solvers need
# it. ``op.T`` and ``op.H`` keep the two apart.

rng = np.random.default_rng(0)


def noise(shape):
    """Return complex noise."""
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


op = ca.Conv2DOp((8, 9), noise((3, 4)), stride=2, padding=1)
x, y = noise(op.dims), noise(op.dimsd)
pairs = {
    "⟨C x, y⟩ and ⟨x, `C.H y`⟩": (np.vdot(op @ x, y), np.vdot(x, op.H @ y)),
    "⟨C x, y⟩ and ⟨x, `C.T y`⟩": (np.vdot(op @ x, y), np.vdot(x, op.T @ y)),
    "sums of (C x) y and x (`C.T y`)": (np.sum(op @ x * y), np.sum(x * (op.T @ y))),
}
Table(
    ("pair", "left", "right", "equal"),
    [
        (
            name,
            f"{left:.6f}",
            f"{right:.6f}",
            "yes" if np.isclose(left, right) else "no",
        )
        for name, (left, right) in pairs.items()
    ],
)

# %%
# In one table
# ------------
#
# .. list-table::
#    :header-rows: 1
#    :stub-columns: 1
#
#    * -
#      - :math:`C^\mathsf{T} y`, :math:`C^\mathsf{H} y`
#      - :math:`C^+ y`
#      - damped least squares
#    * - has the size of :math:`x`
#      - yes
#      - yes
#      - yes
#    * - explains the data
#      - no
#      - as well as possible
#      - nearly as well
#    * - gives the values of :math:`x`
#      - no
#      - only what :math:`C` sees, and only without noise
#      - nearly, where the data say more than the noise
#    * - noise
#      - is blurred
#      - is amplified
#      - is held down
#    * - costs
#      - one pass
#      - a factorisation, or many passes
#      - many passes
#    * - in convadjoint
#      - ``op.T @ y``, ``op.H @ y``
#      - any least-squares solver of PyLops or SciPy, with ``op`` or ``op.tosparse()``
#      - the same, with ``damp``
#
# A transposed convolution with *trained* weights may well turn into something that
# sharpens. Then its weights are not those of the convolution that blurred.
