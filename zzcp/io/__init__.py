"""Readers and writers: files to the domain's objects and back."""

from zzcp.documents.document import load_document, parse_document
from zzcp.documents.nodes import Document
from zzcp.io.constraints import load_constraints, read_constraints
from zzcp.io.hardware import load_accelerator, read_accelerator
from zzcp.io.mapping import FullMappings, MappingEntry, MappingFile, load_mapping, load_mapping_source
from zzcp.io.workload import load_workload, read_workload
from zzcp.io.write import accelerator_to_dict, accelerator_to_yaml, layer_to_dict, network_to_yaml

__all__ = [
    "Document",
    "FullMappings",
    "MappingEntry",
    "MappingFile",
    "accelerator_to_dict",
    "accelerator_to_yaml",
    "layer_to_dict",
    "load_accelerator",
    "load_constraints",
    "load_document",
    "load_mapping",
    "load_mapping_source",
    "load_workload",
    "network_to_yaml",
    "parse_document",
    "read_accelerator",
    "read_constraints",
    "read_workload",
]
