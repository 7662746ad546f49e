"""The points of a sweep as a sequence that holds none of them: each is made when it is asked for."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import product
from math import prod
from typing import Any, NamedTuple, overload

from zzcp.costs import CostModel, priced
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping.unrollings import FREE, Unrolling, UnrollingOptions
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.sweeps.axes import Axis, Step
from zzcp.sweeps.fields import Subject
from zzcp.sweeps.plan import GivenUnrolling, Planned, at_steps, check_costs_given, unrolling_at
from zzcp.sweeps.store import point_key
from zzcp.workload import Layer, Network

MAX_POINTS = 100_000
"""Most points of a sweep."""
_AT_HAND = 512
"""Points that are not made again."""
_DIGEST = 32
"""Bytes of a key."""


class _Run(NamedTuple):
    """One search at every step of the axes."""

    workload: str
    layer: Layer
    objective: str


class Grid(Sequence[Planned]):
    """Every point of a sweep, in the order of its axes, the first one changing slowest.

    Of each only its key is kept, and which of equal ones is the first: what a sweep takes of memory does not depend on
    the machines and layers that it makes. All are made once in the beginning, which checks them.

    Parameters
    ----------
    accelerator : Accelerator
        The machine whose fields are varied.
    networks : sequence of Network
        What runs on it.
    axes : tuple of Axis
        What is varied.
    objectives : sequence of str
        What is minimised, one after the other.
    spatial : SpatialMapping, dict or MappingFile, optional
        The unrolling, as for `sweep`.
    links : mapping of str to str, optional
        Memory operand of every operand.
    options : SearchOptions
        How every point is searched.
    unrollings : UnrollingOptions
        How an unrolling is found that is not given.
    costs : CostModel, optional
        What memories cost at every point.
    resized : sequence of str
        These memories.

    Raises
    ------
    InputError
        If there are too many points.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        networks: Sequence[Network],
        axes: tuple[Axis, ...],
        objectives: Sequence[str],
        spatial: GivenUnrolling,
        links: Mapping[str, str] | None,
        options: SearchOptions,
        unrollings: UnrollingOptions = FREE,
        costs: CostModel | None = None,
        resized: Sequence[str] = (),
    ) -> None:
        self.accelerator, self.axes, self.resized, self.options = accelerator, axes, resized, options
        self._runs = [
            _Run(network.name, layer, objective)
            for network in networks
            for layer in network
            for objective in objectives
        ]
        self._length = prod(len(axis.steps) for axis in axes) * len(self._runs)
        if self._length > MAX_POINTS:
            raise InputError("too many points", expected=f"at most {MAX_POINTS:,}", found=f"{self._length:,}")
        self._spatial, self._unrollings, self._links, self.costs = spatial, unrollings, links, costs
        self._release = version("zzcp")
        self._unchanged: dict[int, tuple[Unrolling, dict[str, str] | None]] = {}
        self._made_before: dict[int, Planned] = {}
        self._keys = bytearray()
        self.first = array("l")
        """For every point that was walked over the number of the first one with the same key."""

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, number: int) -> Planned: ...

    @overload
    def __getitem__(self, number: slice) -> list[Planned]: ...

    def __getitem__(self, number: int | slice) -> Planned | list[Planned]:
        """Return a point."""
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(self._length))]
        if not 0 <= number < self._length:
            raise IndexError(number)
        if number in self._made_before:
            return self._made_before[number]
        rest, run = divmod(number, len(self._runs))
        steps: list[Step] = []
        for axis in reversed(self.axes):
            rest, place = divmod(rest, len(axis.steps))
            steps.append(axis.steps[place])
        if len(self._made_before) >= _AT_HAND:
            self._made_before.clear()
        point = self._made_before[number] = self._made(
            tuple(reversed(steps)), self._runs[run], self.key(number)
        )
        return point

    @property
    def runs(self) -> int:
        """Points at each step of the axes: pairs of a layer and an objective."""
        return len(self._runs)

    def key(self, number: int) -> str | None:
        """Return the key of a point; None before it was walked over."""
        found = self._keys[number * _DIGEST : (number + 1) * _DIGEST]
        return found.hex() or None

    def walk(self) -> Iterator[Planned]:
        """Yield every point once, check that each is a machine and a layer, and note their keys.

        Raises
        ------
        InputError
            If a point is none, or what a cost model gives is varied, too.
        """
        seen: dict[bytes, int] = {}
        del self.first[:], self._keys[:]
        for steps in product(*(axis.steps for axis in self.axes)):
            for run in self._runs:
                point = self._made(steps, run, None)
                digest = bytes.fromhex(point.key)
                self.first.append(seen.setdefault(digest, len(self.first)))
                self._keys += digest
                yield point

    def machines(self) -> Iterator[Accelerator]:
        """Yield the machine at every step of the axes."""
        for number in range(0, self._length, max(1, len(self._runs))):
            yield self[number].job.accelerator

    def _made(self, steps: tuple[Step, ...], run: _Run, key: str | None) -> Planned:
        base = Subject(self.accelerator, run.layer)
        subject, values = at_steps(base, self.axes, steps)
        if self.costs is not None:
            subject = subject._replace(accelerator=priced(subject.accelerator, self.costs, self.resized))
            check_costs_given(self.axes, subject.accelerator, self.resized)
        unrolled, own_links = self._unrolled(base, subject)
        links = dict(self._links) if self._links else own_links
        goal: Any = run.objective  # one of the objectives, checked before
        job = Job(subject.accelerator, subject.layer, goal, unrolled, links, options=self.options)
        return Planned(steps, values, run.workload, job, key or point_key(self._release, job))

    def _unrolled(self, base: Subject, subject: Subject) -> tuple[Unrolling, dict[str, str] | None]:
        """Return the unrolling at a point, and the links that go with it: the same while array and layer are."""
        if subject.layer is not base.layer or subject.accelerator.array is not base.accelerator.array:
            return unrolling_at(base, subject, self._spatial, self._unrollings)
        key = id(base.layer)  # of a layer that is kept
        if key not in self._unchanged:
            self._unchanged[key] = unrolling_at(base, subject, self._spatial, self._unrollings)
        return self._unchanged[key]
