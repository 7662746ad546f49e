"""Where a node stands: which names are visible to it, and what its references to attributes mean."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import networkx as nx

from zzcp.errors import InputError, Place

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto

MAX_DEPTH = 64
"""Most functions, branches and bodies inside each other."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names visible in a graph or function.

    Parameters
    ----------
    names : ChainMap of str to str
        Full names of the visible tensors; the first map holds those of the graph itself.
    opsets : mapping of str to int
        Versions of the operators by domain.
    prefix : str
        Stands before the names of the tensors.
    label, mark : str
        Stand before and after the names of the nodes.
    attributes : mapping of str to AttributeProto
        What references to attributes stand for, in a function.
    depth : int
        How many graphs are around this one.
    """

    opsets: Mapping[str, int]
    names: ChainMap[str, str] = field(default_factory=ChainMap)
    prefix: str = ""
    label: str = ""
    mark: str = ""
    attributes: Mapping[str, AttributeProto] = field(default_factory=dict)
    depth: int = 0

    def inner(self, prefix: str, label: str = "", mark: str = "") -> Scope:
        """Return the scope of a graph inside a node: it sees what is around it."""
        self._check(prefix)
        return replace(
            self,
            names=self.names.new_child(),
            prefix=prefix,
            label=self.label + label,
            mark=self.mark + mark,
            depth=self.depth + 1,
        )

    def function(self, function: FunctionProto, caller: NodeProto, prefix: str, label: str) -> Scope:
        """Return the scope of a function: it sees its arguments only."""
        self._check(prefix)
        given = {attribute.name: attribute for attribute in function.attribute_proto}
        given |= {attribute.name: attribute for attribute in caller.attribute}
        return Scope(
            versions(function.opset_import) or self.opsets,
            ChainMap(),
            prefix,
            label=label,
            mark=self.mark,
            attributes=given,
            depth=self.depth + 1,
        )

    def _check(self, prefix: str) -> None:
        if self.depth >= MAX_DEPTH:
            raise InputError(
                "functions, branches or bodies are nested too deeply",
                place=Place(field=f"node {prefix[:80]}"),
                expected=f"at most {MAX_DEPTH} levels",
                found="more, as of a function that calls itself",
            )

    def resolved(self, proto: NodeProto) -> NodeProto:
        """Return a node with the values of the attributes that it refers to."""
        if not any(attribute.ref_attr_name for attribute in proto.attribute):
            return proto
        result = type(proto)()
        result.CopyFrom(proto)
        del result.attribute[:]
        for attribute in proto.attribute:
            if not attribute.ref_attr_name:
                result.attribute.append(attribute)
            elif attribute.ref_attr_name in self.attributes:
                value = result.attribute.add()
                value.CopyFrom(self.attributes[attribute.ref_attr_name])
                value.name = attribute.name
        return result


def versions(imports: Iterable[OperatorSetIdProto]) -> dict[str, int]:
    """Return the versions of operators by domain."""
    return {opset.domain: opset.version for opset in imports}


def check_functions(functions: Mapping[tuple[str, str], FunctionProto], most: int) -> None:
    """Check that no function calls itself, and that none is too large when those that it calls are expanded.

    Parameters
    ----------
    functions : mapping
        The functions of a file by domain and name.
    most : int
        Most nodes of an expanded function.

    Raises
    ------
    InputError
        If a function is not so.
    """
    sizes: dict[tuple[str, str], int] = {}
    calls = {
        key: [name for node in function.node if (name := (node.domain, node.op_type)) in functions]
        for key, function in functions.items()
    }
    graph = nx.DiGraph([(key, callee) for key, callees in calls.items() for callee in callees])
    graph.add_nodes_from(functions)
    if not nx.is_directed_acyclic_graph(graph):
        name = nx.find_cycle(graph)[0][0][1]
        raise InputError("a function of the file calls itself", place=Place(field=f"function {name}"))
    for key in reversed(list(nx.topological_sort(graph))):
        sizes[key] = len(functions[key].node) + sum(sizes[callee] for callee in calls[key])
        if sizes[key] > most:
            raise InputError(
                "a function of the file is too large with what it calls",
                place=Place(field=f"function {key[1]}"),
                expected=f"at most {most} nodes",
                found=str(sizes[key]),
            )
