"""The program as a whole: help, version, streams, signals, and what it takes to start."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

import pytest

import zzcp as package
from tests.cli.conftest import ACCELERATOR, WORKLOAD, Run
from tests.io import good_files
from zzcp import __main__ as program
from zzcp.cli import options
from zzcp.cli.main import cli
from zzcp.cli.program import run
from zzcp.cost import CONVENTIONS
from zzcp.solver.engines import ENGINES

HEAVY = ("matplotlib", "networkx", "numpy", "onnx", "ortools", "pydantic", "rich", "yaml", "zzcp.cost")


def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start the program in a process of its own."""
    command = [sys.executable, "-m", "zzcp", *arguments]
    return subprocess.Popen(command, text=True, **options)  # type: ignore[call-overload, no-any-return]


def test_the_console_script_is_main() -> None:
    (script,) = entry_points(group="console_scripts", name="zzcp")
    assert script.load() is program.main


@pytest.mark.parametrize("arguments", [("--version",), ("show", "--help")])
def test_python_m_runs_the_program(arguments: tuple[str, ...], root: Path, zzcp: Run) -> None:
    process = start(*arguments, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate()
    assert (errors, process.returncode) == ("", 0)
    assert output.split() == zzcp(*arguments).stdout.split()


def test_version(zzcp: Run) -> None:
    assert zzcp("--version").stdout == f"zzcp {package.__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_help_of_the_group_lists_every_command(arguments: tuple[str, ...], zzcp: Run) -> None:
    result = zzcp(*arguments)
    assert result.exit_code == 0
    assert re.search(r"Examples?:\n +(python -m )?zzcp ", result.stdout)
    assert re.findall(r"^  (\w+) {2,}\S", result.stdout.split("Commands:")[1], re.MULTILINE) == list(
        cli.commands
    )


@pytest.mark.parametrize("name", cli.commands)
def test_every_command_has_an_example_and_the_common_options(name: str, zzcp: Run) -> None:
    help_text = zzcp(name, "--help").stdout
    assert f"    zzcp {name} " in help_text
    for option in ("--json FILE", "-q, --quiet", "-h, --help"):
        assert option in help_text


def test_examples_of_the_help_name_files_that_exist(root: Path) -> None:
    text = "\n".join(command.help or "" for command in (cli, *cli.commands.values()))
    files = re.findall(r"(?:models|examples)/[\w./]+", text)
    assert len(files) >= 6
    assert [name for name in files if not (root / name).exists()] == []


def test_conventions_are_those_of_the_evaluator() -> None:
    assert tuple(CONVENTIONS) == options.CONVENTIONS


def test_engines_are_those_of_the_solver() -> None:
    assert options.ENGINES == ENGINES


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["--version"], ["sohw"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom zzcp.cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_during_the_imports_is_no_traceback() -> None:
    code = """
import runpy, sys

class Stop:
    def find_spec(self, name, *rest):
        if name == "zzcp.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
runpy.run_module("zzcp", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nzzcp: interrupted\n")


def test_every_public_name_is_found_when_asked_for() -> None:
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        _ = package.evalute  # type: ignore[attr-defined]


def test_a_reader_that_goes_away_is_no_error(root: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("show", ACCELERATOR, cwd=root, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert process.communicate()[1] == ""
    assert process.returncode == 1


TELLING = """
import sys
from zzcp.cli.program import run, say

def work():
    say("note: begun")
    say("note: going on")
    print("the result")
    return 3

sys.exit(run(work))
"""


def test_messages_that_nobody_reads_cost_no_result() -> None:
    """A reader of standard error that went away ended a search with exit code 1, and without its result."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", TELLING], stdout=subprocess.PIPE, stderr=writer, check=False)
    assert (done.returncode, done.stdout) == (3, b"the result\n")
    # where results go the same way there is nobody to work for
    done = subprocess.run([sys.executable, "-c", TELLING], stdout=writer, stderr=writer, check=False)
    assert done.returncode == 1
    os.close(writer)


