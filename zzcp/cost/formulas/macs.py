"""Energy of the array's operations."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from fractions import Fraction
from hashlib import sha512
from itertools import permutations

from zzcp.cost.setting.setting import Setting
from zzcp.errors import InputError
from zzcp.hardware.figures import decimal_of
from zzcp.hardware.imc import MacroUse, layer_energy
from zzcp.workload import Layer

_LAYER_DIM = b"\x80\x04\x95!\0\0\0\0\0\0\0\x8c\x10zigzag.datatypes\x94\x8c\x08LayerDim\x94\x93\x94."
"""ZigZag's class of layer dimensions, pickled: part of the hash of every one of them."""


def mac_energy(setting: Setting) -> Fraction:
    """Return the energy of all multiply-accumulate operations of a layer, the same for all its temporal mappings.

    Parameters
    ----------
    setting : Setting
        The layer, the machine and the unrolling.

    Returns
    -------
    Fraction
        In the unit of the machine's file, as the decimal that the file and the layer give; for an array that
        computes in memory the decimal of ZigZag's float, in pJ. What is read from its cells is
        charged to that memory.

    Raises
    ------
    InputError
        If an array that computes in memory has no weights to compute with.
    """
    array = setting.accelerator.array
    if array.in_memory_computing is not None:
        return decimal_of(sum(imc_energy_breakdown(setting).values()))
    return decimal_of(array.unit_energy) * setting.layer.macs


def zigzag_mac_energy(setting: Setting) -> float:
    """Return the energy of all operations as ZigZag rounds it: a product of floats (see `mac_energy`)."""
    array = setting.accelerator.array
    if array.in_memory_computing is not None:
        return float(setting.mac_energy)
    return array.unit_energy * setting.layer.macs


def imc_energy_breakdown(setting: Setting) -> dict[str, float]:
    """Return the energy of a layer on an array that computes in memory by component, in pJ.

    Raises
    ------
    InputError
        If the layer does not have two inputs.
    """
    return layer_energy(setting.accelerator.array, macro_use(setting))


def macro_use(setting: Setting) -> MacroUse:
    """Return how a layer uses the macros of an array that computes in memory.

    The lanes that the user unrolls count: where they do not divide the layer, all lanes take part in every
    activation and the number of activations is a fraction.

    Source: ``ImcUnit.get_mapped_oa_dim`` of zigzag-dse 3.9.1.

    Raises
    ------
    InputError
        If the layer does not have two inputs.
    """
    layer = setting.layer
    if len(layer.inputs) != 2:
        raise InputError(
            f"layer {layer.name} cannot run on an array that computes in memory",
            expected="two inputs, weights and activations",
            found=", ".join(layer.inputs),
        )
    column_dimension, row_dimension = setting.accelerator.array.macro_dimensions
    unrolling = {dimension: dict(factors) for dimension, factors in setting.spatial.unrolling}
    on_columns = unrolling.get(column_dimension, {})
    on_rows = unrolling.get(row_dimension, {})
    columns = math.prod(on_columns.values())
    lanes = columns * math.prod(on_rows.values())
    if setting.conventions.fractional_unrolling:
        on_rows = dict(zip(_zigzag_order(on_rows), on_rows.values(), strict=True))
    return MacroUse(_rows(layer, on_columns, on_rows), columns, layer.macs / float(lanes))


def _rows(layer: Layer, on_columns: MappingType[str, int], on_rows: MappingType[str, int]) -> int:
    """Return the rows that a layer occupies.

    Neighbouring outputs on the columns need the same weights one row further each (a diagonal): a filter of FX rows
    for OX outputs takes OX + FX - 1 rows. Outputs whose filter is not unrolled on the rows take no more, and where
    there is a single row it is shared.

    ZigZag fails on some layers with weight-irrelevant loops on the columns (with an IndexError where there is a
    single loop on the rows, with a KeyError where the layer has such loops outside windows, as batches): there the
    same rule is applied.
    """
    if math.prod(on_rows.values()) == 1:
        return 1
    diagonal = {}
    for activations, weights in permutations(layer.inputs):
        shared = layer.relevance(weights).irrelevant
        for relation in layer.relevance(activations).partial:
            for output, window in permutations((relation.outer, relation.inner)):
                if output in shared:
                    diagonal[window] = on_columns.get(output, 1) - 1
    return math.prod(lanes + diagonal.get(dim, 0) for dim, lanes in on_rows.items())


def _zigzag_order(dims: Iterable[str]) -> list[str]:
    """Return the order in which ZigZag pairs the loops on the rows with their lanes: that of a set.

    ``calculate_mapped_rows_when_diagonal_mapping_found`` takes the loops from a set of ``LayerDim`` but their lanes
    from a list, so that (C 5, FX 3) may count as (FX 5, C 3). The order of the set follows from the hashes, which
    are digests of the names (``hash_sha512``) and the same in every run.
    """
    hashes = {_zigzag_hash(pickle.dumps(dim, protocol=4)) ^ _zigzag_hash(_LAYER_DIM): dim for dim in dims}
    return [hashes[value] for value in set(hashes.keys())]


def _zigzag_hash(pickled: bytes) -> int:
    return int(sha512(pickled).hexdigest(), 16)
