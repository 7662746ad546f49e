"""Where bookkeeping and physics part: the conventions under which a mapping is scored."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from zzcp.checks import choice, flag, instance

_Loads = Literal["exposed", "hidden_by_run", "hidden_until_needed"]


@dataclass(frozen=True, slots=True)
class CostConventions:
    """The choices of the cost model on which published models differ.

    A bound is a bound *under stated conventions*; every result names them. ``docs/conventions.md`` has a worked
    example for each field.

    Parameters
    ----------
    name : str
        Name in results.
    first_partial_sum_reads : bool
        Whether a partial sum is read back as often as it is written (ZigZag). The first visit of an output tile
        finds nothing to read, so False is what the machine does.
    greedy_buffering : bool
        Whether double buffers in a memory are handed out operand by operand, by effective sizes, until the
        memory is full (ZigZag). Where False, the buffering is part of the mapping, and where the mapping leaves
        it open the choice with the lowest latency counts: that makes the optimum monotone in the memory sizes.
    combined_loading : bool
        Whether the first fills of the inputs are combined by a formula over exclusive, shared and half-shared
        ports (ZigZag), which counts a shared port once. Where False they are scheduled: a port carries one
        transfer at a time, a transfer occupies a port on both sides, a level is filled before it feeds the one
        below, and the best order counts.
    once_only_loads : str
        What becomes of a load that happens once: ``exposed`` (nothing hides, as in ZigZag 3.0), ``hidden_by_run``
        (behind the spare bandwidth of the whole run, even if its data is needed at the start, as in ZigZag 3.9) or
        ``hidden_until_needed`` (only behind the cycles before its data is first needed). The first piece, without
        which nothing begins, never hides; ZigZag's is a whole tile of the innermost memory.
    fractional_unrolling : bool
        Whether an unrolling that does not divide its dimension counts as a fraction in the energy and is
        floored in the latency (ZigZag: 1000 on 32 lanes become 32 x 31 = 992). Where False it is rounded up,
        never fewer lanes than the layer needs.
    truncated_bandwidth : bool
        Whether average bandwidths are truncated to integers before the spare bandwidth is taken (ZigZag).
        Where False they are exact rationals.
    access_latency : bool
        Whether the latency of the memory that is read is added to the first fill and the last drain of a link.
    overcounted_slivers : bool
        Whether windows with gaps are counted as by ZigZag: a tile of a dilated window that is narrower than the
        dilation has more elements than it touches (the formula lacks a ``max(0, .)``), and all zero padding is
        taken off the elements that the layer touches, even where it lies in the gaps between them.
    multiplied_windows : bool
        Whether the elements that neighbouring memory instances need of one window are multiplied (ZigZag)
        instead of united: instances with overlapping windows are served by one read of the union.
    early_final_precision : bool
        Whether outputs that become complete on their way to the level above count at the final precision before
        that (ZigZag): in the utilization of a memory, and where several instances are read whose partial sums are
        added up on the way. Where False, they count at the precision at which they are stored.
    whole_tiles : bool
        Whether all tiles count as much as the largest could have (ZigZag), among them the zero padding inside a tile
        and, where an unrolling does not divide, what the layer does not have. Where False, what is moved and stored is
        what exists. Tiles are told apart by what exists only where lanes are whole and windows are counted as they
        are: True together with `fractional_unrolling`, `overcounted_slivers` or `multiplied_windows`.
    ignored_output_windows : bool
        Whether the loops of a window on the output count as if every step of them made other outputs (ZigZag). Where
        False, outputs that are visited again by these loops are read back, and stay partial sums until the last visit;
        as for `whole_tiles` only without the three other fields.
    restored_everywhere : bool
        Whether partial sums that come back are written into every instance whose sums will be added up on the way out
        (ZigZag), although only one of them may start from the old sum. Where False, they are written into one.
    free_array_ends : bool
        Whether the first operands are at the array, and its last results gone, in no time (ZigZag). Where False, the
        array's own links are part of loading and unloading, unless these are combined by ZigZag's formula.
    uncoupled_ports : bool
        Whether every port is judged alone (ZigZag). Where False, links that hold two of three ports each take turns,
        and the array adds in place: it reads a partial sum in the cycle in which it writes the new one.
    refetched_overlap : bool
        Whether every refill brings the whole tile (ZigZag), also into a memory that `keeps_overlap` of sliding windows.
        Where False, such a memory is brought only what the next window adds; as for `whole_tiles` only where tiles are
        counted by what exists.
    same_data_free : bool
        Whether an input that the array uses in consecutive cycles is read from the innermost memory once.
    """

    name: str
    first_partial_sum_reads: bool = False
    greedy_buffering: bool = False
    combined_loading: bool = False
    once_only_loads: _Loads = "hidden_until_needed"
    fractional_unrolling: bool = False
    truncated_bandwidth: bool = False
    access_latency: bool = True
    overcounted_slivers: bool = False
    multiplied_windows: bool = False
    early_final_precision: bool = False
    whole_tiles: bool = False
    ignored_output_windows: bool = False
    restored_everywhere: bool = False
    free_array_ends: bool = False
    uncoupled_ports: bool = False
    refetched_overlap: bool = False
    same_data_free: bool = True

    def __post_init__(self) -> None:
        instance(self.name, str, "name of conventions", "a text")
        choice(self.once_only_loads, "value of once_only_loads", get_args(_Loads))
        for entry in fields(self):
            if entry.type == "bool":
                flag(getattr(self, entry.name), f"{entry.name} of conventions")

    @property
    def counts_tiles(self) -> bool:
        """Whether what exists of every tile can be counted: lanes are whole, and windows counted as they are."""
        return not (self.fractional_unrolling or self.overcounted_slivers or self.multiplied_windows)

    @property
    def knows_more(self) -> bool:
        """Whether fields of a machine count that ZigZag does not know, such as leakage: lanes and cycles are whole."""
        return not (self.fractional_unrolling or self.combined_loading)

    @property
    def keeps_overlap(self) -> bool:
        """Whether memories that keep the overlap of windows are brought only what is new."""
        return self.counts_tiles and not (self.whole_tiles or self.refetched_overlap)

    @property
    def fills_array(self) -> bool:
        """Whether the array's first reads are part of the loading, and its last writes of the unloading."""
        return not (self.free_array_ends or self.combined_loading)


ZIGZAG = CostConventions(
    name="zigzag",
    first_partial_sum_reads=True,
    greedy_buffering=True,
    combined_loading=True,
    once_only_loads="hidden_by_run",
    fractional_unrolling=True,
    truncated_bandwidth=True,
    access_latency=False,
    overcounted_slivers=True,
    multiplied_windows=True,
    early_final_precision=True,
    whole_tiles=True,
    ignored_output_windows=True,
    restored_everywhere=True,
    free_array_ends=True,
    uncoupled_ports=True,
    refetched_overlap=True,
)
"""The bookkeeping of zigzag-dse 3.9.1, to the bit."""

ZIGZAG_3_0 = replace(ZIGZAG, name="zigzag-3.0", once_only_loads="exposed")
"""The bookkeeping of zigzag-dse 3.0.0, in which nothing of a load hides."""

EXACT = CostConventions("exact")
"""What the machine does; the default."""

CONVENTIONS = {conventions.name: conventions for conventions in (EXACT, ZIGZAG, ZIGZAG_3_0)}
"""The presets by name."""
