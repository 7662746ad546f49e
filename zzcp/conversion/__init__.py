"""Descriptions of other tools: Timeloop's, AccelForge's and Stream's files to ours, and mappings back to theirs."""

from zzcp.conversion.convert import Converted, convert
from zzcp.conversion.export import export

__all__ = ["Converted", "convert", "export"]
