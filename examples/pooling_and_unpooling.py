"""
Pooling, and the way back
=========================

The mean of each window is a linear map, so it has a matrix and a transpose.  The
largest sample of each window is not: but once it is known *where* the largest ones are,
picking them is, and "unpooling" is the transpose of that.
"""

import numpy as np

from convadjoint import resample

x = np.array([[1.0, 2, 5, 3], [4, 0, 1, 1], [2, 2, 0, 9], [8, 1, 3, 7]])

# %%
# The mean of blocks, its matrix, and its transpose, which shares every mean out evenly.

mean = resample.avg_pool((4, 4), 2)
print(mean @ x)
print(mean.tosparse().toarray()[0])
print(mean.T @ (mean @ x))

# %%
# Windows at the border may count the padding or not; then they differ in divisor.

for counted in (True, False):
    smooth = resample.avg_pool(5, 3, stride=1, padding=1, count_include_pad=counted)
    print(smooth @ np.ones(5))

# %%
# The largest sample: the windows as axes, and its place in each of them.

windows = resample.unfold((4, 4), 2, stride=2) @ x
numbers = resample.unfold((4, 4), 2, stride=2) @ np.arange(16).reshape(4, 4)
winner = windows.argmax(axis=0)[None]
indices = np.take_along_axis(numbers, winner, axis=0).astype(int).reshape(2, 2)
print(windows.max(axis=0).reshape(2, 2), indices)

# %%
# Unpooling puts samples back to these places, among zeros.  Its transpose picks them.

unpool = resample.max_unpool((2, 2), indices, 4)
largest = unpool.T @ x
print(unpool @ largest)

# %%
# Neither way back restores x: both restore its shape.

assert np.array_equal(largest, windows.max(axis=0).reshape(2, 2))
assert np.array_equal(unpool.T @ (unpool @ largest), largest)
assert np.allclose(mean @ (4 * (mean.T @ (mean @ x))), mean @ x)
