"""Documents that were good: values deleted, doubled, swapped, of another type, or absurd."""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml
from hypothesis import strategies as st

Path = tuple[str | int, ...]

absurd = st.sampled_from(
    (0, -1, 1, 10**12, 2**62, 2**63, 10**59, -(2**70), 1e-300, 1e300, -0.0, 0.5, float("inf"), float("nan"))
)
"""Numbers that nobody means."""
words = st.sampled_from(
    (
        "I1",
        "I2",
        "O",
        "D1",
        "D3",
        "K",
        "OX",
        "I1, tl",
        "O, fl",
        "K, 4",
        "8 KB",
        "*",
        "ix=2*ox+1*fx",
        "",
        "\0",
        "é" * 9,
    )
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 40)
    | st.integers()
    | absurd
    | st.floats()
    | st.text(max_size=6)
    | words,
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=4), children, max_size=3)
    ),
    max_leaves=6,
)


def paths(data: Any, at: Path = ()) -> list[Path]:
    """Return the paths of all values in a document."""
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(path for key, child in children for path in paths(child, (*at, key)))]


def retyped(value: Any) -> Any:
    """Return a value in another form that means much the same, or does so in other formats."""
    match value:
        case bool():
            return int(value)
        case int() | float():
            return str(value)
        case str():
            return [value]
        case list():
            return {str(number): entry for number, entry in enumerate(value)}
        case dict():
            return [[key, entry] for key, entry in value.items()]
    return "null"


@st.composite
def mutants(draw: st.DrawFn, good: Any) -> Any:
    """Return plain data with one to three values changed."""
    data = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(paths(data)))
        if not path:
            continue
        parent = data
        for step in path[:-1]:
            parent = parent[step]
        key = path[-1]
        kinds = ("replace", "absurd", "retype", "remove", "rename", "swap", "double", "wrap")
        match draw(st.sampled_from(kinds)):
            case "remove":
                del parent[key]
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(max_size=5))] = parent.pop(key)
            case "swap":
                siblings = list(parent) if isinstance(parent, dict) else range(len(parent))
                other = draw(st.sampled_from(siblings))
                parent[key], parent[other] = parent[other], parent[key]
            case "double" if isinstance(parent, list):
                parent.insert(draw(st.integers(0, len(parent))), copy.deepcopy(parent[key]))
            case "absurd":
                parent[key] = draw(absurd)
            case "retype":
                parent[key] = retyped(parent[key])
            case "wrap":
                parent[key] = [parent[key]]
            case _:
                parent[key] = draw(values)
    return data


def as_text(data: Any, suffix: str) -> str:
    """Return plain data as a file holds it."""
    return (
        json.dumps(data) if suffix == ".json" else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    )
