"""Mappers: ways to a mapping that search no optimum and prove nothing."""

from zzcp.mappers.allocate import allocate
from zzcp.mappers.ordering import complete_order, mapping_from_entry

__all__ = ["allocate", "complete_order", "mapping_from_entry"]
