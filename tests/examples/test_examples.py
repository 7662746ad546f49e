"""The examples run as they stand, and say what they promise."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.examples.notebook import run as run_notebook

ROOT = Path(__file__).resolve().parents[2]


def run(name: str, *arguments: str) -> str:
    """Return what an example prints."""
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_first_steps() -> None:
    text = run("first_steps.py")
    assert "14,450,688 operations on eyeriss_like" in text
    assert "optimal: no mapping" in text
    shares = [
        float(line.split()[1].rstrip("%")) for line in text.splitlines() if line.endswith("of the energy")
    ]
    assert shares == sorted(shares, reverse=True)
    assert 50 < sum(shares) <= 100.3


def test_bring_your_own_accelerator() -> None:
    rows = [line for line in run("bring_your_own_accelerator.py").splitlines() if " optimal: " in line]
    assert len(rows) == 4
    energies = [float(row.split("optimal: ")[1].split()[0]) for row in rows]
    cycles = [int(row.split(" uJ, ")[1].split()[0].replace(",", "")) for row in rows]
    # more of anything is never worse
    products = [energy * count for energy, count in zip(energies, cycles, strict=True)]
    assert products[0] >= max(products[1:])
    assert products[2] >= products[3]


def test_whole_network() -> None:
    text = run("whole_network.py", "--layers", "3")
    assert "2 different layers solved, 0 layers with an open gap" in text
    rows = [line for line in text.splitlines() if line.endswith(" cycles")][:3]
    total = sum(int(row.split()[-2].replace(",", "")) for row in rows)
    assert f"{total:,} cycles, one layer after the other" in text


class _Cells(HTMLParser):
    """Collects what the cells of tables say."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside = tag in ("td", "th")
        self.cells += [""] if self.inside else []

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data.strip()


def said(outputs: list[dict[str, Any]]) -> list[str]:
    """Return what outputs of a notebook say, whatever the markup around it."""
    parser = _Cells()
    texts = []
    for output in outputs:
        texts.append("".join(output.get("text", "")))
        parser.feed("".join(output.get("data", {}).get("text/html", "")))
    return texts + parser.cells


def test_notebook_shows_what_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    notebook = json.loads((ROOT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))
    stored = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert sum(bool(outputs) for outputs in stored) >= 5
    for before, after in zip(stored, run_notebook(notebook), strict=True):
        assert said(after) == said(before), "python -m tests.examples.notebook writes the outputs again"


@pytest.mark.parametrize("picture", [True])
def test_seed_question(picture: bool, tmp_path: Path) -> None:
    file = tmp_path / "seed.png"
    text = run("seed_question.py", *(["--picture", str(file)] if picture else []))
    # the figures of the question, and the ones of the version after it
    assert "8/64/1024 KB  zigzag-3.0    5,020      5,502   260,519" in text
    assert "8/64/1024 KB      zigzag       23        503   250,523" in text
    assert text.count("optimal         optimal") == 2
    sweep = text[text.index("growing memories") :].splitlines()[2:]
    products = [float(line.split()[-1]) for line in sweep if "/" in line]
    assert len(products) == 4
    assert products == sorted(products, reverse=True)
    loading = [int(line.split()[1].replace(",", "")) for line in sweep if "/" in line]
    assert max(loading) > 10 * loading[0]
    assert file.read_bytes().startswith(b"\x89PNG")
