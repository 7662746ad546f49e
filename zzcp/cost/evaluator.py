"""The evaluator of one layer on one accelerator under one unrolling, compiled once and used for many mappings."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from zzcp.cost.capacity import Flags, buffering_choices, occupied_bits
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.core import (
    Cycles,
    Model,
    Traffic,
    compile_model,
    compute_cycles,
    compute_traffic,
    copies,
    energy_units,
    zigzag_buffering,
)
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.links import fractional_tiles
from zzcp.cost.numeric import PYTHON
from zzcp.cost.report import build_evaluation
from zzcp.cost.setting import Setting, compile_setting
from zzcp.cost.state import mapping_states
from zzcp.errors import MappingError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.check import check_structure
from zzcp.workload import Layer


class Evaluator:
    """Scores mappings of one layer on one accelerator that share their spatial unrolling.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    layer : Layer
        The layer.
    spatial : SpatialMapping
        The unrolling.
    conventions : CostConventions
        How to count; `EXACT` by default.
    links : mapping of str to str, optional
        Memory operand of every operand, where not the default.

    Raises
    ------
    MappingError
        If the unrolling does not fit the array or the layer.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        layer: Layer,
        spatial: SpatialMapping,
        conventions: CostConventions = EXACT,
        links: MappingType[str, str] | None = None,
    ) -> None:
        self.setting: Setting = compile_setting(accelerator, layer, spatial, conventions, links)
        self.model: Model = compile_model(self.setting)

    def evaluate(self, mapping: Mapping, *, allow_invalid: bool = False) -> Evaluation:
        """Return the exact cost of a mapping.

        Parameters
        ----------
        mapping : Mapping
            A mapping with the unrolling and the links of this evaluator.
        allow_invalid : bool
            Score a mapping that does not cover the layer, breaks the loop order or overflows a memory, too, and
            mark the result. Loops over unknown dimensions, missing operands or levels are never accepted.

        Raises
        ------
        MappingError
            If the mapping is invalid, with every violation and its amount.
        """
        setting = self.setting
        broken, violations = check_structure(setting.accelerator, setting.layer, mapping, setting.links)
        if broken:
            raise MappingError(broken)
        traffic = self.traffic(mapping)
        bits, forced = copies(self.model, traffic, PYTHON)
        choices = self.buffering(traffic, mapping, bits, forced)
        # copies that nobody asked for are only made where there is room; ZigZag's rule makes room by itself
        asked = mapping.buffering is not None and not setting.conventions.greedy_buffering
        kept = choices[0] if asked else forced
        violations += capacity_violations(setting, bits, kept)
        if violations and not allow_invalid:
            raise MappingError(violations)
        doubled, cycles = self.best_cycles(traffic, choices)
        return build_evaluation(self.model, traffic, doubled, cycles, tuple(violations))

    def cost(self, mapping: Mapping) -> tuple[Fraction, int | float]:
        """Return energy and cycles of a mapping that is known to be valid, without a report."""
        traffic = self.traffic(mapping)
        bits, forced = copies(self.model, traffic, PYTHON)
        _, cycles = self.best_cycles(traffic, self.buffering(traffic, mapping, bits, forced))
        return Fraction(energy_units(self.model, traffic), self.model.scale), cycles.total

    def traffic(self, mapping: Mapping) -> Traffic:
        """Return what a mapping moves."""
        operands = self.setting.operands
        states = mapping_states(
            operands, mapping.temporal, same_data_free=self.setting.conventions.same_data_free
        )
        tiles: list[Any] | None = None
        if any(not operand.energy.integral for operand in operands):
            tiles = [
                None
                if operand.energy.integral
                else fractional_tiles(operand, operand.energy, mapping.temporal[operand.name])
                for operand in operands
            ]
        return compute_traffic(self.model, states, PYTHON, tiles)

    def buffering(
        self, traffic: Traffic, mapping: Mapping, bits: Sequence[Sequence[Any]], forced: Flags
    ) -> list[Flags]:
        """Return the bufferings to choose from (one, unless the conventions look for the best)."""
        setting = self.setting
        given = mapping.buffering
        if given is not None:
            return [
                tuple(
                    tuple(
                        (level < len(given.get(operand.name, ())) and given[operand.name][level])
                        or forced[index][level]
                        for level in range(operand.depth)
                    )
                    for index, operand in enumerate(setting.operands)
                )
            ]
        if setting.conventions.greedy_buffering:
            return [zigzag_buffering(self.model, traffic, PYTHON)[0]]
        return buffering_choices(setting, traffic.states, bits, forced)

    def best_cycles(self, traffic: Traffic, choices: Sequence[Flags]) -> tuple[Flags, Cycles]:
        """Return the buffering with the lowest latency, the first of equals, and that latency."""
        best, flags = compute_cycles(self.model, traffic, choices[0], PYTHON), choices[0]
        for other_flags in choices[1:]:
            other = compute_cycles(self.model, traffic, other_flags, PYTHON)
            if other.total < best.total:
                best, flags = other, other_flags
        return flags, best


def capacity_violations(setting: Setting, bits: Sequence[Sequence[Any]], doubled: Flags) -> list[str]:
    """Return the memories that a mapping overflows, with demand and capacity."""
    found = []
    for name, used, size in occupied_bits(setting, bits, doubled):
        # fractional tiles are floats: what is not a bit too large is rounding
        if (used if isinstance(used, int) else round(used, 6)) > size:
            found.append(
                f"memory {name} holds {size} bits, the mapping needs {_bits(used)} ({_bits(used - size)} too many)"
            )
    return found


def _bits(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"
