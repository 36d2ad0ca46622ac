r"""
Where other libraries differ
============================

Every library here is good at what it was made for. This page lists the places where a
result of another library is not the matrix product that its documentation describes, or
not the transpose of its own forward map, so that you need not look for the mistake in
your own code. What is said of PyLops, SciPy and NumPy is run while this page is built,
with the versions printed below.  The list at the end was run elsewhere, with the versions
that it names; for one of its entries, the code to repeat it is given.
"""

import numpy as np
import pylops
import scipy
from pictures import Table
from pylops.signalprocessing import Convolve1D, NonStationaryConvolve1D
from scipy import signal

import convadjoint as ca

rng = np.random.default_rng(0)
print(f"NumPy {np.__version__}, SciPy {scipy.__version__}, PyLops {pylops.__version__}")

# %%
# An adjoint that is not the adjoint
# ----------------------------------
#
# An adjoint satisfies :math:`\langle Cx, y\rangle = \langle x, C^H y\rangle` for all
# vectors. For a complex kernel it must conjugate the taps. Two operators of PyLops do not;
# with real kernels both are right. A solver that uses them on complex data converges to
# something else.


def gap(op):
    """Mismatch of the two inner products, over the norms of the vectors."""
    x, y = ((1, 1j) @ rng.standard_normal((2, size)) for size in op.shape[::-1])
    left, right = np.vdot(op.matvec(x), y), np.vdot(x, op.rmatvec(y))
    return abs(left - right) / np.linalg.norm(x) / np.linalg.norm(y)


taps = np.array([1, 2j, 3 + 1j])
pair = {
    "`pylops…Convolve1D`": Convolve1D(9, taps, offset=1, dtype=complex),
    "`pylops…NonStationaryConvolve1D`": NonStationaryConvolve1D(
        16, np.array([taps, 2 * taps]), ih=(4, 12), dtype=complex
    ),
    "`ca.Conv1DOp`": ca.Conv1DOp(9, taps, padding="same", center=1, flip=True),
}
gaps = {name: gap(op) for name, op in pair.items()}
Table(
    ("operator", "mismatch"), [(name, f"{value:.1e}") for name, value in gaps.items()]
)

# %%
# One sample that is not a number
# -------------------------------
#
# A transform mixes all samples: one NaN makes the whole image NaN. By the definition it
# reaches as many samples as there are taps. The same holds for a very large sample: the
# transform rounds all of its neighbours as coarsely as itself.

box = np.ones(5)
hole, spike = np.ones(64), np.ones(64)
hole[10], spike[10] = np.nan, 1e16
blur = ca.Conv1DOp(64, box, padding="same")
rows = [
    (
        name,
        int(np.isnan(apply(hole)).sum()),
        f"{apply(spike)[40]:.6g}",
    )
    for name, apply in {
        "`signal.fftconvolve`": lambda x: signal.fftconvolve(x, box, "same"),
        "`signal.convolve(method='direct')`": lambda x: signal.convolve(
            x, box, "same", "direct"
        ),
        "`ca.Conv1DOp`": lambda x: blur @ x,
        "`ca.Conv1DOp(engine='fft')`": lambda x: blur.replace(engine="fft") @ x,
    }.items()
]
Table(("call", "NaN samples of 64", "a sample far from 1e16: 5"), rows)

# %%
# An engine of ours that is asked for by name does what its name says: ``"fft"`` keeps NaN
# where it belongs, but rounds as a transform does. Left to itself, the operator takes
# another engine for such data; :doc:`/engines` has the rule.
#
# Sizes that depend on the longer argument
# ----------------------------------------
#
# ``numpy.convolve(x, h, "same")`` has the length of the longer one of its arguments;
# ``scipy.signal.convolve`` that of the first. An operator has one input, and ours always
# has its size.

short, long = np.ones(3), np.ones(5)
sizes = {
    '`np.convolve(x, h, "same")`': np.convolve(short, long, "same").size,
    '`signal.convolve(x, h, "same")`': signal.convolve(short, long, "same").size,
    '`ca.Conv1DOp(3, h, padding="same")`': ca.Conv1DOp(3, long, padding="same").dimsd[
        0
    ],
}
Table(("call", "length for 3 samples, 5 taps"), sizes.items())

