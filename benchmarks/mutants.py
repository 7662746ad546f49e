"""Mutants: small faults put into the code one at a time, each of which a test should notice (``make mutants``).

All mutants that cosmic-ray can make of some packages are listed; from them a sample is drawn with a seed. Each is put
into a copy of the repository, and tests are run until one fails: first those of the mirrored file and folder, then
those that see the whole room. What changes only annotations, docstrings or decorators is no mutant. It runs with the
interpreter of an environment that has cosmic-ray; the tests run with that of the developers.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[1]
COPY = ROOT / "build" / "mutants"
PACKAGES = ("cost", "solver")
NEEDED = ("zzcp", "tests", "models", "docs", "examples", "benchmarks", "pyproject.toml")
WHOLE = {
    "cost": ["tests/cost"],
    "solver": [
        "tests/solver/test_brute_force.py",
        "tests/solver/test_optimize.py",
        "tests/solver/test_run.py",
    ],
}
"""Tests that see all of a room."""
PATIENCE = 3600
"""Seconds after which tests are ended, on a busy machine, too."""
Outcome = Literal["killed", "survived", "endless"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault that can be put into a module.

    Parameters
    ----------
    module : str
        File, relative to the repository.
    operator : str
        Of cosmic-ray.
    occurrence : int
        Which of the places in the module.
    """

    module: str
    operator: str
    occurrence: int


def mutants_of(module: Path, operators: dict[str, Any]) -> Iterator[Mutant]:
    """Yield all mutants of a module."""
    from cosmic_ray.ast import ast_nodes, get_ast  # noqa: PLC0415  (it is in another environment)

    nodes = list(ast_nodes(get_ast(module.read_text())))
    name = str(module.relative_to(ROOT))
    for operator, made in operators.items():
        places = sum(1 for node in nodes for _ in made.mutation_positions(node))
        yield from (Mutant(name, operator, place) for place in range(places))


def mutated(mutant: Mutant, operators: dict[str, Any]) -> str | None:
    """Return the module with its fault, or None where the fault changes nothing that is run."""
    from cosmic_ray.mutating import mutate_code  # noqa: PLC0415

    before = (ROOT / mutant.module).read_text()
    after: str | None = mutate_code(before, operators[mutant.operator], mutant.occurrence)
    if after is None:
        return None
    try:
        same = _run_of(after) == _run_of(before)
    except SyntaxError:
        return None
    return None if same else after


class _Run(ast.NodeTransformer):
    """Takes out of code what has no effect while it runs."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns, node.decorator_list = None, []
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list = []
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        node.annotation = ast.Constant(None)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)


def _run_of(source: str) -> str:
    return ast.dump(_Run().visit(ast.parse(source)))


def sample(seed: int, number: int, packages: Sequence[str], operators: dict[str, Any]) -> list[Mutant]:
    """Return so many of all mutants of some packages, drawn with a seed."""
    every = [
        mutant
        for package in packages
        for module in sorted((ROOT / "zzcp" / package).rglob("*.py"))
        for mutant in mutants_of(module, operators)
    ]
    random.Random(seed).shuffle(every)
    found: list[Mutant] = []
    for mutant in every:
        if len(found) == number:
            break
        if mutated(mutant, operators) is not None:
            found.append(mutant)
    print(f"{len(found)} of {len(every):,} mutants of {', '.join(packages)}, seed {seed}")
    return found


def stages(module: str) -> list[list[str]]:
    """Return the tests for a module: those of the mirrored file and folder, then those of the room."""
    _, room, *rest = Path(module).with_suffix("").parts
    near = Path("tests", room, *rest[:-1])
    mirrored = near / f"test_{rest[-1]}.py"
    steps = [[str(path)] for path in (mirrored, near) if (ROOT / path).exists() and len(path.parts) > 2]
    return [*steps, WHOLE[room]]


def tested(python: str, tests: Sequence[str], seconds: int) -> Outcome:
    """Run tests in the copy until one fails."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(COPY / ".compiled"),
    }
    words = [python, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:xdist", "-p", "no:cacheprovider"]
    words += [f"--basetemp={COPY / '.tests'}", *tests]
    try:
        done = subprocess.run(  # noqa: PLW1510  (failing is what tests are for)
            words, cwd=COPY, env=environment, preexec_fn=limit, timeout=PATIENCE, capture_output=True, text=True
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "endless"
    if done.returncode in (0, 5):  # all passed, or there are none
        return "survived"
    return "endless" if done.returncode < 0 else "killed"


def judged(
    mutant: Mutant, operators: dict[str, Any], python: str, seconds: int, clock: int
) -> dict[str, Any]:
    """Put a fault into the copy, run tests, and take it out again."""
    path = COPY / mutant.module
    before, after = path.read_text(), mutated(mutant, operators)
    assert after is not None
    difference = [
        line
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    line = next(
        number
        for number, (one, other) in enumerate(zip(before.splitlines(), after.splitlines(), strict=False), 1)
        if one != other
    )
    outcome: Outcome = "survived"
    tests: list[str] = []
    try:
        path.write_text(after)
        os.utime(path, (clock, clock))  # compiled code is looked up by seconds
        for tests in stages(mutant.module):
            outcome = tested(python, tests, seconds)
            if outcome != "survived":
                break
    finally:
        path.write_text(before)
        os.utime(path, (clock + 1, clock + 1))
    return {
        "module": mutant.module,
        "line": line,
        "difference": difference,
        "outcome": outcome,
        "by": tests[0],
    }


def main() -> None:
    """Draw mutants, judge them one by one and print what became of them; the survivors once more in the end."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--python", required=True, help="interpreter that runs the tests")
    words.add_argument("--number", type=int, default=40)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--packages", nargs="+", default=PACKAGES, help="such as cost/formulas")
    words.add_argument("--cpu", type=int, default=300, help="seconds of the processor for each run of tests")
    words.add_argument("--list", action="store_true", help="show the mutants only")
    given = words.parse_args()
    from cosmic_ray.plugins import get_operator, operator_names  # noqa: PLC0415

    operators = {name: get_operator(name)() for name in sorted(operator_names()) if "Variable" not in name}
    drawn = sample(given.seed, given.number, given.packages, operators)
    if given.list:
        print(*drawn, sep="\n")
        return
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, COPY / name)
    found = []
    for number, mutant in enumerate(drawn):
        result = judged(mutant, operators, given.python, given.cpu, 10**9 + 2 * number)
        found.append(result)
        print(json.dumps(result), flush=True)
    print(dict(Counter(entry["outcome"] for entry in found)))
    for entry in found:
        if entry["outcome"] == "survived":
            print(f"survived: {entry['module']}:{entry['line']}", *entry["difference"], sep="\n  ")


if __name__ == "__main__":
    sys.exit(main())
