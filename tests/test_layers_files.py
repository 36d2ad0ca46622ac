"""Files are data: broken and hostile ones get one clear error, and soon."""

from pathlib import Path

import numpy as np
import onnx.helper as oh
import onnx.numpy_helper as onh
import pytest
from google.protobuf import text_format

import convadjoint as ca
from caffe_nets import field, net, weights
from convadjoint.frameworks.layers import limits
from convadjoint.frameworks.layers.caffe_schema import net_class
from mutations import damaged, mutate

ONES = np.ones((4, 3, 2, 2), np.float32)
WORDS = "num_output: 4 kernel_size: 2 stride: 2 pad: 1"
CLEAR = (ca.GeometryError, ca.SemanticsError)
SEEDS = range(6)


def onnx_model(op):
    """A model of one node, with its weights."""
    words = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    if op == "AveragePool":
        node = oh.make_node(op, ["x"], ["y"], name="n", ceil_mode=1, **words)
    else:
        node = oh.make_node(op, ["x", "w", "b"], ["y"], name="n", group=1, **words)
    channels = 4 if op == "ConvTranspose" else 3
    x = oh.make_tensor_value_info("x", 1, (2, channels, 5, 5))
    y = oh.make_tensor_value_info("y", 1, None)
    bias = np.zeros(7 - channels, np.float32)
    tensors = [onh.from_array(ONES, "w"), onh.from_array(bias, "b")]
    return oh.make_model(oh.make_graph([node], "net", [x], [y], tensors))


def outcome(convert, *given, **words):
    """A layer, or an error of a kind that files may cause, with a short message."""
    try:
        layer = convert(*given, **words)
    except CLEAR as error:
        return type(error) if 0 < len(str(error)) < 1000 else len(str(error))
    assert np.broadcast_shapes(layer.bias.shape, layer.op.dimsd) == layer.op.dimsd
    return ca.Layer


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("op", ["Conv", "ConvTranspose", "AveragePool"])
def test_faults_in_a_model(op, seed):
    rng = np.random.default_rng([seed, len(op)])
    found = set()
    for _ in range(25):
        model = onnx_model(op)
        for _ in range(rng.integers(1, 4)):
            mutate(model.graph, rng)
        found.add(outcome(ca.from_onnx, model.SerializeToString()))
        found.add(outcome(ca.from_onnx, model, input_shape=(1, 3, 6, 6)))
        found.add(
            outcome(ca.from_onnx, damaged(onnx_model(op).SerializeToString(), rng))
        )
    assert {ca.Layer, ca.SemanticsError} <= found <= {ca.Layer, *CLEAR}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "Pooling"])
def test_faults_in_a_net(kind, seed):
    rng = np.random.default_rng([seed, len(kind)])
    words = "pool: AVE kernel_size: 2 stride: 2 pad: 1" if kind == "Pooling" else WORDS
    found, blobs = set(), (ONES.swapaxes(0, 1) if kind[0] == "D" else ONES, np.zeros(4))
    for _ in range(25):
        said = net(kind, words).decode()
        text = text_format.Parse(said, net_class()(), allow_unknown_field=True)
        model = net_class().FromString(weights(*blobs))
        for _ in range(rng.integers(0, 3)):
            mutate(text, rng)
        for _ in range(rng.integers(0, 3)):
            mutate(model, rng)
        said, held = (
            text_format.MessageToString(text).encode(),
            model.SerializeToString(),
        )
        for one, other in (
            (said, held),
            (damaged(said, rng), held),
            (said, damaged(held, rng)),
        ):
            found.add(outcome(ca.from_caffe, one, "it", other))
    assert {ca.Layer, ca.SemanticsError} <= found <= {ca.Layer, *CLEAR}