# %%
# Two functions that should agree
# -------------------------------
#
# PyLops' varying kernels give their own transpose as their matrix, and SciPy's two
# correlations conjugate different arguments where the kernel is larger than the signal.
# ``scipy.signal.upfirdn`` with ``mode="reflect"`` and a single sample divides by zero and
# ends the process, so it is not run here.

varying = NonStationaryConvolve1D(12, np.array([[1.0, 2, 3], [4, 5, 6]]), ih=(3, 9))
columns = np.stack([varying.matvec(one) for one in np.eye(12)], axis=1)
small, large = np.array([[1 + 1j, 2]]), np.array([[1j, 1, 2]])
found = {
    "`NonStationaryConvolve1D.todense()` is its matrix": (
        np.allclose(varying.todense(), columns)
    ),
    "… is the transpose of its matrix": np.allclose(varying.todense(), columns.T),
    '`correlate2d(…, "valid")` is `correlate(…, "valid")`': np.allclose(
        signal.correlate2d(small, large, "valid"),
        signal.correlate(small, large, "valid"),
    ),
}
Table(("statement", "true"), found.items())

# %%
# Transposed convolutions
# -----------------------
#
# * **PyTorch 2.13** accepts an `output_padding` up to ``max(stride, dilation) - 1``. With
#   stride 2, dilation 4 and output padding 2 the result is not the transpose of any
#   convolution of PyTorch's: the convolution of that size has five outputs, not four.
#   We refuse it in our own words, ``output_padding`` must be less than the stride, and
#   express PyTorch's call as the transpose of a convolution whose output is cut short.
# * **ONNX 1.23.2's reference evaluator** cannot be asked about groups: four channels,
#   six outputs and two groups raise ``ValueError: cannot reshape array of size 27``, and
#   `output_shape` without `auto_pad` raises too. onnxruntime 1.31.1 computes both.
#
#   .. code-block:: python
#
#      import numpy as np
#      from onnx import TensorProto, helper, numpy_helper
#      from onnx.reference import ReferenceEvaluator
#
#      x, w = np.ones((1, 4, 5), "f"), np.ones((4, 3, 3), "f")
#      node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], group=2)
#      graph = helper.make_graph(
#          [node], "g",
#          [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
#          [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
#          [numpy_helper.from_array(w, "w")],
#      )
#      ReferenceEvaluator(helper.make_model(graph)).run(None, {"x": x})
#
# * **A kernel shorter than the stride** with ``SAME_UPPER`` has three answers: for 4
#   samples, 2 taps and stride 3, onnxruntime 1.31.1 gives 11 samples, ONNX's reference
#   evaluator 12 with a zero in front, TensorFlow 2.21 and JAX 0.10.2 12 with the zeros
#   at the end. ONNX's text says 12 and not where.
# * **onnxruntime 1.31.1**: `Col2Im` with a dilation, in one or three dimensions, differs
#   from ONNX's reference evaluator and from the definition.
# * **onnxruntime before 1.13** had ``SAME_UPPER`` and ``SAME_LOWER`` of `ConvTranspose`
#   exchanged (its pull request 12537): models exported then may be shifted by a sample.
# * **MXNet 1.9.1**: the native `Deconvolution` with stride and dilation both above one is
#   not the adjoint of MXNet's `Convolution`; its oneDNN version in float32 is.
# * **OpenCV 4.14**: the Caffe importer ignores the dilation of a `Deconvolution` when it
#   works out the size of its result.
# * **Keras 3.15**: for an even kernel, stride above one, ``padding="same"`` and
#   ``output_padding=0`` the TensorFlow backend raises, the JAX and PyTorch backends return
#   a result. `output_padding` of None and of 0 are different things.
# * **TensorFlow 2.21**: `depthwise_conv2d` with both dilation and stride ignores the
#   stride, with only a warning, where oneDNN is on, which is the default; the plain
#   kernels raise.
#
# Gradients
# ---------
#
# PyTorch's gradients of complex convolutions are :math:`C^H g`, those of ``jax.vjp``
# :math:`C^T g`: both are right, in their own convention. ``op.H`` is the first, ``op.T``
# the second.

assert gaps["`ca.Conv1DOp`"] < 1e-15
assert [row[1] for row in rows] == [64, 5, 5, 5]
assert rows[2][2] == "5"
assert sizes['`ca.Conv1DOp(3, h, padding="same")`'] == 3
