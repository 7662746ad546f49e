"""Broken descriptions: whatever stands in a file, there is a machine, a network, or one message."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from zzcp import InputError
from zzcp.conversion import convert

DATA = Path(__file__).parent / "data"
JUNK = (
    "", "null", "-1", "0", "1e999", "inf", "-inf", "nan", "[]", "{}", "[1, [2]]", "{a: 1}", "true", "x",
    "'a b'", "9" * 40,
    "1 / 0", "~", "All", "0.5", "[[x]]", "!Tag {b: 1}", "2 ** 0.5", "1 if x else 2", "a.b", "read", "[I1, W]",
)  # fmt: skip


def mutated(rng: Random, text: str) -> str:
    """Return a text with a few of its values, keys or lines changed."""
    lines = text.splitlines()
    for _ in range(rng.randint(1, 3)):
        number = rng.randrange(len(lines))
        line = lines[number]
        match rng.randrange(4):
            case 0:
                del lines[number]
                if not lines:
                    return ""
            case 1 if ":" in line:
                head, _, _ = line.partition(":")
                lines[number] = f"{head}: {rng.choice(JUNK)}"
            case 2 if "," in line:
                parts = line.split(",")
                place = rng.randrange(len(parts))
                key, colon, _ = parts[place].partition(":")
                parts[place] = f"{key}{colon} {rng.choice(JUNK)}"
                lines[number] = ",".join(parts)
            case _:
                words = line.split(" ")
                words[rng.randrange(len(words))] = rng.choice(JUNK)
                lines[number] = " ".join(words)
    return "\n".join(lines) + "\n"


def refusal(files: list[str]) -> str:
    """Return what is said of files that cannot be read, nothing where they can."""
    try:
        convert(files)
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("path", sorted(DATA.glob("*.yaml")), ids=lambda path: path.name)
def test_broken_files_end_in_one_message(path: Path, tmp_path: Path) -> None:
    rng = Random(path.name)
    original = path.read_text()
    target = tmp_path / path.name
    refused = 0
    for _ in range(150):
        target.write_text(mutated(rng, original))
        files = [str(target)]
        if path.name in ("tree.ERT.yaml", "tree.constraints.yaml"):
            files.insert(0, str(DATA / "tree.arch.yaml"))
        message = refusal(files)
        refused += bool(message)
        assert "\n" not in message
        assert len(message) < 1500
    assert refused > 10
