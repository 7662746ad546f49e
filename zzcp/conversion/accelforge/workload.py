"""AccelForge's workloads to ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zzcp.conversion.accelforge.einsums import Einsum, einsums
from zzcp.conversion.accelforge.sets import tensors as set_of
from zzcp.conversion.arithmetic import whole
from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part
from zzcp.conversion.source import Source
from zzcp.conversion.windows import NAMES, Tensor, build
from zzcp.errors import InputError, Place
from zzcp.workload import Layer, Network, SkippedNode
from zzcp.workload.checks import MAX_LOOP
from zzcp.workload.layer import FINAL

_BOUNDS = re.compile(r"\s*(-?\d+)\s*(<=|<)\s*(\w+)\s*(<=|<)\s*(-?\d+)\s*")
_WHOLE = "a whole number"


def read_network(
    source: Source, given: Mapping[str, str], precision: Mapping[str, int], notes: Notes
) -> Network:
    """Return the workload that AccelForge's file describes: a layer for each of its computations.

    Parameters
    ----------
    source, given, precision, notes
        As for `zzcp.conversion.timeloop.problem.read_network`.

    Raises
    ------
    InputError
        If no computation is a layer.
    """
    workload = source.part("workload")
    assert workload is not None
    if source.part("renames"):
        notes.miss("renames", "operands are told by the names of tensors and the renames of each computation")
    layers: list[Layer] = []
    skipped: list[SkippedNode] = []
    producers: dict[str, int] = {}
    computations = einsums(workload)
    reasons: list[InputError] = []
    for i, einsum in enumerate(computations):
        try:
            layer = _layer(einsum, i, workload, given, precision, producers, notes)
        except InputError as error:
            if error.place != Place():
                raise
            # a computation that is no layer, as others may be
            reasons.append(workload.document.placed(error, einsum.part.path))
            skipped.append(SkippedNode(i, einsum.name, "Einsum", str(error.message), None))
            notes.miss(f"the computation {einsum.name}", f"it is no layer: {error.message}")
            continue
        layers.append(layer)
        if einsum.output:
            producers[einsum.output] = i
    if not layers:
        raise reasons[0]
    if len(computations) > 1:
        notes.miss(
            "computations fused tile by tile",
            "a tensor between layers passes through memory, or stays whole on the chip (--keep-on-chip)",
        )
    name = workload.document.file.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    return Network(name or "workload", tuple(layers), skipped=tuple(skipped))


def _layer(
    einsum: Einsum,
    identifier: int,
    workload: Part,
    given: Mapping[str, str],
    precision: Mapping[str, int],
    producers: Mapping[str, int],
    notes: Notes,
) -> Layer:
    operands = einsum.operands(given)
    spelt = dict.fromkeys(
        loop for access in einsum.accesses.values() for index in access.indices for loop, _ in index.terms
    )
    if len(spelt) != len({name.upper() for name in spelt}):
        raise einsum.part.error(
            "loops that differ in small and capital letters only",
            expected="names that differ",
            found=", ".join(spelt),
        )
    tensors = [
        Tensor(
            name,
            NAMES[operands[name]],
            tuple(tuple((loop.upper(), factor) for loop, factor in index.terms) for index in access.indices),
        )
        for name, access in einsum.accesses.items()
    ]
    sizes = {loop.upper(): _size(loop, einsum, workload) for loop in spelt}
    bits = operand_bits(einsum, workload, operands)
    notes.assume("partial sums have the bits of the output, as in AccelForge (--precision O=24 for others)")
    for key in ("n_instances", "is_copy_operation"):
        if einsum.part.is_mapping and einsum.part.at(key).exists:
            notes.miss(f"{key} of {einsum.name}", "it is not looked at")
    sources = {
        NAMES[operand]: producers[name]
        for name, operand in operands.items()
        if operand != "O" and name in producers
    }
    return build(
        einsum.name,
        "Einsum",
        sizes,
        tensors,
        {**bits, **{name: value for name, value in precision.items() if name in bits}},
        identifier=identifier,
        sources=sources,
        combine=einsum.combine,
    )


def _size(loop: str, einsum: Einsum, workload: Part) -> int:
    """Return the iterations of a loop: by its bounds, and by the sizes of the ranks that it alone indexes.

    Raises
    ------
    InputError
        If the file says none.
    """
    ranks = {loop.upper()} | {
        index.rank
        for access in einsum.accesses.values()
        for index in access.indices
        if index.terms == ((loop, 1),)
    }
    sizes = []
    for scope in (workload, einsum.part) if einsum.part.is_mapping else (workload,):
        sizes += [whole(part, {}, _WHOLE) for part in scope.at("rank_sizes").entries() if part.key in ranks]
        # versions before 1.0 say shape for iteration_space_shape
        shape = scope.first("iteration_space_shape", "shape")
        for part in shape.entries() if shape.is_mapping else shape.items():
            bounds = _bounds(part)
            if bounds[0] == loop:
                sizes.append(bounds[1])
    if not sizes:
        raise einsum.part.error(
            f"the loop {loop} of {einsum.name} has no size",
            expected="iteration_space_shape or rank_sizes for every loop",
        )
    if min(sizes) > MAX_LOOP:
        raise einsum.part.error(
            f"the loop {loop} of {einsum.name} is too long",
            expected=f"at most {MAX_LOOP}",
            found=str(min(sizes)),
        )
    return min(sizes)


def _bounds(part: Part) -> tuple[str, int]:
    """Return a loop and its iterations: ``0 <= m < 128``."""
    text = part.text("bounds such as 0 <= m < 128")
    match = _BOUNDS.fullmatch(text)
    if match is None:
        raise part.error("bounds that are not understood", expected="such as 0 <= m < 128", found=text)
    first = int(match[1]) + (match[2] == "<")
    last = int(match[5]) - (match[4] == "<")
    if last < first:
        raise part.error("a loop without iterations", found=text)
    return match[3], last - first + 1


def operand_bits(einsum: Einsum, workload: Part, operands: Mapping[str, str]) -> dict[str, int]:
    """Return the bits of every operand of a computation: those of the tensor, else those of the workload.

    Raises
    ------
    InputError
        If neither says them.
    """
    universe = frozenset(operands)
    words = {"I1": "input", "I2": "weight", "O": "output"}
    names = {words[operand]: frozenset((name,)) for name, operand in operands.items()}
    names = {**dict.fromkeys(words.values(), frozenset()), **names}
    names |= {name: frozenset((name,)) for name in operands}
    names |= {name: frozenset((tensor,)) for name, tensor in einsum.renames.items()}
    general: dict[str, int] = {}
    for part in workload.at("bits_per_value").entries():
        for tensor in set_of(Key(part.document, part.path), names, universe):
            general[tensor] = whole(part, {}, _WHOLE)
    bits: dict[str, int] = {}
    for tensor, operand in operands.items():
        own = einsum.accesses[tensor].bits
        value = whole(own, {}, _WHOLE) if own else general.get(tensor)
        if value is None:
            raise einsum.part.error(f"{tensor} has no bits_per_value", expected="a number of bits")
        bits[NAMES[operand]] = value
    if "O" not in bits:
        raise einsum.part.error(f"{einsum.name} writes no tensor", expected="output: True at one of them")
    return {**bits, f"O{FINAL}": bits["O"]}


class Key(Part):
    """The key of an entry, in the place of its value."""

    def text(self, expected: str = "a text") -> str:  # noqa: ARG002
        """Return the key."""
        return self.key
