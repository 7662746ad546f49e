"""Reading ONNX files: bytes to a model, its graph laid out flat with all shapes, its nodes to layers.

`file` reads and checks the model, `dimensions` fixes what it leaves open, `inference` and `tensors` find shapes (with
the onnx package), `walk`, `control` and `flat` lay out what is inside of nodes, `operators` says which operators
become layers and how, `precision` with which bits, `reasons` why others do not; `reader` puts the network together.
"""

from zzcp.io.onnx.reader import load_onnx

__all__ = ["load_onnx"]
