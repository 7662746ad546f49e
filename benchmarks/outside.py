"""Other tools, each in an environment of its own in ``build/outside``, made where it is missing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "build" / "outside"
PACKAGES = {
    "accelforge": ("accelforge==1.0.467",),
    "stream": ("stream-dse==2.1.1", "zigzag-dse==3.9.1", "six==1.17.0"),
}
"""What is installed for a tool; six is what Stream needs and does not declare."""


def environment(tool: str) -> Path:
    """Return the folder of a tool's environment.

    Both tools need Python 3.12 or newer: the one that the environment variable ``PYTHON`` names, or ``python3.12``.
    """
    folder = FOLDER / tool
    ready = folder / "ready"
    if not ready.exists():
        python = os.environ.get("PYTHON", "python3.12")
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES[tool]], check=True)
        ready.touch()
    return folder


def run_script(tool: str, script: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Return what a script prints as JSON in its last line, run in the environment of a tool.

    Raises
    ------
    RuntimeError
        If it fails, with what it said.
    """
    command = [str(environment(tool) / "bin" / "python"), "-P", str(script), json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{tool} failed on {task}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
