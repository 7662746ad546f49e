"""Whatever is done to a good document, its reader gives an InputError or a valid object, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.mutants import mutants
from tests.io import good_files
from zzcp.documents.document import load_document
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.io import (
    FullMappings,
    MappingFile,
    load_mapping_source,
    parse_document,
    read_accelerator,
    read_workload,
)
from zzcp.workload import Network


def mutants_of(text: str) -> st.SearchStrategy[Any]:
    """Return a good document with one to three values changed."""
    return mutants(yaml.safe_load(text))


def survives(read: Callable[[], object], kinds: tuple[type, ...]) -> None:
    """Check that a reader returns an object or raises an error with a short message of one line."""
    try:
        assert isinstance(read(), kinds)
    except InputError as error:
        message = str(error)
        assert message.isprintable()
        assert len(message) < 2000
        assert error.place.file is not None  # noqa: PT017


@pytest.mark.parametrize("good", [good_files.HARDWARE, good_files.IN_MEMORY], ids=["hardware", "in-memory"])
@given(data=st.data())
def test_hardware(good: str, data: st.DataObject) -> None:
    text = yaml.safe_dump(data.draw(mutants_of(good)), sort_keys=False)
    survives(lambda: read_accelerator(parse_document(text)), (Accelerator,))


@given(mutants_of(good_files.WORKLOAD))
def test_workload(data: Any) -> None:
    text = yaml.safe_dump(data, sort_keys=False)
    survives(lambda: read_workload(parse_document(text)), (Network,))


@pytest.mark.parametrize(
    "good",
    [good_files.MAPPING, good_files.FULL_MAPPING, good_files.RESULT],
    ids=["mapping", "full mapping", "result"],
)
@given(data=st.data())
def test_mapping(good: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "mutant.yaml"
    path.write_text(yaml.safe_dump(data.draw(mutants_of(good)), sort_keys=False))
    survives(lambda: load_mapping_source(path), (MappingFile, FullMappings))


@pytest.mark.parametrize("good", [good_files.HARDWARE, good_files.FULL_MAPPING], ids=["yaml", "json"])
@given(data=st.data())
def test_bytes(good: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bytes that are cut out, put in or changed."""
    raw = good.encode()
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
    path = tmp_path_factory.getbasetemp() / "mutant.yaml"
    path.write_bytes(raw[:first] + data.draw(st.binary(max_size=6)) + raw[last:])

    def read() -> object:
        load_document(path)
        return load_mapping_source(path) if good is good_files.FULL_MAPPING else None

    survives(read, (MappingFile, FullMappings, type(None)))


@given(st.text(max_size=80))
def test_equations(equation: str) -> None:
    layer = yaml.safe_load(good_files.WORKLOAD)[1] | {"equation": equation}
    text = yaml.safe_dump([layer])
    survives(lambda: read_workload(parse_document(text)), (Network,))


@given(st.text(alphabet="ObkWcIfx[]()+*= \t", max_size=60))
def test_texts_that_look_like_equations(equation: str) -> None:
    layer = yaml.safe_load(good_files.WORKLOAD)[0] | {"equation": equation, "dimension_relations": [equation]}
    text = yaml.safe_dump([layer])
    survives(lambda: read_workload(parse_document(text)), (Network,))
