"""The release: ``python -m build`` makes a wheel and an sdist, and both run the main job in an empty environment."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import zzcp
from tests.test_repository import repository_files


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with what ``python -m build`` makes of the files of the repository."""
    source = tmp_path_factory.mktemp("source")
    for path in repository_files(root):
        target = source / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    run([sys.executable, "-m", "build", "--no-isolation", str(source)], source)
    return source / "dist"


def run(command: list[str], folder: Path) -> str:
    """Return what a command prints, run in a folder without what could lead it to the repository."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def release(built: Path, pattern: str) -> Path:
    (found,) = built.glob(pattern)
    return found


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    data: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return data


def test_wheel_holds_the_package_and_what_it_needs(built: Path, root: Path, project: dict[str, Any]) -> None:
    wheel = release(built, "*.whl")
    assert wheel.name == f"zzcp-{project['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = email.message_from_bytes(archive.read(f"zzcp-{project['version']}.dist-info/METADATA"))
    package = {
        path.relative_to(root).as_posix()
        for path in repository_files(root)
        if path.relative_to(root).parts[0] == "zzcp"
    }
    assert package <= names
    assert {name.split("/")[0] for name in names} == {"zzcp", f"zzcp-{project['version']}.dist-info"}
    assert (metadata["Version"], metadata["License-Expression"]) == (project["version"], "MIT")
    assert metadata["Requires-Python"] == project["requires-python"]
    assert "# zzcp" in metadata.get_payload()


def test_sdist_can_be_built_and_read(built: Path, project: dict[str, Any]) -> None:
    head = f"zzcp-{project['version']}"
    with tarfile.open(release(built, "*.tar.gz")) as archive:
        names = set(archive.getnames())
    for name in ("pyproject.toml", "README.md", "LICENSE", "zzcp/data/seed/seed_workload.yaml"):
        assert f"{head}/{name}" in names


def test_both_run_the_main_job_in_an_empty_environment(
    built: Path, root: Path, tmp_path: Path, project: dict[str, Any]
) -> None:
    """What they need comes from the package index, in the releases of the lock."""
    run([sys.executable, "-m", "venv", str(tmp_path / "empty")], tmp_path)
    folder = "Scripts" if os.name == "nt" else "bin"
    python = str(tmp_path / "empty" / folder / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    locks = root / "locks"
    run([*pip, "--require-hashes", "-r", str(locks / "run.txt"), "-r", str(locks / "build.txt")], tmp_path)
    for pattern in ("*.whl", "*.tar.gz"):
        run(
            [*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", str(release(built, pattern))],
            tmp_path,
        )
        where = run([python, "-c", "import zzcp; print(zzcp.__file__, zzcp.__version__)"], tmp_path)
        assert str(tmp_path / "empty") in where
        assert where.split()[-1] == project["version"]
        printed = run([python, "-m", "zzcp", "solve"], tmp_path)
        assert printed.count("optimal") >= 2


def test_citation_has_the_licence_and_leaves_the_version_to_the_project(
    root: Path, project: dict[str, Any]
) -> None:
    text = (root / "CITATION.cff").read_text()
    citation = yaml.safe_load(text)
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert citation["license"] == project["license"]
    assert project["description"].lower() in citation["title"].lower()
    assert "version" not in citation
    assert project["version"] not in text


def test_version_is_stated_once(root: Path, project: dict[str, Any]) -> None:
    """In pyproject.toml; the changelog has a heading for every version, and nothing else says it."""
    assert zzcp.__version__ == project["version"]
    stated = [
        path.relative_to(root).as_posix()
        for path in repository_files(root)
        if path.suffix in (".py", ".md", ".cff") and path.parts[-2] not in ("findings", "benchmarks", "io")
        if f"ersion {project['version']}" in path.read_text()
        or f'version__ = "{project["version"]}"' in path.read_text()
    ]
    assert stated == []
