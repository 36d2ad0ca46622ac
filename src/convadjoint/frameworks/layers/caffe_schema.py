"""The few messages of Caffe's files that describe convolutions, by field number.

Files hold much more; what is not listed here is skipped.
"""

from functools import cache
from typing import Any

from convadjoint.frameworks.layers.limits import needed

__all__ = ["net_class"]

# Per message: name, number, type of each field; a star marks what repeats, a letter p
# what is packed.  Types that are no scalars are messages.
_MESSAGES = {
    "BlobShape": (("dim", 1, "int64*p"),),
    "BlobProto": (
        ("num", 1, "int64"),
        ("channels", 2, "int64"),
        ("height", 3, "int64"),
        ("width", 4, "int64"),
        ("data", 5, "float*p"),
        ("shape", 7, "BlobShape"),
        ("double_data", 8, "double*p"),
    ),
    "ConvolutionParameter": (
        ("num_output", 1, "int64"),
        ("bias_term", 2, "bool"),
        ("pad", 3, "int64*"),
        ("kernel_size", 4, "int64*"),
        ("group", 5, "int64"),
        ("stride", 6, "int64*"),
        ("pad_h", 9, "int64"),
        ("pad_w", 10, "int64"),
        ("kernel_h", 11, "int64"),
        ("kernel_w", 12, "int64"),
        ("stride_h", 13, "int64"),
        ("stride_w", 14, "int64"),
        ("axis", 16, "int64"),
        ("dilation", 18, "int64*"),
    ),
    "InputParameter": (("shape", 1, "BlobShape*"),),
    "LayerParameter": (
        ("name", 1, "string"),
        ("type", 2, "string"),
        ("bottom", 3, "string*"),
        ("top", 4, "string*"),
        ("blobs", 7, "BlobProto*"),
        ("convolution_param", 106, "ConvolutionParameter"),
        ("pooling_param", 121, "PoolingParameter"),
        ("input_param", 143, "InputParameter"),
    ),
    "NetParameter": (
        ("layers", 2, "OldLayerParameter*"),
        ("input", 3, "string*"),
        ("input_dim", 4, "int64*"),
        ("input_shape", 8, "BlobShape*"),
        ("layer", 100, "LayerParameter*"),
    ),
    # Weights are often kept in the older format, whose layers differ in their numbers.
    "OldLayerParameter": (("name", 4, "string"), ("blobs", 6, "BlobProto*")),
    "PoolingParameter": (
        ("pool", 1, "PoolMethod"),
        ("kernel_size", 2, "int64"),
        ("stride", 3, "int64"),
        ("pad", 4, "int64"),
        ("kernel_h", 5, "int64"),
        ("kernel_w", 6, "int64"),
        ("stride_h", 7, "int64"),
        ("stride_w", 8, "int64"),
        ("pad_h", 9, "int64"),
        ("pad_w", 10, "int64"),
        ("global_pooling", 12, "bool"),
        ("round_mode", 13, "RoundMode"),
    ),
}
_ENUMS = {"PoolMethod": ("MAX", "AVE", "STOCHASTIC"), "RoundMode": ("CEIL", "FLOOR")}
_PACKAGE = "convadjoint"


@cache
def net_class() -> Any:
    """The class of a whole net, made in a pool of its own."""
    descriptor_pb2, descriptor_pool, message_factory = (
        needed(f"google.protobuf.{name}")
        for name in ("descriptor_pb2", "descriptor_pool", "message_factory")
    )
    file = descriptor_pb2.FileDescriptorProto(
        name="convadjoint/caffe.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, values in _ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add(message.field, *field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    net = pool.FindMessageTypeByName(f"{_PACKAGE}.NetParameter")
    return message_factory.GetMessageClass(net)


def _add(fields: Any, name: str, number: int, written: str) -> None:
    """Add one field to those of a message."""
    kind, repeats, packed = written.partition("*")
    field = fields.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if repeats else field.LABEL_OPTIONAL
    if kind in _MESSAGES or kind in _ENUMS:
        field.type = field.TYPE_ENUM if kind in _ENUMS else field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    if packed:
        field.options.packed = True
