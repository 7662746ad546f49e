"""What SECURITY.md promises: no code from files, none with their names in it, private files."""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import zzcp
import zzcp.conversion
from zzcp import Layer, optimize
from zzcp.cost.execution import codegen
from zzcp.documents import parse_document
from zzcp.errors import InputError
from zzcp.solver.cache.store import FILE

PACKAGE = Path(zzcp.__file__).parent
MARK = "Zq9"
"""Part of every name in the input of these tests."""


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield every call in the package: file, what is called, and the call."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path.relative_to(PACKAGE).as_posix(), ast.unparse(node.func), node


def test_nothing_of_a_file_is_executed() -> None:
    """`exec` is there once, for the code that the evaluator writes; nothing unpickles, evaluates or starts a shell."""
    found = {
        (file, name)
        for file, name, _ in calls()
        if name in ("eval", "exec", "compile", "__import__", "os.system", "os.popen")
        or re.fullmatch(r"(pickle|marshal|shelve|dill|cloudpickle|joblib)\.(load|loads|open|Unpickler)", name)
    }
    assert found == {("cost/execution/codegen.py", "exec"), ("cost/execution/codegen.py", "compile")}


def test_yaml_is_read_by_its_events_with_a_safe_loader_only() -> None:
    used = {(file, name) for file, name, _ in calls() if name.startswith("yaml.") and "dump" not in name}
    assert {name for _, name in used} <= {"yaml.parse", "yaml.safe_load"}
    for _, name, call in calls():
        if name == "yaml.parse":
            assert [ast.unparse(option.value) for option in call.keywords if option.arg == "Loader"] == [
                "_PARSER"
            ]
    from zzcp.documents import document  # noqa: PLC0415 - its private loader

    assert document._PARSER.__name__ in ("CSafeLoader", "SafeLoader")


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [ls]", "!!python/name:os.system", "!!binary aGk="]
)
def test_tags_make_no_objects(tag: str) -> None:
    with pytest.raises(InputError, match="tags are not accepted"):
        parse_document(f"name: {tag}\n")


def test_no_shell_is_started() -> None:
    for _, name, call in calls():
        if name.startswith("subprocess."):
            assert not any(option.arg == "shell" for option in call.keywords)
            assert isinstance(call.args[0], ast.List | ast.Name)


HARDWARE = f"""\
name: {MARK}machine
memories:
  {MARK}local:
    {{size: 64, r_cost: 1, w_cost: 1, area: 0, latency: 1, operands: [I1, I2, O], served_dimensions: [],
     ports: [{{name: {MARK}p, type: read_write, bandwidth_min: 8, bandwidth_max: 8,
       allocation: ["I1, tl", "I1, fh", "I2, tl", "I2, fh", "O, tl", "O, fl", "O, th", "O, fh"]}}]}}
  {MARK}top:
    {{size: 65536, r_cost: 10, w_cost: 10, area: 0, latency: 1, operands: [I1, I2, O], served_dimensions: [D1],
     ports: [{{name: {MARK}q, type: read_write, bandwidth_min: 8, bandwidth_max: 8,
       allocation: ["I1, tl", "I2, tl", "O, tl", "O, fl"]}}]}}
operational_array: {{unit_energy: 1, unit_area: 0, dimensions: [D1], sizes: [2]}}
"""


def test_generated_code_holds_no_name_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources: list[str] = []

    def recorded(source: str, *rest: str) -> object:
        sources.append(source)
        return compile(source, *rest)

    monkeypatch.setattr(codegen, "compile", recorded, raising=False)
    (tmp_path / "machine.yaml").write_text(HARDWARE)
    machine = zzcp.load_accelerator(tmp_path / "machine.yaml")
    dims = [f"{MARK}{letter}".upper() for letter in "ABC"]
    first, second, inner = (dim.lower() for dim in dims)
    layer = Layer(
        f"O[{first}][{second}]+=W[{second}][{inner}]*I[{first}][{inner}]",
        dict(zip(dims, (4, 6, 4), strict=True)),
        name=f"{MARK}layer",
        operator=f"{MARK}operator",
        precision={"W": 8, "I": 8, "O": 8, "O_final": 8},
    )
    result = optimize(machine, layer, spatial={"D1": {dims[0]: 2}}, time_limit=600)
    assert result.mapping is not None
    assert zzcp.evaluate(machine, layer, result.mapping).edp > 0
    assert len(sources) >= 2
    words = {word for source in sources for word in re.findall(r"\w+", source)}
    assert not [word for word in words if MARK.lower() in word.lower()]
    assert "machine" not in words


def test_templates_of_others_reach_no_attribute(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    for text in (
        "{{ ''.__class__ }}",
        "{{ x() }}",
        "{% import 'x' as y %}",
        "{{ [].append }}",
        "{{ lipsum.__globals__ }}",
    ):
        path.write_text(f"arch: {text}\n")
        with pytest.raises(InputError):
            zzcp.conversion.convert([str(path)])


def test_files_of_the_cache_are_made_where_it_is_told_only(tmp_path: Path) -> None:
    before = set(Path.cwd().iterdir())
    machine = tmp_path / "machine.yaml"
    machine.write_text(HARDWARE)
    layer = Layer.gemm(b=2, k=2, c=2, precision={"W": 8, "I": 8, "O": 8, "O_final": 8})
    optimize(zzcp.load_accelerator(machine), layer, spatial={"D1": {"K": 2}}, cache=tmp_path / "cache")
    assert (tmp_path / "cache" / FILE).is_file()
    assert set(Path.cwd().iterdir()) == before


def test_temporary_files_are_private() -> None:
    """Only the standard library makes them, in folders that nobody else can read."""
    made = {(file, name) for file, name, _ in calls() if "mktemp" in name or "tempfile." in name}
    assert {name for _, name in made} <= {
        "tempfile.TemporaryDirectory",
        "tempfile.mkstemp",
        "tempfile.NamedTemporaryFile",
    }
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        mode = stat.S_IMODE(Path(folder).stat().st_mode)
    assert os.name != "posix" or mode == 0o700