def test_a_message_that_cannot_be_written_keeps_its_exit_code(root: Path) -> None:
    """It was 1, which no command has, and a traceback if anybody could have read it."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w") as full:
        for stdout in (subprocess.PIPE, full):
            process = start("show", "nothing.yaml", cwd=root, stdout=stdout, stderr=full)
            process.communicate()
            assert process.returncode == 2


def test_what_the_system_has_none_left_of_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It was called a fault of standard output; and where files were what it had none left of, that was a traceback."""

    def none_left(*_: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    def unread() -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", none_left)
        assert (run(none_left), run(unread)) == (2, 1)
    assert capfd.readouterr().err == "zzcp: error: Too many open files\n"


def test_a_full_disk_is_said(root: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w") as full:
        process = start("show", ACCELERATOR, cwd=root, stdout=full, stderr=subprocess.PIPE)
        assert process.communicate()[1] == "zzcp: error: standard output: No space left on device\n"
    assert process.returncode == 2


def test_control_c_stops_with_a_message(tmp_path: Path) -> None:
    # a pipe for a file: the program waits for its content
    fifo = tmp_path / "machine.yaml"
    os.mkfifo(fifo)
    process = start("show", str(fifo), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with fifo.open("w"):  # opened when the program opens it
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert (output, errors.strip(), process.returncode) == ("", "zzcp: interrupted", 130)


def on_terminal(root: Path, variables: dict[str, str], *arguments: str) -> str:
    """Return what the program prints on a terminal."""
    controller, terminal = pty.openpty()
    environment = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")
    }
    environment |= {"TERM": "xterm-256color", "COLUMNS": "100"} | variables
    process = start(*arguments, cwd=root, env=environment, stdout=terminal, stderr=subprocess.DEVNULL)
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(controller, 4096)
        except OSError:  # the other side is closed
            part = b""
        if not part:
            break
        shown += part
    os.close(controller)
    assert process.wait() == 0
    return shown.decode()


def test_colour_is_for_terminals_that_want_it(root: Path) -> None:
    mapping = "examples/seed/conv_8_64_1024.yaml"
    files = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", mapping, "--layer", "conv", "--allow-invalid")
    red = "\x1b[31m"
    assert red in on_terminal(root, {}, "evaluate", *files)
    plain = on_terminal(root, {"NO_COLOR": "1"}, "evaluate", *files)
    assert red not in plain
    assert "INVALID" in plain


def test_output_to_a_file_is_plain_even_where_colour_is_forced(root: Path) -> None:
    environment = os.environ | {"FORCE_COLOR": "1"}
    environment.pop("COLUMNS", None)
    process = start("show", WORKLOAD, cwd=root, env=environment, stdout=subprocess.PIPE)
    output = process.communicate()[0]
    assert "\x1b" not in output
    assert output == (root / "tests" / "golden" / "cli" / "show_workload.txt").read_text()


def test_a_terminal_without_some_letters_is_no_error(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "workload.yaml"
    path.write_text(good_files.WORKLOAD.replace("name: first", "name: erste Größe"), encoding="utf-8")
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    process = start("show", str(path), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate()
    assert (errors, process.returncode) == ("", 0)
    assert r"erste Gr\xf6\xdfe" in output


def test_what_readers_warn_of_is_a_note(zzcp: Run, tmp_path: Path, without_zigzag: None) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text(good_files.HARDWARE.replace("area: 0\n", "area: 0\n    auto_cost_extraction: true\n", 1))
    result = zzcp("show", path)
    assert result.stderr.startswith(f"zzcp: note: {path}:8: memories.rf.auto_cost_extraction: ")
    quiet = zzcp("show", path, "--quiet")
    assert (quiet.stderr, quiet.stdout) == ("", result.stdout)


@pytest.mark.parametrize(
    "layers",
    [
        ("--layer", "conv", "gemm"),
        ("--layer", "conv", "--layer", "gemm"),
        ("--layer=conv", "gemm"),
    ],
)
def test_several_layers_may_follow_one_option(layers: tuple[str, ...], zzcp: Run) -> None:
    result = zzcp("solve", *layers, "--objective", "latency", "--json", "-", "-q")
    assert [layer["name"] for layer in json.loads(result.stdout)["layers"]] == ["conv", "gemm"]


def test_what_follows_another_option_is_no_layer(zzcp: Run) -> None:
    result = zzcp("solve", "--layer", "conv", "--seed", "1", "gemm")
    assert result.exit_code == 2
    assert "unexpected extra argument" in result.stderr
