"""Padded sizes: products of loops that exceed the iterations of a dimension.

Of the loops of a dimension with n iterations, whose tile sizes are t_1 | t_2 | ... | t_k < n, only the tile sizes
matter: the outermost count is ceil(n / t_k). So the mappings with these tile sizes are among those of the padded size
2 t, for every multiple t of t_k from n / 2 to n - 1: its loops have the divisors of 2 t as tile sizes, and of the tiles
of size t there are two. Such a multiple exists, since of t_k, 2 t_k, 4 t_k, ... the last below n is one. No padded
size beyond 2 (n - 1) is needed, then: the even ones from n on are enough. The size n itself is among the choices, so
that nothing gets worse.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product

from zzcp.cost.setting.lookups import divisors_of
from zzcp.cost.setting.remainders import undivided
from zzcp.workload import Layer


def padded_sizes(iterations: int, most_padding: float = math.inf) -> tuple[int, ...]:
    """Return padded sizes of a dimension whose mappings have all tile sizes together, the dimension's own size first.

    Parameters
    ----------
    iterations : int
        Of the dimension.
    most_padding : float
        What a padded size may exceed them by at most, as a share of them.
    """
    even = range(iterations + iterations % 2, 2 * iterations - 1, 2)
    most = iterations * (1 + most_padding)
    return (iterations, *(size for size in even if iterations < size <= most))


@dataclass(frozen=True, slots=True)
class Paddings:
    """The combinations of padded sizes of a layer under one unrolling.

    Parameters
    ----------
    sizes : mapping of str to tuple of int
        Per dimension what the product of its loops may be, its iterations first.
    """

    sizes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, layer: Layer, iterations: Mapping[str, int], most_padding: float = math.inf) -> Paddings:
        """Return the combinations of a layer; parameters as for `padded_sizes`."""
        kept = undivided(layer)
        return cls(
            {
                dim: (size,) if dim in kept else padded_sizes(size, most_padding)
                for dim, size in iterations.items()
            }
        )

    def promising(self, most: int) -> list[dict[str, int]]:
        """Return combinations of the iterations and of the padded sizes with the most divisors, at most so many."""
        pairs = []
        for dim, some in self.sizes.items():
            rich = max(some, key=lambda size: (len(divisors_of(size)), -size))
            pairs.append([(dim, some[0])] if rich == some[0] else [(dim, rich), (dim, some[0])])
        return [dict(sizes) for sizes in islice(product(*pairs), most)]

    def __len__(self) -> int:
        return math.prod(map(len, self.sizes.values()))

    def __iter__(self) -> Iterator[dict[str, int]]:
        """Iterate over the products that exceed their dimensions, that of loops that divide, {}, first."""
        for sizes in product(*self.sizes.values()):
            yield {
                dim: size
                for size, (dim, known) in zip(sizes, self.sizes.items(), strict=True)
                if size > known[0]
            }

    def split(self, apart: Collection[str]) -> Iterator[dict[str, tuple[int, ...]]]:
        """Iterate over sets of combinations that are all but that of loops that divide.

        Parameters
        ----------
        apart : collection of str
            Dimensions of which the iterations, and what exceeds them, are in different sets.
        """
        parts = [
            [(dim, some)] if dim not in apart or len(some) == 1 else [(dim, some[:1]), (dim, some[1:])]
            for dim, some in self.sizes.items()
        ]
        for sizes in product(*parts):
            if any(len(some) > 1 or some[0] > self.sizes[dim][0] for dim, some in sizes):
                yield dict(sizes)
