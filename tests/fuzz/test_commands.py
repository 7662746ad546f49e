"""Whatever is done to a good file, a command gives a result or one message: no traceback, no text without end.

`make fuzz` draws many more examples than the tests do: ZZCP_FUZZ says how many of each kind.
"""

from __future__ import annotations

import json
import os
import sqlite3
import warnings
from contextlib import closing
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.corpus import builders
from tests.corpus.corpus import good_text
from tests.fuzz.mutants import as_text, mutants
from tests.machines import machine
from zzcp import EXACT, Constraints, Layer, SpatialMapping, optimize
from zzcp.cli.main import cli
from zzcp.cost.evaluate import evaluate
from zzcp.errors import InputError
from zzcp.solver import Result
from zzcp.solver.cache.entry import meets, to_entry
from zzcp.solver.cache.question import Question
from zzcp.solver.cache.store import FILE, ResultCache
from zzcp.solver.result import as_scored
from zzcp.sweeps.outcome import Outcome
from zzcp.sweeps.store import Store

EXAMPLES = int(os.environ.get("ZZCP_FUZZ", "12"))
ROOT = Path(__file__).parents[2]
TOY, GEMM, RESULT = "docs/toy.yaml", "tests/data/tiny_gemm.yaml", "tests/corpus/good/result.json"

