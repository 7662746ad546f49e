"""Timeloop's problem files to workloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zzcp.checks import among
from zzcp.conversion.arithmetic import whole
from zzcp.conversion.notes import Notes
from zzcp.conversion.operands import assigned
from zzcp.conversion.parts import Part
from zzcp.conversion.source import Source
from zzcp.conversion.windows import NAMES, Tensor, Term, build
from zzcp.errors import InputError, Place
from zzcp.workload import Network
from zzcp.workload.layer import FINAL

WORD_BITS = 16
"""Bits of a value where nothing says it: those of Timeloop's words."""
_SHAPES = ("cnn-layer", "cnn_layer", "CNN-Layer")
"""The shape that Timeloop itself knows by name."""
_CNN = {
    "Weights": ((("C", ""),), (("K", ""),), (("R", ""),), (("S", ""),)),
    "Inputs": (
        (("N", ""),),
        (("C", ""),),
        (("R", "Wdilation"), ("P", "Wstride")),
        (("S", "Hdilation"), ("Q", "Hstride")),
    ),
    "Outputs": ((("N", ""),), (("K", ""),), (("Q", ""),), (("P", ""),)),
}
"""Its tensors: for every index the loops and the names of their factors."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """The names of a problem's tensors, and of the one that is written."""

    names: tuple[str, ...]
    output: str | None


def tensor_names(problem: Part) -> Tensors:
    """Return what the tensors of a problem are called."""
    shape = problem.at("shape")
    if shape.exists and not shape.is_mapping:
        return Tensors(tuple(_CNN), "Outputs")
    spaces = _spaces(shape)
    names = tuple(space.at("name").text("the name of a tensor") for space in spaces)
    written = [name for name, space in zip(names, spaces, strict=True) if _is_written(space)]
    return Tensors(names, written[0] if len(written) == 1 else None)


def read_network(
    source: Source, given: Mapping[str, str], precision: Mapping[str, int], notes: Notes
) -> Network:
    """Return the workload that a problem file describes: one layer.

    Parameters
    ----------
    source : Source
        The files.
    given : mapping of str to str
        Memory operands of tensors, where the user says them.
    precision : mapping of str to int
        Bits of the operands, where the user says them.
    notes : Notes
        Where remarks go.

    Raises
    ------
    InputError
        If the problem is no layer.
    """
    problem = source.part("problem")
    assert problem is not None
    shape = problem.at("shape")
    instance = problem.at("instance") if problem.at("instance").exists else problem
    factors = {
        part.at("name").text(): whole(part.at("default"), {}, "a factor") if part.at("default").exists else 1
        for part in (shape.at("coefficients").items() if shape.is_mapping else ())
    }
    names = tensor_names(problem)
    operands = assigned(names.names, given, names.output)
    if shape.is_mapping:
        loops = shape.at("dimensions").texts("a list of loops")
        if len(set(loops)) < len(loops):
            raise shape.at("dimensions").error("a loop is given twice", expected="every loop once")
        indices = {
            space.at("name").text(): tuple(
                _terms(index, instance, factors) for index in _projection(space.at("projection"))
            )
            for space in _spaces(shape)
        }
        name = shape.at("name").text() if shape.at("name").exists else "problem"
    else:
        if shape.exists and shape.text() not in _SHAPES:
            raise shape.error("a shape that is not known", expected=f"a mapping, or {_SHAPES[0]}")
        loops, name = ("R", "S", "P", "Q", "C", "K", "N"), "cnn-layer"
        indices = {
            tensor: tuple(
                tuple(
                    (loop, _factor(factor, instance, {factor: 1}) if factor else 1) for loop, factor in index
                )
                for index in spaces
            )
            for tensor, spaces in _CNN.items()
        }
    sizes = {_dimension(loop): _size(instance, loop) for loop in loops}
    tensors = [Tensor(tensor, NAMES[operands[tensor]], spaces) for tensor, spaces in indices.items()]
    _remarks(instance, loops, set(factors), notes)
    bits = _bits(precision, tensors, notes)
    try:
        return Network(name, (build(name, "Layer", sizes, tensors, bits),))
    except InputError as error:
        if error.place == Place():
            raise problem.document.placed(error, problem.path) from None
        raise


def _bits(precision: Mapping[str, int], tensors: list[Tensor], notes: Notes) -> dict[str, int]:
    """Return the bits of every operand: a problem says nothing of them."""
    names = [tensor.operand for tensor in tensors] + [f"O{FINAL}"]
    for name in precision:
        among(name, names, "precision of an unknown operand", found=repr(name))
    free = [name for name in names if name not in precision]
    if free:
        notes.assume(
            f"{', '.join(free)} have {WORD_BITS} bits, Timeloop's default word; --precision W=8,I=8,O=24,O_final=8 for "
            "others (a machine with words of other widths counts words in Timeloop, bits here)"
        )
    return {name: precision.get(name, WORD_BITS) for name in names}


def _spaces(shape: Part) -> tuple[Part, ...]:
    spaces = shape.first("data_spaces", "data-spaces", "dataspaces").items()
    if not spaces:
        raise shape.error("no tensors", expected="data_spaces, a list with name and projection of each")
    return spaces


def _is_written(space: Part) -> bool:
    return space.first("read_write", "read-write").flag()


def _projection(part: Part) -> tuple[tuple[Part, ...], ...]:
    """Return for every index the parts of its sum."""
    return tuple(index.items() for index in part.items())


def _terms(index: tuple[Part, ...], instance: Part, factors: Mapping[str, int]) -> tuple[Term, ...]:
    """Return the sum that an index is: ``[[R, Wdilation], [P, Wstride]]``."""
    terms = []
    for part in index:
        loop, *named = part.texts("a loop and the name of its factor")
        if len(named) > 1:
            raise part.error("wrong value", expected="a loop, and at most one factor")
        factor = 1
        for name in named:
            factor = int(name) if name.isdecimal() else _factor(name, instance, factors)
        terms.append((_dimension(loop), factor))
    return tuple(terms)


def _factor(name: str, instance: Part, factors: Mapping[str, int]) -> int:
    part = instance.at(name)
    if part.exists:
        return whole(part, {}, "a factor")
    if name not in factors:
        raise instance.error(f"the factor {name} has no value", expected="a number in the instance")
    return factors[name]


def _size(instance: Part, loop: str) -> int:
    part = instance.at(loop)
    if not part.exists:
        raise instance.error(f"the loop {loop} has no size", expected="a number in the instance")
    return whole(part, {}, f"size of {loop}")


def _dimension(loop: str) -> str:
    return loop.upper()


def _remarks(instance: Part, loops: tuple[str, ...], factors: set[str], notes: Notes) -> None:
    """Name what of an instance is not read."""
    known = {*loops, *factors, "Wstride", "Hstride", "Wdilation", "Hdilation", "shape", "version", "instance"}
    for part in instance.entries():
        if part.key in known:
            continue
        if part.key == "densities":
            if part.is_mapping and part.names():
                notes.miss("densities", "tensors are dense")
        else:
            notes.miss(f"{part.key} of the problem", "it is no loop and no factor, as in Timeloop's model")
