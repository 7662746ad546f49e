"""The lock files: in step with pyproject.toml, whole, for every Python and system, and of no particular machine."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = ("linux", "darwin", "win32")


class Pin(NamedTuple):
    """A line of a lock file."""

    requirement: Requirement
    hashes: int


def pins(text: str) -> list[Pin]:
    """Return what a lock file pins.

    Raises
    ------
    ValueError
        If a line is neither a comment nor a release with its hashes.
    """
    found = []
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if not re.fullmatch(r"[\w.-]+==[\w.+-]+( ; [^\\#]+?)?( +--hash=sha256:[0-9a-f]{64})+ *", line):
            raise ValueError(line)
        requirement, *hashes = line.split("--hash=")
        found.append(Pin(Requirement(requirement.strip()), len(hashes)))
    return found


def environments() -> Iterator[dict[str, str]]:
    """Yield the values of markers on every supported Python and system."""
    for python, system in product(PYTHONS, SYSTEMS):
        yield {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": system}


def gaps(locked: list[Pin], asked: list[str]) -> list[str]:
    """Return where not exactly one release of a requirement is locked, or one that it does not allow."""
    found = []
    for environment, line in product(environments(), asked):
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        name = canonicalize_name(requirement.name)
        versions = [
            specifier.version
            for pin, _ in locked
            if canonicalize_name(pin.name) == name and (not pin.marker or pin.marker.evaluate(environment))
            for specifier in pin.specifier
        ]
        if len(versions) != 1 or not requirement.specifier.contains(versions[0], prereleases=True):
            found.append(f"{line}: {', '.join(versions) or 'nothing'} on {' '.join(environment.values())}")
    return found


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """Return what pyproject.toml holds."""
    return tomllib.loads((root / "pyproject.toml").read_text())


def asked_for(project: dict[str, Any], name: str) -> list[str]:
    """Return the direct requirements of a lock file."""
    build, run = project["build-system"]["requires"], project["project"]["dependencies"]
    if name == "build":
        return list(build)
    if name == "run":
        return list(run)
    extras = project["project"]["optional-dependencies"]
    assert extras["dev"][0] == f"zzcp[{','.join(extra for extra in extras if extra != 'dev')}]"
    return [
        *build,
        *run,
        *(line for lines in extras.values() for line in lines if not line.startswith("zzcp")),
    ]


HASH = f"--hash=sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"a==1.5 {HASH}", []),
        (f"A==1.5 {HASH}\nother==1 {HASH}", []),
        (f"b==1.5 {HASH}", [f"a>=1.2: nothing on {p} {p}.1 {s}" for p in PYTHONS for s in SYSTEMS]),
        (f"a==1.1 {HASH}", [f"a>=1.2: 1.1 on {p} {p}.1 {s}" for p in PYTHONS for s in SYSTEMS]),
        (
            f"a==1.5 ; sys_platform != 'darwin' {HASH}",
            [f"a>=1.2: nothing on {p} {p}.1 darwin" for p in PYTHONS],
        ),
        (
            f"a==1.5 ; python_full_version < '3.12' \\\n    {HASH}\na==1.6 {HASH}",
            [f"a>=1.2: 1.5, 1.6 on 3.11 3.11.1 {s}" for s in SYSTEMS],
        ),
    ],
)
def test_what_a_lock_file_lacks_is_found(text: str, found: list[str]) -> None:
    assert gaps(pins(text), ["a>=1.2"]) == found


@pytest.mark.parametrize(
    "line",
    [
        "a==1.5",
        f"a>=1.5 {HASH}",
        f"a==1.5 --hash=md5:{'0' * 64}",
        "--index-url https://example.org/simple",
        f"a @ https://example.org/a.whl {HASH}",
        f"-e . {HASH}",
    ],
)
def test_lines_that_lock_nothing_are_found(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(line)):
        pins(f"# a comment\n{line}\n    # via b\n")


@pytest.mark.parametrize("name", ["build", "run", "dev"])
def test_the_lock_is_in_step_with_the_project(root: Path, project: dict[str, Any], name: str) -> None:
    locked = pins((root / "locks" / f"{name}.txt").read_text())
    assert gaps(locked, asked_for(project, name)) == [], "run make lock"


def test_the_lock_files_agree(root: Path) -> None:
    build, run, dev = (
        {str(pin.requirement) for pin in pins((root / "locks" / f"{name}.txt").read_text())}
        for name in ("build", "run", "dev")
    )
    assert build | run <= dev


def test_what_is_installed_comes_from_the_lock(root: Path) -> None:
    makefile = (root / "Makefile").read_text()
    recipe = makefile.partition("\ninstall = ")[2].partition("\n\n")[0]
    assert recipe.count("--require-hashes --requirement") == 2
    assert "--no-deps --editable ." in recipe
    assert "--no-build-isolation" in makefile.partition("\npip = ")[2].partition("\n\n")[0]
