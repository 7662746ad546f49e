"""Tensors of other tools' files, and the memory operands that stand for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zzcp.checks import among
from zzcp.errors import InputError
from zzcp.hardware.memory import MEMORY_OPERANDS

_WORDS = {
    "I1": ("input", "inputs", "ifmap", "ifmaps", "activation", "activations", "i", "a", "x"),
    "I2": ("weight", "weights", "filter", "filters", "w", "f", "b"),
    "O": ("output", "outputs", "ofmap", "ofmaps", "psum", "psums", "o", "z", "y"),
}
"""What tensors are called, in small letters."""


def operand_of(tensor: str) -> str | None:
    """Return the memory operand that a tensor of that name is by custom, or None."""
    return next((operand for operand, words in _WORDS.items() if tensor.lower() in words), None)


def assigned(tensors: Iterable[str], given: Mapping[str, str], output: str | None = None) -> dict[str, str]:
    """Return the memory operand of every tensor.

    Parameters
    ----------
    tensors : iterable of str
        Names in the order of the source.
    given : mapping
        What the user says: names of tensors to ``I1``, ``I2`` or ``O``.
    output : str, optional
        The tensor that is written, where the source says it.

    Raises
    ------
    InputError
        If two tensors would be one operand, or the operand of one is not known.
    """
    names = list(dict.fromkeys(tensors))
    for name, operand in given.items():
        among(operand, MEMORY_OPERANDS, f"wrong operand of tensor {name}")
    found: dict[str, str] = {name: given[name] for name in names if name in given}
    if output is not None:
        found.setdefault(output, "O")
    for name in names:
        by_name = operand_of(name)
        if name not in found and by_name and by_name not in found.values():
            found[name] = by_name
    for name in names:
        free = [operand for operand in ("I2", "I1", "O") if operand not in found.values()]
        if name not in found and output is not None and free and free[0] != "O":
            found[name] = free[0]
    unknown = [name for name in names if name not in found]
    if unknown or len(set(found.values())) != len(found):
        raise InputError(
            f"which operands the tensors {', '.join(names)} are is not known",
            expected="an output and at most two inputs",
            hint="say it: --operand TENSOR=I1 for activations, TENSOR=I2 for weights, TENSOR=O for outputs",
        )
    return found