COMMANDS: dict[str, tuple[str, str, str]] = {
    # a good file, how the mutant's name ends, the command
    "hardware": (TOY, ".yaml", f"evaluate -a FILE -w {GEMM} -m {RESULT}"),
    "hardware in a picture": (TOY, ".yaml", "plot hierarchy FILE -o OUT.png"),
    "fields of a sweep": (TOY, ".yaml", f"sweep -a FILE -w {GEMM} --list-fields"),
    "in-memory computing": ("IN_MEMORY", ".yaml", "show FILE"),
    "workload": (GEMM, ".yaml", f"evaluate -a {TOY} -w FILE -m {RESULT}"),
    "convolution": ("WORKLOAD", ".yaml", "show FILE"),
    "workload that is solved": (GEMM, ".yaml", f"solve -a {TOY} -w FILE --time-limit 0.2 --gap 0.9"),
    "mapping": ("unrolling.yaml", ".yaml", f"evaluate -a {TOY} -w {GEMM} -m FILE"),
    "unrolling": ("unrolling.yaml", ".yaml", f"solve -a {TOY} -w {GEMM} -m FILE --time-limit 0.2 --gap 0.9"),
    "constraints": (
        "constraints.yaml",
        ".yaml",
        f"solve -a {TOY} -w {GEMM} --constraints FILE --time-limit 0.2",
    ),
    "result as a mapping": (RESULT, ".json", f"evaluate -a {TOY} -w {GEMM} -m FILE"),
    "explain": (RESULT, ".json", "explain FILE --no-what-if"),
    "verify": (RESULT, ".json", "verify FILE --no-bound"),
    "verify the bound": (RESULT, ".json", "verify FILE --time-limit 0.2"),
    "resume": (RESULT, ".json", f"solve -a {TOY} -w {GEMM} --resume FILE --time-limit 0.2 --gap 0.9"),
    "page of a result": (RESULT, ".json", "report FILE -o OUT.html"),
    "picture of latency": (RESULT, ".json", "plot latency FILE -o OUT.svg"),
    "picture of energy": (RESULT, ".json", "plot energy FILE -o OUT.svg"),
    "picture of a nest": (RESULT, ".json", "plot nest FILE -o OUT.svg"),
    "page of a sweep": ("sweep.json", ".json", "report FILE -o OUT.html"),
    "picture of a sweep": ("sweep.json", ".json", "plot sweep FILE -o OUT.svg"),
    "page of a front": ("front.json", ".json", "report FILE -o OUT.html"),
    "picture of a front": ("front.json", ".json", "plot pareto FILE -o OUT.svg"),
    "export": (RESULT, ".json", "convert FILE --layer gemm --to timeloop -o OUT.yaml"),
}
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def run(command: str, path: Path) -> None:
    """Run a command on a file, and check that it ends as commands end."""
    words = command.replace("FILE", str(path)).replace("OUT", str(path.with_name("out"))).split()
    result = CliRunner().invoke(cli, [*words, "-q"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 2, 3, 4, 5)
    if result.exit_code == 2:
        assert result.stderr.startswith(("zzcp: error: ", "zzcp: warning: "))
        assert len(result.stderr) < 3000
        assert result.stderr.rstrip("\n").replace("\n", "").isprintable()


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", COMMANDS)
@FUZZ
@given(data=st.data())
def test_values(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    good, suffix, command = COMMANDS[name]
    text = good_text(good) or (ROOT / good).read_text(encoding="utf-8")
    path = tmp_path_factory.getbasetemp() / f"mutant{suffix}"
    path.write_text(as_text(data.draw(mutants(yaml.safe_load(text))), suffix), encoding="utf-8")
    run(command, path)


@pytest.mark.parametrize(
    "builder", ["onnx_open_dimension", "onnx_conv_group_of_three", "onnx_function_calls_itself"]
)
@FUZZ
@given(data=st.data())
def test_bytes_of_models(builder: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "mutant.onnx"
    getattr(builders, builder)(path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(raw) - 1))
        raw[first : first + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path.write_bytes(bytes(raw))
    run("show FILE --operators all", path)


SMALL = machine()
LAYER = Layer.gemm(b=6, k=8, c=6)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})
QUESTION = Question(SMALL, LAYER, SPATIAL, "edp", EXACT, None, Constraints(), {"seed": 0, "engine": "auto"})


@pytest.fixture(scope="module")
def solved() -> Result:
    return optimize(SMALL, LAYER, spatial=SPATIAL, time_limit=600)


@FUZZ
@given(data=st.data())
def test_entries_of_the_cache(
    solved: Result, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No figure changes, whatever stands in an entry: it is dropped with a note, or proves less than is asked.

    Where the digest is not renewed every change is noticed; where it is, as somebody could do, what the entry says is
    held against the evaluator.
    """
    good = json.loads(json.dumps(to_entry(solved, "edp", 1e-4)))
    damaged: Any = data.draw(mutants(good))
    text, sealed = json.dumps(damaged), data.draw(st.booleans())
    path = tmp_path_factory.getbasetemp() / "cache" / FILE
    path.unlink(missing_ok=True)
    cache = ResultCache(path.parent)
    cache.put(QUESTION, solved, 1e-4)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE solved SET entry = ?", (text,))
        if sealed:
            database.execute("UPDATE solved SET digest = ?", (sha256(text.encode()).hexdigest(),))
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        found = cache.get(QUESTION, 1e-4)
    if text == json.dumps(good):
        assert found is not None
    elif not sealed:
        assert found is None
    if found is None:
        dropped = any("was dropped" in str(note.message) for note in notes)
        assert dropped or not meets(damaged, Fraction(damaged["objective"]), 1e-4)
        assert cache.info().entries == (0 if dropped else 1)
        return
    assert found.mapping is not None
    scored = as_scored(found.mapping, EXACT, Constraints())
    assert found.evaluation == evaluate(SMALL, LAYER, scored, EXACT)
    assert found.objective == solved.objective
    assert found.gap is not None
    assert found.gap <= 1e-4
    assert found.lower_bound == pytest.approx(solved.lower_bound, rel=1e-4)
    assert found.lower_bound <= found.objective


@FUZZ
@given(data=st.data())
def test_points_of_a_sweep(
    solved: Result, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "points.sqlite"
    path.unlink(missing_ok=True)
    store = Store(path)
    outcome = Outcome.of(solved)
    store.put("key", {}, 1.0, 1e-4, outcome)
    damaged: Any = data.draw(mutants(json.loads(json.dumps(outcome.to_dict()))))
    with store._database as database:
        database.execute("UPDATE points SET outcome = ?", (json.dumps(damaged),))
    try:
        found = str(store.get("key", 1.0, 1e-4))
    except InputError as error:
        found = str(error)
    finally:
        store.close()
    assert found == "None" or found.startswith("Outcome(") or "is damaged" in found
