"""Cuts of a relaxation into parts that are sharper by themselves, none of which leaves a mapping out."""

from __future__ import annotations

from collections.abc import Sequence

from zzcp.solver.lattice.factors import Factors
from zzcp.solver.ranges.known import Chain
from zzcp.solver.ranges.relaxation import Relaxation


def by_completion(relaxation: Relaxation, factors: Factors) -> list[Relaxation]:
    """Tell apart which boundary of the output is the lowest with the whole reduction beneath.

    Its tile still takes partial sums from beneath; those above it are complete. The relaxation by itself takes the
    better of both for every tile.

    Parameters
    ----------
    relaxation : Relaxation
        What is cut.
    factors : Factors
        What its vectors stand for.

    Returns
    -------
    list of Relaxation
        One for every boundary that can be the lowest, and one for none; none at all where nothing is to be gained.
    """
    setting = relaxation.model.setting
    index = next(number for number, operand in enumerate(setting.operands) if operand.is_output)
    output, alive = setting.operands[index], relaxation.lattice.alive
    if all(bits.partial == bits.final for bits in output.stored):
        return []
    whole = factors.reuse[index] == factors.reuse[index].max()
    complete = whole.reshape(relaxation.lattice.shape)
    result = []
    for lowest in range(output.depth + 1):
        kept = dict(alive)
        for link in range(output.depth):
            kept[index, link] = alive[index, link] & (complete if link >= lowest else ~complete)
        if 0 < lowest < output.depth:
            found = relaxation.with_unfinished((index, lowest), kept)
        else:
            found = relaxation.restricted(kept)
        if all(some.any() for some in found.lattice.alive.values()):
            result.append(found)
    return result


def by_size(relaxation: Relaxation, chains: Sequence[Chain]) -> list[Relaxation]:
    """Cut the vectors of one boundary by the size of its tile, where the cheapest chains differ most in it.

    With other multipliers on either side the relaxation is sharper: a shared memory is no longer filled by a mixture of
    small tiles and of tiles that do not fit.

    Parameters
    ----------
    relaxation : Relaxation
        What is cut.
    chains : sequence of Chain
        Cheapest chains for different multipliers.

    Returns
    -------
    list of Relaxation
        Two parts; one where the other is empty; none if the chains do not differ.
    """
    widest, place, middle = 0.0, None, 0.0
    shares = relaxation.shares()
    for candidate, share in shares.items():
        sizes = [float(share[chain[candidate]]) for chain in chains if chain]
        if sizes and max(sizes) - min(sizes) > widest:
            widest, place, middle = max(sizes) - min(sizes), candidate, (max(sizes) + min(sizes)) / 2
    if place is None:
        return []
    alive = relaxation.lattice.alive
    small, large = alive[place] & (shares[place] <= middle), alive[place] & (shares[place] > middle)
    return [relaxation.restricted({**alive, place: some}) for some in (large, small) if some.any()]
