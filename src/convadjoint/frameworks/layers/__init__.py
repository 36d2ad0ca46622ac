"""Trained layers as operators: modules, layers and files of other frameworks."""

from convadjoint.frameworks.layers.caffe_files import from_caffe
from convadjoint.frameworks.layers.keras_layers import from_keras
from convadjoint.frameworks.layers.layer import Layer
from convadjoint.frameworks.layers.onnx_models import from_onnx, onnx_nodes
from convadjoint.frameworks.layers.torch_modules import from_torch

__all__ = [
    "Layer",
    "from_caffe",
    "from_keras",
    "from_onnx",
    "from_torch",
    "onnx_nodes",
]
