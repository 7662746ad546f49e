"""Bad inputs as data: what a good file is changed to, the command that reads it, and the message that follows.

A file of `cases/` names the good file, the command that reads it, and the cases. A case is one of

- ``replace``, ``by``: the first place of a text, replaced (``times``: by a text that many times);
- ``from``, ``until``, ``by``: all from one text to another, replaced;
- ``end_before``: cut off there;
- ``text``: another file (``times``: that text so often), ``hex``: one of these bytes;
- ``build``: a file, or more, that `builders` makes,

with the ``message``, after the file's name, or where that is not how it begins, what it ``says``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.corpus import builders
from tests.io import good_files

HERE = Path(__file__).parent
FILE = "FILE"
"""Stands for the bad file in commands and messages, as FOLDER for the folder that it lies in."""


@dataclass(frozen=True)
class BadInput:
    """A bad input.

    Parameters
    ----------
    kind : str
        Name of the file of cases.
    title : str
        What is wrong, for people who read the output of pytest.
    case : dict
        What the file says.
    good : str
        Text of the good file.
    name : str
        What the file is called.
    arguments : tuple of str
        The command that reads it.
    """

    kind: str
    title: str
    case: dict[str, Any]
    good: str
    name: str
    arguments: tuple[str, ...]

    @property
    def expected(self) -> str:
        """All that is said, with FILE and FOLDER for the paths."""
        text = self.case["says"] if "says" in self.case else f"{FILE}:{self.case['message']}"
        return f"zzcp: error: {text}\n"

    def write(self, folder: Path) -> Path:
        """Write the file into a folder, and return its path."""
        path = folder / self.name
        if "build" in self.case:
            getattr(builders, self.case["build"])(path)
        elif "hex" in self.case:
            path.write_bytes(bytes.fromhex(self.case["hex"]))
        else:
            path.write_text(changed(self.good, self.case), encoding="utf-8")
        return path

    def command(self, folder: Path) -> list[str]:
        """Return the arguments that read the file in a folder."""
        return [
            word.replace(FILE, str(folder / self.name)).replace("FOLDER", str(folder))
            for word in self.arguments
        ]

    def rewrite(self, said: str) -> None:
        """Put what is said now into the file of cases, as for other golden files with ZZCP_UPDATE_GOLDEN=1."""
        path = HERE / "cases" / f"{self.kind}.yaml"
        old, new = (
            text.removeprefix("zzcp: error: ").removeprefix(f"{FILE}:").rstrip("\n")
            for text in (self.expected, said)
        )
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(_quoted(old), _quoted(new)), encoding="utf-8")

    def told(self, text: str, folder: Path) -> str:
        """Return what was said, with names for the paths."""
        return text.replace(str(folder / self.name), FILE).replace(str(folder), "FOLDER")


def _quoted(text: str) -> str:
    return json.dumps(text) if "\n" in text else "'" + text.replace("'", "''") + "'"


def changed(good: str, case: dict[str, Any]) -> str:
    """Return a good text with the change of a case."""
    by = case.get("by", "") * case.get("times", 1)
    if "text" in case:
        return str(case["text"]) * int(case.get("times", 1))
    if "end_before" in case:
        return good[: good.index(case["end_before"])]
    if "from" in case:
        first = good.index(case["from"])
        return good[:first] + by + good[good.index(case["until"], first) :]
    assert case["replace"] in good, case["replace"]
    text = good.replace(case["replace"], by, 1)
    assert text != good
    return text


def good_text(name: str) -> str:
    """Return a good file: one of this folder, or of `good_files`."""
    path = HERE / "good" / name
    return path.read_text(encoding="utf-8") if path.is_file() else str(getattr(good_files, name, ""))


def title(case: dict[str, Any]) -> str:
    """Return a few words about a case."""
    change = case.get("build") or case.get("hex") or case.get("by") or case.get("text")
    if not change:
        change = f"without {case.get('replace') or case.get('from') or case.get('end_before') or 'anything'}"
    return " ".join(str(change).split())[:40]


def load() -> list[BadInput]:
    """Return all bad inputs."""
    files = sorted((HERE / "cases").glob("*.yaml"))
    listings = [(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in files]
    return [
        BadInput(
            kind=kind,
            title=f"{kind}: {title(case)}",
            case=case,
            good=good_text(case.get("good", listing.get("good", ""))),
            name=case.get("name", listing["name"]),
            arguments=tuple(case.get("command", listing["command"]).split()),
        )
        for kind, listing in listings
        for case in listing["cases"]
    ]
