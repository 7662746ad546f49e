"""The promises of the repository itself: versions, layers of the package, docstrings, and what the README says."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import zzcp
from docs.images.imports import import_graph, imports, picture, room_graph, sources

DOMAIN = ("hardware", "workload", "mapping")
ABOVE_DOMAIN = (
    "io",
    "cost",
    "solver",
    "mappers",
    "sweeps",
    "comparison",
    "explanations",
    "records",
    "report",
    "cli",
)

# Spelt in parts, so that this file does not contain what it forbids.
ROOTS = "|".join(("home", "mnt", "opt", "root", "tmp", "Users", "var", "work"))
ABSOLUTE = re.compile(rf"(?<![\w.~/)}}\]*-])/(?:{ROOTS})(?![\w-])")
REGISTRY = re.compile(r"\b(?:pypi\.(?:org|python)|pythonhosted\.|anaconda\.org|npmjs\.)")


@pytest.fixture(scope="session")
def project(root: Path) -> dict[str, Any]:
    """Return what pyproject.toml holds."""
    return tomllib.loads((root / "pyproject.toml").read_text())


def repository_files(root: Path) -> list[Path]:
    """Return the files that are, or would be, committed; every file outside hidden folders without git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    names = listing.stdout.decode().split("\0") if listing.returncode == 0 else []
    files = [root / name for name in names if name and (root / name).is_file()]
    return files or [
        path
        for path in root.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts[:-1])
    ]


