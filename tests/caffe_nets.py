"""Files of Caffe, written from the numbers in its published schema."""

import struct

DATA = b'input: "data" input_shape { dim: [%s] }'
PARAMETERS = {"Pooling": "pooling_param"}


def net(kind, words, *, shape=(1, 3, 4, 4), head=None):
    """A net of one layer `it`, which reads `data`; words are its parameter."""
    if head is None:
        head = DATA % ", ".join(map(str, shape)).encode()
    parameter = PARAMETERS.get(kind, "convolution_param")
    layer = f'layer {{ name: "it" type: "{kind}" bottom: "data" top: "it" '
    layer += f'param {{ lr_mult: 1 }} {parameter} {{ {words} }} }} # "}}"'
    return head + b"\n" + layer.encode()


def varint(value):
    """An integer in groups of seven bits, the lowest first."""
    value %= 2**64
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127)
    return bytes(group | 128 for group in groups[:-1]) + bytes(groups[-1:])


def field(number, content):
    """A field with a length."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array, shape):
    """An array; double precision has a field of its own."""
    code, number = ("d", 8) if array.dtype == "f8" else ("f", 5)
    data = struct.pack(f"<{array.size}{code}", *array.ravel())
    dims = b"".join(map(varint, shape))
    return field(number, data) + field(7, field(1, dims))


def old_blob(array):
    """An array of float32 with the four lengths that were fixed once."""
    lengths = (1,) * (4 - array.ndim) + array.shape
    numbered = enumerate(lengths, start=1)
    data = field(5, struct.pack(f"<{array.size}f", *array.ravel()))
    return b"".join(varint(n << 3) + varint(length) for n, length in numbered) + data


def weights(*arrays, name="it", old=False, shape=None):
    """The weights of one layer, in the present format or the older one."""
    if old:
        blobs = b"".join(field(6, old_blob(array)) for array in arrays)
        return field(2, field(4, name.encode()) + blobs)
    blobs = [field(7, blob(array, shape or array.shape)) for array in arrays]
    return field(100, field(1, name.encode()) + b"".join(blobs))
