"""
The matrix
==========

A convolution is linear, so it is a matrix: here of 4 rows and 16 columns.  What neural
networks call deconvolution is its transpose.  It restores the size of the input, not
its values.
"""

import numpy as np

import convadjoint as ca

kernel = np.arange(1.0, 10).reshape(3, 3)
x = np.arange(1.0, 17).reshape(4, 4)

# %%
# Each row holds the kernel, at the place of its window.

C = ca.conv_matrix((4, 4), kernel)
print(C.toarray().astype(int))

# %%
# The matrix and the operator are the same map.

op = ca.Conv2DOp((4, 4), kernel)
y = C @ x.ravel()
print(y, "=", (op @ x).ravel())

# %%
# The transpose has the right shape, and other numbers.

back = op.T @ y.reshape(2, 2)
print(back)
print("a number of the input:", x[1, 1], "and what came back:", back[1, 1])

# %%
# No method recovers all of x from four numbers: twelve dimensions of the input leave
# no trace in y.  The least-squares solution explains y, and is still not x.

solution = np.linalg.lstsq(C.toarray(), y)[0].reshape(4, 4)
print("rank", np.linalg.matrix_rank(C.toarray()), "of", x.size)
print("error of the transpose:    ", np.linalg.norm(back - x) / np.linalg.norm(x))
print("error of least squares:    ", np.linalg.norm(solution - x) / np.linalg.norm(x))
print("what least squares misses: ", abs(op @ solution - y.reshape(2, 2)).max())
assert np.array_equal(op.T.tosparse().toarray(), C.toarray().T)
assert np.allclose(op @ solution, y.reshape(2, 2))
assert not np.allclose(op @ back, y.reshape(2, 2))
