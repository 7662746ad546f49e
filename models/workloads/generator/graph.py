"""A small builder of ONNX models that have shapes but no weights."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import ModelProto, TensorProto, helper, shape_inference

OPSET = 20
"""First operator set with Gelu; LayerNormalization came with 17."""

IR_VERSION = 9
"""Format version that belongs to opset 20, so that every onnx from 1.15 on reads the files."""


class Graph:
    """An ONNX graph under construction.

    Weights are inputs of the graph: the shape is all that a cost model needs, and the files stay small.
    Tensors are named after the node that produces them.

    Parameters
    ----------
    name : str
        Name of the model.
    description : str
        What the model is, with its source; it becomes the file's ``doc_string``.
    """

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self.inputs: list[onnx.ValueInfoProto] = []
        self.weights: list[onnx.ValueInfoProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.nodes: list[onnx.NodeProto] = []

    def input(self, name: str, shape: Sequence[int], element: int = TensorProto.FLOAT) -> str:
        """Declare an input of the model."""
        self.inputs.append(helper.make_tensor_value_info(name, element, shape))
        return name

    def weight(self, name: str, shape: Sequence[int]) -> str:
        """Declare a trained parameter by its shape."""
        self.weights.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def integers(self, values: Sequence[int]) -> str:
        """Return a constant list of integers, e.g. the shape for a Reshape; equal lists are stored once."""
        name = "int_" + "_".join(map(str, values))
        self.constants[name] = helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        return name

    def scalar(self, value: float) -> str:
        """Return a constant scalar."""
        name = f"float_{value!r}"
        self.constants[name] = helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        return name

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: object) -> str:
        """Append a node and return the name of its output."""
        output = f"{name}_out"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=name, **attributes))
        return output

    def conv(
        self,
        tensor: str,
        name: str,
        c: int,
        k: int,
        filter_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
    ) -> str:
        """Append a square convolution of `c` to `k` channels, with the bias that a folded BatchNorm leaves."""
        kernel = [filter_size, filter_size]
        weight = self.weight(f"{name}.weight", [k, c // groups, *kernel])
        bias = self.weight(f"{name}.bias", [k])
        return self.node(
            "Conv",
            [tensor, weight, bias],
            name,
            kernel_shape=kernel,
            strides=[stride, stride],
            pads=[padding] * 4,
            dilations=[1, 1],
            group=groups,
        )

    def gemm(self, tensor: str, name: str, c: int, k: int) -> str:
        """Append a fully connected layer in PyTorch's layout: weights (k, c) and a bias."""
        weight = self.weight(f"{name}.weight", [k, c])
        bias = self.weight(f"{name}.bias", [k])
        return self.node("Gemm", [tensor, weight, bias], name, transB=1)

    def linear(self, tensor: str, name: str, c: int, k: int, *, bias: bool) -> str:
        """Append a projection of the last axis: MatMul with weights (c, k), and an Add for the bias."""
        product = self.node("MatMul", [tensor, self.weight(f"{name}.weight", [c, k])], name)
        if not bias:
            return product
        return self.node("Add", [product, self.weight(f"{name}.bias", [k])], f"{name}.add_bias")

    def build(self, outputs: dict[str, Sequence[int]]) -> ModelProto:
        """Return the model, checked and with the shapes of all tensors.

        Parameters
        ----------
        outputs : dict of str to sequence of int
            The model's results with the shapes they must have.

        Raises
        ------
        onnx.checker.ValidationError, onnx.shape_inference.InferenceError
            If the description is wrong: shapes that do not fit, or a tensor whose shape stays unknown.
        """
        graph = helper.make_graph(
            self.nodes,
            self.name,
            self.inputs + self.weights,
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in outputs.items()
            ],
            initializer=list(self.constants.values()),
            doc_string=self.description,
        )
        model = helper.make_model(
            graph,
            producer_name="models/workloads/generate.py",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        model = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        onnx.checker.check_model(model, full_check=True)
        known = {value.name for value in model.graph.value_info} | set(outputs)
        missing = [name for node in self.nodes for name in node.output if name not in known]
        if missing:
            raise onnx.shape_inference.InferenceError(f"no shape for {', '.join(missing)}")
        return model
