"""
Which output shapes are possible?
=================================

A convolution with a stride forgets the length of its input: several lengths give the
same output.  So a transposed convolution has to be told which of them is wanted.
"""

import numpy as np

import convadjoint as ca

# %%
# Kernel 2, stride 2, "same": inputs of 5 and of 6 samples both give 3.

for n in (4, 5, 6, 7):
    print(n, "->", ca.conv_output_size(n, 2, stride=2, padding="same"))
legal = ca.legal_output_sizes(3, 2, stride=2, padding="same")
print("3 may come from", list(legal))

# %%
# Each of them is a transposed convolution; any other is refused, with the reason.

kernel = np.ones((1, 3, 2, 2))  # of the convolution: 3 channels to 1
for n in legal:
    words = {"stride": 2, "padding": "same", "output_size": n}
    up = ca.ConvTranspose2DOp((1, 3, 3), kernel, **words)
    print(up.dims, "->", up.dimsd)
try:
    ca.ConvTranspose2DOp((1, 3, 3), kernel, stride=2, padding="same", output_size=7)
except ca.GeometryError as error:
    print("7:", error)

# %%
# With numbers for padding the length is ``s (i - 1) + k - 2p`` plus an output padding,
# the remainder ``(o + 2p - k) % s`` that the division of the convolution dropped.

i, k, s, p = 3, 3, 2, 1
for o in ca.legal_output_sizes(i, k, stride=s, padding=p):
    extra = (o + 2 * p - k) % s
    words = {"stride": s, "padding": p, "output_padding": extra}
    length = ca.conv_transpose_output_size(i, k, **words)
    print(f"o = {o}: {s}*({i} - 1) + {k} - 2*{p} + {extra} = {length}")

# %%
# A chain of a network in three dimensions: convolve, pool, and come back.

volume = (2, 7, 7)
kept = ca.conv_output_size(volume, 3, padding="same")
pooled = ca.conv_output_size(kept, 2, stride=2, padding="same")
print(volume, "->", kept, "->", pooled)
w = np.ones((4, 4, 3, 3, 3))
words = {"stride": 2, "padding": "same", "output_size": volume}
back = ca.ConvTranspose3DOp((4, *pooled), w, **words)
assert back.dimsd == (4, *volume)
