"""Text to plain data, with lines: YAML and JSON, bounded in size, depth and alias expansion."""

from zzcp.documents.document import load_document, parse_document
from zzcp.documents.nodes import Document

__all__ = ["Document", "load_document", "parse_document"]
