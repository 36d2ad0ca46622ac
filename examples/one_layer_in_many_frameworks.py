"""
Is the same layer the same everywhere?
======================================

Frameworks disagree about the sample that a transposed convolution of stride 2 has too
much.  ``convadjoint.frameworks`` takes each framework's own words, and needs none of them
to be installed.
"""

import numpy as np

import convadjoint as ca

torch, onnx = ca.frameworks.torch, ca.frameworks.onnx
mxnet, caffe = ca.frameworks.mxnet, ca.frameworks.caffe

# %%
# Three samples, three taps, stride 2: without any crop the result has seven samples.
# Six are wanted.

shape, kernel = (1, 1, 3), np.array([[[1.0, 2.0, 3.0]]])
two = {"stride": 2, "padding": 1}
words = {"strides": [2], "output_shape": [6]}
calls = {
    "torch, output_padding": torch.conv_transpose1d(
        shape, kernel, **two, output_padding=1
    ),
    "torch, output_size": torch.ConvTranspose1d(shape, kernel, **two, output_size=[6]),
    "onnx, SAME_UPPER": onnx.ConvTranspose(shape, kernel, "SAME_UPPER", strides=[2]),
    "onnx, SAME_LOWER": onnx.ConvTranspose(shape, kernel, "SAME_LOWER", strides=[2]),
    "onnx, output_shape": onnx.ConvTranspose(shape, kernel, **words),
    "mxnet, target_shape": mxnet.Deconvolution(
        shape, kernel, 3, stride=2, target_shape=6
    ),
}

x = np.array([[[1.0, 10.0, 100.0]]])
full = torch.conv_transpose1d(shape, kernel, stride=2) @ x
print("full".ljust(22), *full.ravel().astype(int))
for name, op in calls.items():
    print(name.ljust(22), *(op @ x).ravel().astype(int))

# %%
# SAME_UPPER crops at the end, all others at the beginning.  Caffe has no word for six.

print(caffe.Deconvolution(shape, kernel, stride=2, pad=1).dimsd)

# %%
# What a framework refuses is refused, with its reason.

try:
    torch.conv_transpose1d(shape, kernel, stride=2, output_padding=2)
except ca.SemanticsError as error:
    print(error)

ends = {name: np.allclose(op @ x, full[..., :6]) for name, op in calls.items()}
assert [name for name, end in ends.items() if end] == ["onnx, SAME_UPPER"]
