"""Documents: lines, scalars, aliases, and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.io import good_files
from zzcp.documents import document as document_module
from zzcp.documents import parse_document
from zzcp.documents.nodes import FieldPath, dotted
from zzcp.documents.scalars import Exponential, ScalarError, resolve
from zzcp.errors import InputError


def test_lines_are_those_of_the_keys() -> None:
    document = parse_document("a:\n  - x\n  -\n    y: 1\nb: {c: 2,\n    d:\n     3}\n")
    lines: dict[FieldPath, int] = {
        (): 1,
        ("a",): 1,
        ("a", 0): 2,
        ("a", 1): 4,
        ("a", 1, "y"): 4,
        ("b",): 5,
        ("b", "c"): 5,
        ("b", "d"): 6,
    }
    assert {path: document.line(path) for path in lines} == lines


def test_the_line_of_what_is_missing_is_its_parents() -> None:
    document = parse_document("a:\n  b:\n    c: 1\n")
    assert document.line(("a", "b", "x")) == 2
    assert document.line(("a", "b", "c", "d", 3)) == 3
    assert document.node(("a", "b", "x")) is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("memories", "dram", "ports", 0, "type"), "memories.dram.ports[0].type"),
        ((0, "loop_dims"), "[0].loop_dims"),
        (("memories", "a.b c", "size"), "memories.'a.b c'.size"),
        ((), ""),
    ],
)
def test_paths_are_shown_as_users_write_them(path: FieldPath, text: str) -> None:
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("1_000", 1000),
        ("0x10", 16),
        ("0b101", 5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1.5e+3", 1500.0),
        ("true", True),
        ("Yes", True),
        ("off", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("08", "08"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        (".", "."),
        ("D1", "D1"),
        ("2024-01-01", "2024-01-01"),
        ("nan", "nan"),
        ("y", "y"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text", ["010", "-07", "1:30", "1:30:15", ".inf", "-.INF", ".nan", "1e999", "9" * 61]
)
def test_numbers_that_readers_disagree_on_are_refused(text: str) -> None:
    with pytest.raises(ScalarError):
        resolve(text)


@pytest.mark.parametrize("text", ["1e3", "1E-05", "2.5e3", "-1e+2"])
def test_exponentials_count_as_text_and_as_number(text: str) -> None:
    value = resolve(text)
    assert isinstance(value, Exponential)
    assert value == text
    assert math.isfinite(float(value))


@given(st.text(alphabet="0123456789+-._eExXbBaAfF:", max_size=12) | st.text(max_size=8))
@example("0x_")
@example("0b_")
@example("._")
@example("+.")
def test_plain_scalars_agree_with_pyyaml(text: str) -> None:
    """Where PyYAML (which ZigZag reads its files with) sees a number, a truth value or nothing, so do we."""
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))
    try:
        value = resolve(text)
    except ScalarError:
        return
    node = yaml.ScalarNode(tag, text)
    constructor = yaml.SafeLoader("")
    kind = tag.rpartition(":")[2]
    if kind in ("int", "float", "bool", "null"):
        assert value == constructor.construct_object(node)
    else:
        assert value == text


@pytest.mark.parametrize("parser", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@pytest.mark.parametrize(
    "text", [good_files.HARDWARE, good_files.WORKLOAD, good_files.MAPPING, good_files.FULL_MAPPING]
)
def test_data_is_what_pyyaml_reads(parser: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without libyaml."""
    monkeypatch.setattr(document_module, "_PARSER", parser)
    assert parse_document(text).data == yaml.safe_load(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda values: (
        st.lists(values, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=40), values, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON.filter(lambda data: data is not None))
def test_json_is_read_as_it_was_written(data: object) -> None:
    """Numbers in exponent notation stay text that counts as a number, so they are compared as numbers."""

    def numbers(value: object) -> object:
        if isinstance(value, Exponential):
            return float(value)
        if isinstance(value, dict):
            return {key: numbers(item) for key, item in value.items()}
        return [numbers(item) for item in value] if isinstance(value, list) else value

    assert numbers(parse_document(json.dumps(data)).data) == data
    assert numbers(parse_document(json.dumps(data, indent=2, ensure_ascii=True)).data) == data


@given(JSON.filter(lambda data: data is not None))
def test_yaml_is_read_as_it_was_written(data: object) -> None:
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    try:
        assert parse_document(text).data == yaml.safe_load(text)
    except InputError as error:
        assert error.message in ("wrong number", "wrong key")  # noqa: PT017  (a text such as 1:30 in quotes)


def test_aliases_are_expanded_where_they_stand() -> None:
    document = parse_document("a: &x [D1, D2]\nb:\n  c: *x\n")
    assert document.data == {"a": ["D1", "D2"], "b": {"c": ["D1", "D2"]}}
    assert document.line(("b", "c")) == 3


def test_merged_keys_give_way_to_others() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none:\n  <<: *b\n  x: 5\ntwo:\n  <<: [*b, *m]\n"
    document = parse_document(text)
    assert document.data == {
        "base": {"x": 1, "y": 2},
        "more": {"y": 3, "z": 4},
        "one": {"y": 2, "x": 5},
        "two": {"x": 1, "y": 2, "z": 4},
    }
    assert document.data == yaml.safe_load(text)


def test_a_merge_key_in_quotes_is_a_key() -> None:
    assert parse_document("'<<': 3").data == {"<<": 3}


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert document_module.load_document(path).data == {"a": 1}


def test_comments_and_markers_are_no_content() -> None:
    assert parse_document("# first\n---\na: 1 # one\n...\n").data == {"a": 1}


@pytest.mark.parametrize("text", ["", "# only\n", "---\n", "null", "~"])
def test_empty_files(text: str) -> None:
    with pytest.raises(InputError, match="the file is empty"):
        parse_document(text)


@given(st.text(max_size=40))
@example("\t")
@example("%YAML 9.9\n--- a")
@example('"\\UFFFFFFFF"')
@example('"\\ud800"')
@example("&a *a")
@example("!<")
@example("? ")
def test_any_text_is_read_or_refused(text: str) -> None:
    for parser in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(document_module, "_PARSER", parser)
            try:
                parse_document(text)
            except InputError as error:
                assert str(error)  # noqa: PT017


@pytest.fixture(params=["python", "libyaml", "libyaml, 40 levels"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use one of PyYAML's parsers; since 6.0.4 libyaml's has a limit of its own, 1,000 levels unless it is set."""
    if request.param == "python":
        monkeypatch.setattr(document_module, "_PARSER", yaml.SafeLoader)
        yield
        return
    libyaml = pytest.importorskip("yaml._yaml")
    monkeypatch.setattr(document_module, "_PARSER", yaml.CSafeLoader)
    if request.param == "libyaml":
        yield
        return
    if not hasattr(libyaml, "_set_max_nest_level"):
        pytest.skip("this PyYAML sets no limit")
    limit = libyaml._get_max_nest_level()
    libyaml._set_max_nest_level(40)
    yield
    libyaml._set_max_nest_level(limit)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 2000, "<text>:1: [0][0][0]: nested too deeply: expected at most 32 levels of nesting"),
        ("a: " + "[" * 2000, "<text>:1: a[0][0]: nested too deeply: expected at most 32 levels of nesting"),
        ("- " * 2000, "<text>:1: [0][0][0]: nested too deeply: expected at most 32 levels of nesting"),
        ("[\n" * 2000, "<text>:34: [0][0][0]: nested too deeply: expected at most 32 levels of nesting"),
        ("[k: " * 2000, "<text>:1: [0].k[0]: nested too deeply: expected at most 32 levels of nesting"),
        (
            "{a: 1, a: 2, b: " + "[" * 2000,
            "key given twice: expected every key once, found 'a' on lines 1 and 1",
        ),
        ("{" * 2000, "<text>:1: wrong key: expected a name, found a list, mapping or alias"),
        ("? " * 2000, "<text>:1: wrong key: expected a name, found a list, mapping or alias"),
        ("{? " * 2000, "<text>:1: wrong key: expected a name, found a list, mapping or alias"),
        ("? # what\n@", "<text>:2: malformed YAML: "),  # not a key that is nothing
        ("# nothing\n@", "<text>:2: malformed YAML: "),  # not an empty file
        ("a: [[1, tru@e]], @", "<text>:1: malformed YAML: "),
    ],
)
def test_the_first_fault_is_told_whatever_the_parser_has_read_ahead(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_document(text)
    assert message in str(caught.value)


def test_tags_are_kept_where_a_reader_asks_for_them() -> None:
    text = "a: !Memory {b: 1}\nc: !List [1]\nd: &x !Named {e: 2}\nf: *x\n"
    document = parse_document(text, "tags.yaml", tags=True)
    tags = {key: node.tag for key in "acdf" if (node := document.node((key,)))}
    assert tags == {"a": "!Memory", "c": "!List", "d": "!Named", "f": "!Named"}
    for refused in (text, "a: !!python/object:os.system {}\n", "a: !Number 3\n"):
        with pytest.raises(InputError, match="tags are not accepted"):
            parse_document(refused, "tags.yaml", tags=refused != text)
