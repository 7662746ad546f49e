"""Bad inputs of every kind: one message that says where, exit code 2, no traceback, no wait and little memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.corpus.corpus import BadInput, load
from tests.timing import best_of_three, timed
from zzcp.cli.main import cli

CASES = load()
SECONDS = 2.0
"""Of processor time, within which a process refuses an input."""
MEGABYTES = 500
"""Most memory of that process."""

NO_VALID_MAPPING = 3
"""Exit code where an input is in order by itself, but its mapping cannot run."""


def code(case: BadInput) -> int:
    return NO_VALID_MAPPING if "invalid mapping" in case.expected else 2


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_message(case: BadInput, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("ZZCP_CACHE_DIR", str(tmp_path))
    case.write(tmp_path)
    work = partial(CliRunner().invoke, cli, case.command(tmp_path))
    result, seconds = best_of_three(partial(timed, work), SECONDS)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    said = case.told(result.stderr, tmp_path)
    if os.environ.get("ZZCP_UPDATE_GOLDEN") and said != case.expected:
        case.rewrite(said)
        return
    assert said == case.expected
    assert (result.exit_code, result.stdout) == (code(case), "")
    assert seconds < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_limits(case: BadInput, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, root: Path) -> None:
    """As a process of its own: nothing is there before it, and nothing remains."""
    case.write(tmp_path)
    words = [sys.executable, "-m", "zzcp", *case.command(tmp_path)]
    # the source is compiled once, whatever is asked for here: that is no reading of the input
    compiled = {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(tmp_path_factory.getbasetemp() / "compiled"),
    }
    environment = {**os.environ, **compiled, "ZZCP_CACHE_DIR": str(tmp_path)}

    def child() -> tuple[None, float]:
        process = subprocess.Popen(
            words, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        said = process.stderr.read().decode() if process.stderr else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
        assert case.told(said, tmp_path) == case.expected
        assert process.returncode == code(case)
        assert used.ru_maxrss / 1024 < MEGABYTES
        return None, used.ru_utime + used.ru_stime

    _, seconds = best_of_three(child, SECONDS)
    assert seconds < SECONDS


def test_the_corpus_is_large_and_of_every_kind() -> None:
    kinds = Counter(case.kind for case in CASES)
    assert kinds.total() >= 300
    assert min(kinds.values()) >= 5
    assert kinds.keys() >= {
        "hardware", "workload", "mapping", "full_mapping", "constraints", "onnx", "result", "tables", "databases",
        "convert", "files",
    }  # fmt: skip


def test_no_case_stands_twice() -> None:
    seen = Counter(str(sorted(case.case.items())) + case.kind for case in CASES)
    assert [case for case, times in seen.items() if times > 1] == []


def test_messages_say_where() -> None:
    """In which file or option; of a text also the line, but where only the whole or several files are wrong."""
    texts = 0
    for case in CASES:
        assert re.search(r"FILE|FOLDER|'?--\w", case.expected), case.expected
        texts += bool(re.search(r"FILE:\d+: ", case.expected))
        assert len(case.expected) < 2000
    whole = sum(case.kind in ("onnx", "databases", "files") for case in CASES)
    assert texts > 0.95 * (len(CASES) - whole)