def nested(depth):
    """Graphs inside attributes inside nodes."""
    inner = b""
    for number in [6, 5, 1] * (depth // 3):
        inner = field(number, inner)
    return field(7, inner)


ONNX = {
    "nothing": (b"", "must have 1 to 2147483647 bytes"),
    "text": (b"hello, world", "byte 3 begins no field"),
    "cut": (onnx_model("Conv").SerializeToString()[:-1], "is cut off"),
    "cut number": (b"\x38\xff", "it is cut off"),
    "endless number": (b"\xff" * 20, "begins no number"),
    "too long": (field(7, b"abc")[:-1], "is cut off"),
    "a gigabyte in words": (b"\x3a\xff\xff\xff\xff\x03", "is cut off"),
    "nested": (nested(3000), "nest deeper than 64"),
    "no graph": (field(2, b"x"), "node is needed: the model has 0"),
}


@pytest.mark.parametrize(("data", "match"), ONNX.values(), ids=ONNX)
def test_broken_models(data, match):
    with pytest.raises(ca.SemanticsError, match=match):
        ca.from_onnx(data)


def test_a_small_file_may_not_become_a_large_object(monkeypatch):
    monkeypatch.setattr(limits, "MAX_FIELDS", 10_000)
    empty_nodes = field(7, field(1, b"") * 10_000)
    numbers = field(7, field(5, field(7, b"\x01" * 100_000)))
    for data in (empty_nodes, numbers):
        with pytest.raises(ca.SemanticsError, match="more than 10000 fields"):
            ca.from_onnx(data)
    kernel = onh.from_array(np.ones((50, 50, 9, 9)), "w")
    large = oh.make_model(oh.make_graph([], "net", [], [], [kernel]))
    assert ca.onnx_nodes(large.SerializeToString()) == ()


def test_only_regular_files_are_read(tmp_path):
    for path in filter(Path.exists, (tmp_path, Path("/dev/zero"))):
        with pytest.raises(ca.SemanticsError, match="not a regular file"):
            ca.from_onnx(path)


def test_a_file_that_does_not_fit_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.onnx"
    path.write_bytes(b"0" * 200)
    asked = []

    def refuse(nbytes, what):
        asked.append(nbytes)
        raise MemoryError(what)

    monkeypatch.setattr(limits, "require", refuse)
    with pytest.raises(MemoryError, match=r"reading .*large.onnx"):
        ca.from_onnx(path)
    assert asked == [600]
    for source in (path.read_bytes(), path):
        monkeypatch.setattr(limits, "require", lambda nbytes, what: None)
        with pytest.raises(ca.SemanticsError, match="it must have 1 to 199 bytes"):
            limits.contents(source, "it", limit=199)


def test_a_file_may_not_ask_for_many_windows():
    model = onnx_model("AveragePool")
    pads = model.graph.node[0].attribute[2]
    pads.ints[:] = [2**20] * 4
    with pytest.raises(ca.SemanticsError, match=r"windows of \(2, 2\) with pads .* ex"):
        ca.from_onnx(model)
    model = onnx_model("AveragePool")
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 2**40
    with pytest.raises(ca.SemanticsError, match=r"1099.*: give input_shape if that is"):
        ca.from_onnx(model)
    large = net("Pooling", "pool: AVE kernel_size: 2", shape=(1, 1, 2**20, 2**20))
    with pytest.raises(ca.SemanticsError, match="give input_shape if that is meant"):
        ca.from_caffe(large, "it")
    window = net("Pooling", f"pool: AVE kernel_size: {2**20}")
    with pytest.raises(ca.SemanticsError, match=r"windows of \(1048576, 1048576\)"):
        ca.from_caffe(window, "it")


def test_names_of_any_length_make_short_messages():
    model = onnx_model("Conv")
    model.graph.node[0].name = "n" * 100_000
    model.graph.node[0].input[1] = "missing" * 100_000
    with pytest.raises(ca.SemanticsError) as caught:
        ca.from_onnx(model)
    assert len(str(caught.value)) < 300


HEAD = net("Pooling", "pool: AVE kernel_size: 2")
TEXTS = {
    "nested": (b"a {" * 100_000, "line of more than 10000"),
    "nested lines": (b"a {\n" * 100_000, "nest deeper than 64"),
    "hidden": (b'a { b: "}" # }\n' * 1000, "nest deeper than 64"),
    "angles": (b"a <\n" * 1000, "nest deeper than 64"),
    "long": (b"#" * 2**21, "1 to 1048576 bytes"),
    "long line": (b"a: 1 " * 10_000, "a line of more than 10000 characters"),
    "no text": (b"\xff\xfe", "prototxt cannot be read.*decode"),
    "open": (b"layer {", "prototxt cannot be read: 1:7"),
    "open string": (b'layer { name: "it\n}', "prototxt cannot be read"),
    "digits": (b"input_dim: " + b"9" * 9000, "prototxt cannot be read"),
    "zero": (b"\0", "prototxt cannot be read"),
    "nothing": (b"\n", "0 layers named 'it'"),
}


@pytest.mark.parametrize(("text", "match"), TEXTS.values(), ids=TEXTS)
def test_broken_texts(text, match):
    with pytest.raises(ca.SemanticsError, match=match):
        ca.from_caffe(text, "it")


def test_fields_that_are_not_known_are_skipped():
    more = b'\nname: "net" solver { a: [1, 2] b < c: "}" > [x.y] { } }'
    assert ca.from_caffe(HEAD + more, "it").op.dims == (1, 3, 4, 4)


def test_a_missing_reader_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(limits, "import_module", missing)
    with pytest.raises(
        ImportError, match=r"^this file needs protobuf: pip install 'protobuf>=5.29'"
    ):
        ca.from_caffe(HEAD, "it")
    with pytest.raises(
        ImportError,
        match=r"^this file needs onnx: pip install 'onnx>=1.21'",
    ):
        ca.from_onnx(b"data")
