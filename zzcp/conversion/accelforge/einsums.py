"""The computations of AccelForge's workloads, written out or as equations in a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from zzcp.conversion.operands import assigned, operand_of
from zzcp.conversion.parts import Part
from zzcp.conversion.windows import Term

_TERM = re.compile(r"\s*(?:(\d+)\s*\*\s*)?([A-Za-z]\w*)(?:\s*\*\s*(\d+))?\s*")
_TENSOR = re.compile(r"\s*([A-Za-z]\w*)\s*\[([^\[\]]*)\]\s*")
_EQUATION = "an equation such as O[m, n] = A[m, k] * W[k, n]"


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a tensor.

    Parameters
    ----------
    rank : str
        Its name, in capital letters by custom.
    terms : tuple of Term
        The sum of loops that it is.
    """

    rank: str
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """A tensor of a computation.

    Parameters
    ----------
    name : str
        The tensor.
    indices : tuple of Index
        What indexes it.
    bits : Part, optional
        Where its own number of bits stands.
    """

    name: str
    indices: tuple[Index, ...]
    bits: Part | None = None


@dataclass(frozen=True, slots=True)
class Einsum:
    """One computation of a workload.

    Parameters
    ----------
    name : str
        Its name.
    part : Part
        Where it stands.
    accesses : mapping of str to Access
        Its tensors.
    output : str or None
        The one that is written.
    renames : mapping of str to str
        Tensors by the names that an architecture may use: ``input``, ``output``, ``weight``.
    combine : str
        ``*`` or ``+``: how the inputs are combined.
    """

    name: str
    part: Part
    accesses: Mapping[str, Access]
    output: str | None
    renames: Mapping[str, str]
    combine: str = "*"

    def operands(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the memory operand of every tensor."""
        by_rename = {
            tensor: operand
            for name, tensor in self.renames.items()
            if tensor in self.accesses and (operand := operand_of(name))
        }
        mine = {name: operand for name, operand in given.items() if name in self.accesses}
        return assigned(self.accesses, by_rename | mine, self.output)


def einsums(workload: Part) -> list[Einsum]:
    """Return the computations of a workload.

    Raises
    ------
    InputError
        If one is in a form that is not read.
    """
    found = [_einsum(part) for part in workload.at("einsums").items()]
    if not found:
        raise workload.error("no computations", expected="einsums, a list")
    return found


def _einsum(part: Part) -> Einsum:
    if not part.is_mapping:
        return _equation(part, part)
    if part.at("einsum").exists:
        return _equation(part, part.at("einsum"))
    accesses = {}
    outputs = []
    for access in part.at("tensor_accesses").items():
        name = access.at("name").text("the name of a tensor")
        bits = access.at("bits_per_value")
        projection = access.at("projection")
        entries = projection.entries() if projection.is_mapping else projection.items()
        indices = tuple(
            _index(entry, entry.key if projection.is_mapping else "", entry.text("a sum of loops"))
            for entry in entries
        )
        accesses[name] = Access(name, indices, bits if bits.exists else None)
        if access.at("output").flag():
            outputs.append(name)
    return Einsum(
        part.at("name").text("a name"),
        part,
        accesses,
        outputs[0] if len(outputs) == 1 else None,
        _renames(part),
    )


def _equation(part: Part, equation: Part) -> Einsum:
    """Return a computation that is a text."""
    text = equation.text(_EQUATION)
    left, equals, right = text.partition("=")
    combine = "+" if re.search(r"\]\s*\+", right) else "*"
    accesses: dict[str, Access] = {}
    for tensor in (left, *re.split(r"(?<=\])\s*[*+]", right)):
        match = _TENSOR.fullmatch(tensor)
        if match is None or not equals:
            raise equation.error("an equation that is not understood", expected=_EQUATION, found=text)
        indices = []
        for index in filter(str.strip, match[2].split(",")):
            rank, colon, terms = index.partition(":")
            indices.append(_index(equation, rank.strip() if colon else "", terms if colon else index))
        accesses.setdefault(match[1], Access(match[1], tuple(indices)))
    output = next(iter(accesses))
    return Einsum(output, part, accesses, output, _renames(part) if part.is_mapping else {}, combine)


def _renames(part: Part) -> dict[str, str]:
    renames = part.at("renames")
    return {entry.key: entry.text() for entry in renames.entries()} if renames.is_mapping else {}


def _index(part: Part, rank: str, text: str) -> Index:
    """Return an index, by default with the name of its loop in capital letters."""
    terms: list[Term] = []
    for term in text.split("+"):
        match = _TERM.fullmatch(term)
        if match is None:
            raise part.error(
                "an index that is not understood",
                expected="a sum of loops such as 2*p + r",
                found=text,
                hint="constants are no padding in AccelForge either; leave them out",
            )
        terms.append((match[2], int(match[1] or 1) * int(match[3] or 1)))
    return Index(rank or terms[0][0].upper(), tuple(terms))