def texts(root: Path, suffixes: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield name and content of the repository's text files, or of those with certain suffixes."""
    for path in repository_files(root):
        if suffixes and path.suffix not in suffixes:
            continue
        try:
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def prose(root: Path) -> str:
    """Return everything that is written for readers outside the code."""
    return "\n".join(text for _, text in texts(root, (".md",)))


# ---- versions and legal ---------------------------------------------------------------------------------------


def test_version_is_the_same_everywhere(root: Path, project: dict[str, Any]) -> None:
    version = project["project"]["version"]
    assert zzcp.__version__ == version
    assert re.search(rf"^## \[?{re.escape(version)}\b", (root / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_licence_is_mit(root: Path, project: dict[str, Any]) -> None:
    assert project["project"]["license"] == "MIT"
    assert (root / "LICENSE").read_text().startswith("MIT License")


def test_every_dependency_has_a_lower_bound(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"].values()
    requirements = [*project["project"]["dependencies"], *(entry for extra in extras for entry in extra)]
    unbounded = [entry for entry in requirements if not re.search(r">=|==|^zzcp\[", entry)]
    assert unbounded == []


# ---- no trace of a particular machine -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"see {'/'}tmp/x", True),
        (f'"{"/"}home/me"', True),
        (f"{'/'}work", True),
        ("models/work/x", False),
        ("../tmp", False),
        ("$(VENV)/tmp", False),
        (f"{'/'}workload", False),
        ("https://example.org/home", False),
    ],
)
def test_absolute_paths_are_recognised(text: str, found: bool) -> None:
    assert bool(ABSOLUTE.search(text)) is found


@pytest.mark.parametrize("pattern", [ABSOLUTE, REGISTRY], ids=["absolute path", "registry host"])
def test_no_file_names_a_machine(root: Path, pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts(root)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


# ---- layers of the package ------------------------------------------------------------------------------------


def violations(root: Path, parts: tuple[str, ...], forbidden: tuple[str, ...]) -> list[str]:
    """Return the imports of `forbidden` modules (or of what is in them) by the given parts of the package."""
    named = sources(root)
    return [
        f"{path.relative_to(root).as_posix()}:{line} imports {name}"
        for path, module in named.items()
        if not parts or path.relative_to(root).parts[1] in parts
        for line, name in imports(path.read_text(), module.rpartition(".")[0], set(named.values()))
        if any(name == other or (other != "zzcp" and name.startswith(f"{other}.")) for other in forbidden)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import zzcp.solver.cpsat.model", ["zzcp.solver.cpsat.model"]),
        ("from zzcp import solver, Layer", ["zzcp.solver", "zzcp"]),
        ("from zzcp.solver import solve", ["zzcp.solver"]),
        ("from ..solver import solve", ["zzcp.solver"]),
        ("from .. import solver", ["zzcp.solver"]),
        ("from . import energy", ["zzcp.cost.energy"]),
        ("def f():\n    if TYPE_CHECKING:\n        import ortools.sat", ["ortools.sat"]),
    ],
)
def test_imports_are_found(source: str, expected: list[str]) -> None:
    modules = {"zzcp", "zzcp.solver", "zzcp.cost", "zzcp.cost.energy"}
    assert [name for _, name in imports(source, "zzcp.cost", modules)] == expected


@pytest.mark.parametrize(
    ("parts", "forbidden"),
    [
        (("documents",), ("zzcp", *(f"zzcp.{part}" for part in (*DOMAIN, *ABOVE_DOMAIN)))),
        (DOMAIN, ("zzcp", *(f"zzcp.{part}" for part in ABOVE_DOMAIN))),
        (("cost",), ("zzcp", "zzcp.solver", "zzcp.mappers", "zzcp.report", "zzcp.cli")),
        (("io",), ("zzcp", "zzcp.solver", "zzcp.mappers", "zzcp.report", "zzcp.cli")),
        (("solver", "mappers"), ("zzcp", "zzcp.report", "zzcp.cli")),
        (("report",), ("zzcp.cli",)),
    ],
    ids=lambda value: "-".join(value) if value[0] != "zzcp" else "",
)
def test_data_flows_one_way(root: Path, parts: tuple[str, ...], forbidden: tuple[str, ...]) -> None:
    assert violations(root, parts, forbidden) == []


def circles(graph: nx.DiGraph) -> list[list[str]]:
    """Return the groups of nodes that can all reach each other."""
    return [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1]


def test_no_modules_import_each_other_in_a_circle(root: Path) -> None:
    assert circles(import_graph(root)) == []


def test_no_rooms_import_each_other_in_a_circle(root: Path) -> None:
    assert circles(room_graph(root)) == []


def test_the_picture_of_the_rooms_is_current(root: Path) -> None:
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert picture(root) in page, "python -m docs.images.imports draws it again"


def test_only_the_solver_knows_ortools(root: Path) -> None:
    found = violations(root, (), ("ortools",))
    assert [entry for entry in found if not entry.startswith("zzcp/solver/")] == []


# ---- docstrings -----------------------------------------------------------------------------------------------


def undocumented(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    """Yield the public classes, functions and methods that have no docstring."""
    for node in tree.body:
        if not isinstance(
            node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) or node.name.startswith("_"):
            continue
        marks = {ast.unparse(mark).rsplit(".", 1)[-1] for mark in node.decorator_list}
        if not ast.get_docstring(node) and not marks & {"overload", "override", "setter"}:
            yield f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node, f"{prefix}{node.name}.")


def test_missing_docstrings_are_found() -> None:
    source = (
        "def f(): ...\nclass A:\n    'd'\n    def m(self): ...\n    def _p(self): ...\ndef g():\n    'd'\n"
    )
    assert list(undocumented(ast.parse(source))) == ["f", "A.m"]


def test_every_public_name_has_a_docstring(root: Path) -> None:
    missing = []
    for path in sorted((root / "zzcp").rglob("*.py")):
        tree = ast.parse(path.read_text())
        name = path.relative_to(root).as_posix()
        missing += [] if ast.get_docstring(tree) else [name]
        missing += [f"{name}: {entry}" for entry in undocumented(tree)]
    assert missing == []


# ---- what the documents say -----------------------------------------------------------------------------------


def test_documents_name_only_extras_that_exist(root: Path, project: dict[str, Any]) -> None:
    named = {
        extra for group in re.findall(r"(?:zzcp|\.)\[([\w,-]+)\]", prose(root)) for extra in group.split(",")
    }
    assert named <= set(project["project"]["optional-dependencies"])
    assert "dev" in named


def test_documents_name_only_make_targets_that_exist(root: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make (?:[A-Z]+=\S+ )?([a-z][a-z-]*)", prose(root), re.MULTILINE))
    assert named <= targets
    assert {"demo", "test", "test-slow"} <= named


def test_ci_runs_the_test_command_of_the_readme(root: Path) -> None:
    assert "make test" in (root / "README.md").read_text().splitlines()
    assert "make test" in (root / ".ci" / "run").read_text().splitlines()


def test_links_between_documents_resolve(root: Path) -> None:
    files = {path.resolve() for path in repository_files(root)}
    known = files | {folder for path in files for folder in path.parents}  # git keeps no empty folder
    broken = [
        f"{name}: {target}"
        for name, text in texts(root, (".md",))
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)
        if "://" not in target and (root / name).parent.joinpath(target).resolve() not in known
    ]
    assert broken == []


def code_blocks(root: Path, language: str) -> list[str]:
    """Return the README's examples in a language."""
    text = (root / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_python_examples_of_the_readme_print_what_it_says(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = code_blocks(root, "python")
    assert examples
    monkeypatch.chdir(root)
    scope: dict[str, object] = {}  # later examples go on where earlier ones end
    for example in examples:
        exec(compile(example, "<example of README.md>", "exec"), scope)
    assert capsys.readouterr().out == "".join(code_blocks(root, "text"))


def test_commands_of_the_readme_run(root: Path, tmp_path: Path) -> None:
    lines = "".join(code_blocks(root, "sh")).splitlines()
    commands = [line.removeprefix("python -m ") for line in lines if re.match(r"(python -m )?zzcp ", line)]
    assert commands
    for folder in ("examples", "models"):  # so that results are written elsewhere
        (tmp_path / folder).symlink_to(root / folder)
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command, comments=True)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
