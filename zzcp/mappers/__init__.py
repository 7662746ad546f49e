"""Mappers: ways to a mapping that prove nothing. One protocol, seven of them, and greedy allocation."""

from zzcp.mappers.allocate import allocate
from zzcp.mappers.allocate_orders import allocate_orders
from zzcp.mappers.genetic import Genetic
from zzcp.mappers.greedy import Greedy
from zzcp.mappers.loma import Loma
from zzcp.mappers.ordering import complete_order, mapping_from_entry
from zzcp.mappers.orders import loop_prime_factors, shuffled
from zzcp.mappers.protocol import Budget, Mapper, OnBest, Problem, Sample, Search
from zzcp.mappers.random_search import RandomSearch
from zzcp.mappers.registry import MAPPERS, make_mapper, options_of
from zzcp.mappers.run import Run
from zzcp.mappers.salsa import Salsa
from zzcp.mappers.zigzag import ZigZagLoma, ZigZagSalsa

__all__ = [
    "MAPPERS",
    "Budget",
    "Genetic",
    "Greedy",
    "Loma",
    "Mapper",
    "OnBest",
    "Problem",
    "RandomSearch",
    "Run",
    "Salsa",
    "Sample",
    "Search",
    "ZigZagLoma",
    "ZigZagSalsa",
    "allocate",
    "allocate_orders",
    "complete_order",
    "loop_prime_factors",
    "make_mapper",
    "mapping_from_entry",
    "options_of",
    "shuffled",
]
