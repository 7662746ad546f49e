"""Who imports whom in the package, and the picture of it in docs/architecture.md: python -m docs.images.imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

from benchmarks.pages import replace_part

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = "zzcp"
HELPERS = ("zzcp.checks", "zzcp.errors", "zzcp.frames", "zzcp.interrupt")
"""Imported nearly everywhere: left out of the picture."""


def imports(source: str, package: str, modules: set[str]) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import in a source text, wherever in the file it stands.

    ``from zzcp import x`` counts as ``zzcp.x`` where that is one of `modules`, else as the facade ``zzcp``.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield node.lineno, name if name in modules else base


def sources(root: Path = ROOT) -> dict[Path, str]:
    """Return the package's files and the names of their modules."""
    return {
        path: ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((root / PACKAGE).rglob("*.py"))
    }


def import_graph(root: Path = ROOT) -> nx.DiGraph:
    """Return which module imports which."""
    named = sources(root)
    modules = set(named.values())
    graph = nx.DiGraph()
    graph.add_nodes_from(named.values())
    for path, importer in named.items():
        package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
        for _, name in imports(path.read_text(encoding="utf-8"), package, modules):
            if name in modules and name != importer:
                graph.add_edge(importer, name)
    return graph


def room_graph(root: Path = ROOT) -> nx.DiGraph:
    """Return which room imports which: folders, without what their ``__init__`` passes on.

    The modules that stand beside sub-folders are a room, too, or, where rooms would then import each other, one each.
    """
    graph = import_graph(root)
    folders = {name for name in graph if (root / name.replace(".", "/")).is_dir()}
    loose: set[str] = set()
    for folder in sorted(folders):
        if any(other.startswith(f"{folder}.") for other in folders):
            loose.add(folder)
    for folder in sorted(loose - {PACKAGE}):
        if nx.is_directed_acyclic_graph(_between(graph, folders, loose - {folder})):
            loose.remove(folder)
    return _between(graph, folders, loose)


def _between(graph: nx.DiGraph, folders: set[str], loose: set[str]) -> nx.DiGraph:
    """Return the imports between rooms, with the modules of some folders by themselves."""

    def room(name: str) -> str:
        folder = name if name in folders else name.rpartition(".")[0]
        return name if folder in loose else folder

    between = nx.DiGraph((room(one), room(other)) for one, other in graph.edges if one not in folders)
    between.remove_edges_from(list(nx.selfloop_edges(between)))
    return between


def picture(root: Path = ROOT) -> str:
    """Return the rooms as a Mermaid flowchart; arrows that follow from others are left out."""
    graph = room_graph(root)
    graph.remove_nodes_from([*HELPERS, PACKAGE, f"{PACKAGE}.__main__"])
    graph = nx.transitive_reduction(graph)
    groups = sorted({name.rpartition(".")[0] for name in graph} - {PACKAGE})
    lines = ["```mermaid", "flowchart TD"]
    for group in groups:
        lines.append(f"    subgraph {_identifier(group)} [{_label(group, root)}]")
        lines += [f"        {_box(name, root)}" for name in sorted(graph) if name.rpartition(".")[0] == group]
        lines.append("    end")
    lines += [
        f"    {_box(name, root)}"
        for name in sorted(graph)
        if name not in groups and name.rpartition(".")[0] == PACKAGE
    ]
    # what is used by way of a folder's facade points at the folder
    lines += [f"    {_identifier(one)} --> {_identifier(other)}" for one, other in sorted(graph.edges)]
    return "\n".join([*lines, "```"])


def _identifier(name: str) -> str:
    return name.replace(".", "_")


def _box(name: str, root: Path) -> str:
    return f"{_identifier(name)}[{_label(name, root)}]"


def _label(name: str, root: Path) -> str:
    return name.rpartition(".")[2] + ("/" if (root / name.replace(".", "/")).is_dir() else "")


if __name__ == "__main__":
    replace_part("rooms", picture(), PAGE)
