"""The evaluator of one layer on one accelerator under one unrolling, compiled once and used for many mappings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingType
from fractions import Fraction
from typing import Any

from zzcp.checks import instance
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.execution.codegen_arrays import TooLargeError
from zzcp.cost.execution.compiled import CompiledArrays, CompiledNumbers, Recording, record
from zzcp.cost.execution.plain_arrays import PlainArrays
from zzcp.cost.formulas.capacity import Flags, buffering_choices, occupied_bits
from zzcp.cost.formulas.core import (
    Figures,
    LatencyFigures,
    Model,
    compile_model,
    compute_figures,
    compute_latency,
    compute_traffic,
    mapping_tiles,
)
from zzcp.cost.formulas.macs import zigzag_mac_energy
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.cost.report import build_evaluation
from zzcp.cost.setting.remainders import Padded
from zzcp.cost.setting.setting import Setting
from zzcp.cost.setting.state import OperandState, mapping_states
from zzcp.cost.setting_compiler import compile_setting
from zzcp.errors import MappingError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.check import check_structure, every_loop_runs, loop_products
from zzcp.mapping.machine import machine_of
from zzcp.workload import Layer

COMPILE_AFTER = 64
"""Mappings that are scored by the formulas as they stand before these are compiled, which takes as long."""
COMPILE_ARRAYS_AFTER = 20_000
"""The same for batches. Measured: to compile takes as long as 20,000 mappings take longer uncompiled."""
_BATCH = 1500
"""Mappings that a batch counts as besides those that it has: it takes longer uncompiled however small it is."""


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
    padded : mapping of str to int, or to tuple of int, optional
        Products of the temporal loops, of dimensions whose iterations they exceed: the last tiles are smaller. Or all
        tile sizes that are looked at, the iterations last: then for tables of them alone.

    Raises
    ------
    MappingError
        If the unrolling does not fit the array or the layer, or loops must divide (`zzcp.cost.setting.remainders`).
    """

    def __init__(
        self,
        accelerator: Accelerator,
        layer: Layer,
        spatial: SpatialMapping,
        conventions: CostConventions = EXACT,
        links: MappingType[str, str] | None = None,
        padded: MappingType[str, Padded] | None = None,
    ) -> None:
        self.setting: Setting = compile_setting(accelerator, layer, spatial, conventions, links, padded)
        self.model: Model = compile_model(self.setting)
        self._needed = {dim: size for dim, size in self.setting.temporal_sizes.items() if size > 1}
        self._scored = 0
        self._recording: Recording | None = None
        self._compiled: CompiledNumbers | None = None
        self._arrays: CompiledArrays | None = None
        self._plain: PlainArrays | None = None
        self._batched = 0
        self._too_large = False
        self._running: dict[Any, Evaluator] = {}
        self._padded: dict[Any, Evaluator] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # compiled functions cannot be sent to another process
        setting = self.setting
        fixed = setting.accelerator, setting.layer, setting.spatial, setting.conventions
        return type(self), (*fixed, setting.links, self.padded)

    @property
    def padded(self) -> dict[str, int]:
        """Products of the temporal loops that exceed the iterations of their dimensions."""
        return {dim: self.setting.temporal_sizes[dim] for dim in self.setting.remainders}

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
        instance(mapping, Mapping, "mapping", "a Mapping; see Mapping.from_dict")
        if mapping.changes_machine:
            return self.running(mapping).evaluate(mapping.on_its_machine(), allow_invalid=allow_invalid)
        setting = self.setting
        violations: list[str] = []
        regular = self._is_regular(mapping)
        if not regular:
            broken, violations = check_structure(setting.accelerator, setting.layer, mapping, setting.links)
            if broken:
                raise MappingError(broken)
            if mapping.is_imperfect and not self._agrees(mapping):
                return self._with_loops_of(mapping).evaluate(mapping, allow_invalid=allow_invalid)
        states, figures, latency = self._score(mapping, regular=regular)
        choices = self._bufferings(mapping, states, figures)
        # copies that nobody asked for are only made where there is room; ZigZag's rule makes room by itself
        asked = mapping.buffering is not None and not setting.conventions.greedy_buffering
        if asked or not figures.fits:
            violations += capacity_violations(setting, figures.bits, choices[0] if asked else figures.forced)
        if violations and not allow_invalid:
            raise MappingError(violations)
        doubled, cycles = _best(latency, choices)
        run = states[0].period[-1] * setting.cycles_per_op
        if mapping.is_imperfect != bool(setting.remainders):
            mapping = mapping.with_factors("imperfect" if setting.remainders else "perfect")
        return build_evaluation(self.model, mapping, run, figures.energy, doubled, cycles, tuple(violations))

    def cost(self, mapping: Mapping) -> tuple[Fraction, int | float]:
        """Return energy and cycles of a mapping that is known to be valid, without a report."""
        if mapping.changes_machine:
            return self.running(mapping).cost(mapping.on_its_machine())
        if mapping.is_imperfect and not self._agrees(mapping):
            return self._with_loops_of(mapping).cost(mapping)
        states, figures, latency = self._score(mapping, regular=self._is_regular(mapping))
        _, cycles = _best(latency, self._bufferings(mapping, states, figures))
        if self.setting.conventions.fractional_unrolling:
            return Fraction(figures.energy + zigzag_mac_energy(self.setting)), cycles.total
        model = self.model
        leaked = model.leakage * cycles.total if model.leakage else 0
        return Fraction(figures.energy + leaked, model.scale), cycles.total

    def running(self, mapping: Mapping) -> Evaluator:
        """Return the evaluator of the machine that a mapping runs on where operands bypass memories or stay in them.

        Raises
        ------
        InputError
            If that cannot be (see `zzcp.mapping.machine`).
        """
        parts = mapping.bypass or {}, mapping.resident or {}, mapping.reserved or {}
        key = tuple(tuple(sorted(part.items())) for part in parts)
        if key not in self._running:
            setting = self.setting
            machine = machine_of(setting.accelerator, mapping, setting.links)
            self._running[key] = Evaluator(
                machine, setting.layer, setting.spatial, setting.conventions, setting.links
            )
        return self._running[key]

    def with_padded(self, padded: MappingType[str, int]) -> Evaluator:
        """Return the evaluator of mappings whose loops have other products.

        Parameters
        ----------
        padded : mapping of str to int
            As for the class.

        Raises
        ------
        MappingError
            If the loops of one of these dimensions must divide.
        """
        setting, iterations = self.setting, self.setting.iterations
        padded = {dim: size for dim, size in padded.items() if size > iterations[dim]}
        if padded == self.padded:
            return self
        key = tuple(sorted(padded.items()))
        if key not in self._padded:
            fixed = setting.accelerator, setting.layer, setting.spatial, setting.conventions, setting.links
            self._padded[key] = Evaluator(*fixed, padded)
        return self._padded[key]

    def _with_loops_of(self, mapping: Mapping) -> Evaluator:
        return self.with_padded(loop_products(self.setting.layer, mapping))

    def _agrees(self, mapping: Mapping) -> bool:
        """Return whether the loops of an imperfect mapping have the products of this evaluator."""
        sizes, iterations = loop_products(self.setting.layer, mapping), self.setting.iterations
        return {dim: size for dim, size in sizes.items() if size > iterations[dim]} == self.padded

    @property
    def recording(self) -> Recording:
        """The formulas of the model as a graph."""
        if self._recording is None:
            self._recording = record(self.model)
        return self._recording

    @property
    def arrays(self) -> CompiledArrays | None:
        """The formulas compiled for arrays, or None where floats cannot hold their inputs."""
        if self._arrays is None and not self._too_large:
            try:
                self._arrays = CompiledArrays(self.recording)
            except TooLargeError:
                self._too_large = True
        return self._arrays

    def arrays_for(self, mappings: int) -> CompiledArrays | PlainArrays | None:
        """Return the formulas on arrays for so many more mappings: compiled if that pays by now, else as they stand.

        None where floats cannot hold their inputs.
        """
        self._batched += _BATCH + mappings
        if self._arrays is not None or self._too_large or self._batched > COMPILE_ARRAYS_AFTER:
            return self.arrays
        try:
            self._plain = self._plain or PlainArrays(self.model)
        except TooLargeError:
            return self.arrays
        return self._plain

    def _is_regular(self, mapping: Mapping) -> bool:
        """Return whether a mapping has no fault, at a glance; if not, `check_structure` has a closer look.

        A regular mapping covers the layer with the same loops for every operand.
        """
        setting, temporal = self.setting, mapping.temporal
        if mapping.spatial != setting.spatial or len(temporal) != len(setting.operands):
            return False
        for name, flags in (mapping.buffering or {}).items():
            if name not in temporal or not 0 <= len(temporal[name]) - len(flags) <= 1:
                return False
        order: list[Any] | None = None
        for operand in setting.operands:
            levels = temporal.get(operand.name, ())
            loops = [loop for level in levels for loop in level]
            if len(levels) != operand.depth or (order is not None and loops != order):
                return False
            order = loops
        sizes: dict[str, int] = {}
        for dim, size in order or ():
            sizes[dim] = sizes.get(dim, 1) * size
        if sizes != self._needed:  # so are loops over dimensions that the layer lacks
            return False
        return not mapping.is_imperfect or every_loop_runs(order or (), setting.iterations)

    def _score(
        self, mapping: Mapping, *, regular: bool
    ) -> tuple[list[OperandState], Figures, Callable[[Flags], LatencyFigures]]:
        """Return the state of a mapping, its figures, and its latency as a function of the buffering."""
        model, setting = self.model, self.setting
        same_data_free = setting.conventions.same_data_free
        states = mapping_states(setting.operands, mapping.temporal, same_data_free=same_data_free)
        tiles = mapping_tiles(setting, mapping.temporal)
        self._scored += 1
        if regular and self._scored > COMPILE_AFTER:
            if self._compiled is None:
                self._compiled = CompiledNumbers(self.recording)
            figures, latency = self._compiled(states, tiles)
            return states, figures, latency
        traffic = compute_traffic(model, states, PYTHON, tiles)
        return (
            states,
            compute_figures(model, traffic, PYTHON),
            lambda doubled: compute_latency(model, traffic, doubled, PYTHON),
        )

    def _bufferings(
        self, mapping: Mapping, states: Sequence[OperandState], figures: Figures
    ) -> Sequence[Flags]:
        """Return the bufferings to choose from (one, unless the conventions look for the best)."""
        given, forced = mapping.buffering, figures.forced
        if given is not None and figures.greedy is not None:
            # what a memory forces takes room there, but does not change the flags of ZigZag's rule
            forced = tuple((False,) * operand.depth for operand in self.setting.operands)
        if given is not None:
            return [
                tuple(
                    tuple(
                        (level < len(given.get(operand.name, ())) and given[operand.name][level])
                        or forced[index][level]
                        for level in range(operand.depth)
                    )
                    for index, operand in enumerate(self.setting.operands)
                )
            ]
        if figures.greedy is not None:
            return [figures.greedy]
        return buffering_choices(self.setting, states, figures.bits, forced)


def _best(
    latency: Callable[[Flags], LatencyFigures], choices: Sequence[Flags]
) -> tuple[Flags, LatencyFigures]:
    """Return the buffering with the lowest latency, the first of equals, and that latency."""
    best, flags = latency(choices[0]), choices[0]
    for other_flags in choices[1:]:
        other = latency(other_flags)
        if other.total < best.total:
            best, flags = other, other_flags
    return flags, best


def capacity_violations(setting: Setting, bits: Sequence[Sequence[Any]], doubled: Flags) -> list[str]:
    """Return the memories that a mapping overflows, with demand and capacity."""
    return [
        f"memory {memory.name} holds {memory.size} bits, "
        f"the mapping needs {_bits(used)} ({_bits(used - memory.size)} too many)"
        for memory, used, most in occupied_bits(setting, bits, doubled)
        if used > most
    ]


def _bits(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"
