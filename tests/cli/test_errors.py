"""Bad input and wrong usage: one message, never a traceback, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ACCELERATOR, CONV, WORKLOAD, Golden, Run
from zzcp.cli.main import cli
from zzcp.errors import InputError, MappingError, Place

ENTRY = '- name: default\n  spatial_mapping: {D1: ["K, 4"], D2: ["C, 4"]}\n  temporal_ordering: '
NARROW = '- name: default\n  spatial_mapping: {D1: ["K, 9"], D2: ["C, 4"]}\n  temporal_ordering: '
HINT = "- name: default\n  spatial_mapping_hint: {D1: [K]}\n  temporal_ordering: "
LEVELS = "spatial_mapping: {D1: {K: 4}}\ntemporal_mapping: {W: [[]], I: [[], [], []]}\n"
ALL = '[[C, "*"], [B, "*"], [K, "*"]]\n'
CASES: list[tuple[str, int, list[str], str | None]] = [
    # what is wrong, exit code, arguments after the command ({} is the file), what the file holds
    ("no such accelerator", 2, ["evaluate", "-a", "nowhere.yaml", "-w", WORKLOAD, "-m", CONV], None),
    ("files swapped", 2, ["evaluate", "-a", WORKLOAD, "-w", ACCELERATOR, "-m", CONV], None),
    ("malformed YAML", 2, ["evaluate", "-a", "{}", "-w", WORKLOAD, "-m", CONV], "name: [a\nb: c\n"),
    ("malformed JSON", 2, ["show", "{}"], '{"layers": [{"id": 5\n"name": "other"}]}'),
    ("JSON that ends too early", 2, ["explain", "{}"], '{"layers": [{"id": 5,'),
    ("a template", 2, ["show", "{}"], "name: x\nsize: {{ size }}\n"),
    ("misspelt key", 2, ["show", "{}"], "memories: {}\noperational_aray: {}\n"),
    ("empty file", 2, ["show", "{}"], ""),
    ("no text", 2, ["show", "{}"], "\0\xff"),
    ("unknown kind", 2, ["show", "{}"], "a: 1\n"),
    ("a folder", 2, ["show", "models"], None),
    ("unknown layer", 2, ["conv", "-m", CONV, "--layer", "cnov"], None),
    ("layer not named", 2, ["conv", "-m", CONV], None),
    ("no order", 2, ["conv", "-m", "models/mappings/seed_mapping.yaml"], None),
    ("order with a choice", 2, ["conv", "-m", "{}", "--layer", "conv"], f'{ENTRY}[[C, 5], ["*", "*"]]\n'),
    ("two free sizes", 2, ["conv", "-m", "{}", "--layer", "conv"], f'{ENTRY}[[C, "*"], [K, 5], [C, "*"]]\n'),
    ("too many iterations", 2, ["conv", "-m", "{}", "--layer", "conv"], f'{ENTRY}[[C, 7], [K, "*"], [B, "*"]]\n'),
    ("a loop is missing", 2, ["conv", "-m", "{}", "--layer", "conv"], f'{ENTRY}[[C, "*"], [B, "*"]]\n'),
    ("no unrolling", 2, ["conv", "-m", "{}", "--layer", "conv"], f"{HINT}{ALL}"),
    ("array too small", 3, ["conv", "-m", "{}", "--layer", "conv"], f"{NARROW}{ALL}"),
    ("memories overflow", 3, ["conv", "-m", "examples/seed/conv_8_64_1024.yaml", "--layer", "conv"], None),
    ("mapping of another layer", 3, ["conv", "-m", CONV, "--layer", "gemm"], None),
    ("levels missing", 3, ["conv", "-m", "{}", "--layer", "conv"], LEVELS),
    ("result without the layer", 2, ["conv", "-m", "{}", "--layer", "gemm"],
     '{"layers": [{"id": 5, "name": "other", "spatial_mapping": {}, "temporal_mapping": {}}]}'),
    ("JSON into a missing folder", 2, ["show", WORKLOAD, "--json", "missing/x.json"], None),
    ("JSON into a folder", 2, ["show", WORKLOAD, "--json", "models"], None),
    ("JSON without a name", 2, ["show", WORKLOAD, "--json", ""], None),
    ("unknown command", 2, ["evalute"], None),
    ("unknown command, unlike any", 2, ["xyz"], None),
    ("unknown option", 2, ["evaluate", "--acelerator", "x"], None),
    ("unknown option, unlike any", 2, ["show", "--zzz"], None),
    ("an option given twice", 2, ["evaluate", "-a", ACCELERATOR, "--accelerator", "x", "-w", WORKLOAD], None),
    ("missing option", 2, ["evaluate", "-a", ACCELERATOR], None),
    ("missing argument", 2, ["show"], None),
    ("unknown conventions", 2, ["conv", "-m", CONV, "--conventions", "exat"], None),
]  # fmt: skip


@pytest.fixture
def message(zzcp: Run, tmp_path: Path) -> Callable[[int, list[str], str | None], str]:
    """Return a function that runs a bad command and returns what it says (no folder, no list of commands)."""

    def run(code: int, arguments: list[str], content: str | None) -> str:
        path = tmp_path / "file.yaml"
        if content is not None:
            path.write_bytes(content.encode("latin-1"))
        if arguments[0] == "conv":
            arguments = ["evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, *arguments[1:]]
        result = zzcp(*(str(path) if argument == "{}" else argument for argument in arguments))
        assert (result.exit_code, result.stdout) == (code, "")
        return result.stderr.replace(str(tmp_path), "FOLDER").replace(", ".join(cli.commands), "COMMANDS")

    return run


def test_bad_input(message: Callable[[int, list[str], str | None], str], golden: Golden) -> None:
    said = []
    for title, code, arguments, content in CASES:
        text = message(code, arguments, content)
        assert text.startswith("zzcp: error: ")
        assert "Traceback" not in text
        said.append(f"# {title}: exit code {code}\n{text}")
    golden("errors", "\n".join(said))


def test_amounts_of_an_overflow_are_said(zzcp: Run) -> None:
    files = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", "examples/seed/conv_8_64_1024.yaml")
    said = zzcp("evaluate", *files, "--layer", "conv").stderr
    assert "memory sram_64KB holds 16000 bits, the mapping needs 320000 (304000 too many)" in said


def test_the_json_file_is_tried_before_the_work(zzcp: Run, tmp_path: Path) -> None:
    # the accelerator does not exist, either
    result = zzcp("evaluate", "-a", "nowhere", "-w", WORKLOAD, "-m", CONV, "--json", tmp_path)
    assert "cannot be written: found Is a directory" in result.stderr


def test_a_failed_command_leaves_the_json_file_alone(zzcp: Run, tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("kept")
    for path in (old, new):
        assert zzcp("show", "nowhere.yaml", "--json", path).exit_code == 2
    assert old.read_text() == "kept"
    assert not new.exists()


def test_a_name_that_is_given_twice_is_refused(zzcp: Run) -> None:
    """The last one was taken in silence."""
    for option in (("--precision", "W=4,I=8,W=8"), ("--dim", "n=4", "--dim", "n=5")):
        result = zzcp("show", WORKLOAD, *option)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{option[1][0]} is given twice" in result.stderr


def test_an_amount_of_memory_may_have_any_digits(zzcp: Run) -> None:
    """Beyond the range of floats it ended in a traceback."""
    result = zzcp("solve", "-a", "nowhere", "-w", "nowhere", "--memory-limit", f"{10**400}GB")
    assert result.exit_code == 2
    assert "nowhere: no such file" in result.stderr


def test_links_that_cannot_be_are_told_of_the_mapping_file(zzcp: Run, tmp_path: Path) -> None:
    """They were told without a place, or as if they stood in the file of constraints."""
    mapping, constraints = tmp_path / "links.yaml", tmp_path / "asked.yaml"
    constraints.write_text("max_latency: 1000000")
    for links, message in (
        ("{W: I1}", "two operands of layer conv are linked to one memory operand"),
        ("{O: I1, I: O}", "the output of layer conv must be linked to O"),
    ):
        mapping.write_text(f"- {{name: default, memory_operand_links: {links}}}")
        for command in ("solve", "compare", "pareto"):
            asked = ("--constraints", constraints) if command == "solve" else ()
            files = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", mapping, "--layer", "conv", *asked)
            result = zzcp(command, *files)
            assert (result.exit_code, result.stdout) == (2, "")
            assert f"{mapping}:1: [0].memory_operand_links: {message}" in result.stderr


def test_what_is_read_is_not_written_over(zzcp: Run, tmp_path: Path) -> None:
    """`report result.json -o result.json` left a page in the place of the result."""
    path = tmp_path / "file.json"
    path.write_text("kept")
    for command in (("report", path), ("convert", path)):
        result = zzcp(*command, "-o", tmp_path / "." / "file.json")
        assert result.exit_code == 2
        assert "--output: cannot be written: found a file that is read, too" in result.stderr
        assert path.read_text() == "kept"


def test_a_message_of_usage_is_one_line(zzcp: Run) -> None:
    assert zzcp("cache").stderr.count("\n") == 1


def test_only_mapping_errors_exit_with_3() -> None:
    assert InputError("wrong").exit_code == 2
    assert MappingError(["too large"]).at(file="x").exit_code == 3
    assert str(MappingError(["a", "b"], place=Place("x.yaml"))) == "x.yaml: invalid mapping: a; b"
