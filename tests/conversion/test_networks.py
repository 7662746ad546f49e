"""Problems of Timeloop and workloads of AccelForge as networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from zzcp import InputError, Layer, Network
from zzcp.conversion import Converted, convert
from zzcp.documents import parse_document
from zzcp.io import layer_to_dict, read_workload

DATA = Path(__file__).parent / "data"


def converted(*names: str, **options: object) -> Converted:
    return convert([str(DATA / name) for name in names], **options)  # type: ignore[arg-type]


def network(found: Converted) -> Network:
    assert isinstance(found.content, Network)
    return found.content


def test_problem_of_timeloop() -> None:
    found = converted("conv.problem.yaml", precision={"W": 8, "I": 8})
    (layer,) = network(found)
    assert str(layer.equation) == "O[n][m][q][p]+=W[c][m][r][s]*I[n][c][ip][iq]"
    assert [str(relation) for relation in layer.relations] == ["ip=2*p+1*r", "iq=1*q+1*s"]
    assert layer.sizes == {"C": 4, "M": 8, "R": 3, "S": 5, "N": 2, "P": 7, "Q": 6}
    assert layer.precision == {"W": 8, "I": 8, "O": 16, "O_final": 16}
    assert layer.tensor_size("I") == 2 * 4 * 15 * 10
    assert any("Hpad of the problem" in remark for remark in found.missing)


def test_shape_that_timeloop_knows_by_name(tmp_path: Path) -> None:
    path = tmp_path / "problem.yaml"
    path.write_text("problem: {shape: cnn-layer, R: 3, S: 3, P: 4, Q: 4, C: 2, K: 5, N: 1, Wstride: 2}")
    (layer,) = network(convert([str(path)]))
    same = Layer.conv(k=5, c=2, oy=4, ox=4, fy=3, fx=3, stride=(1, 2))
    assert layer.macs == same.macs
    assert [layer.tensor_size(operand) for operand in "WIO"] == [
        same.tensor_size(operand) for operand in "WIO"
    ]


def test_tensors_of_other_names_are_told_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "problem.yaml"
    spaces = "[{name: L, projection: [[[M]], [[K]]]}, {name: R, projection: [[[K]], [[N]]]}, "
    spaces += "{name: T, projection: [[[M]], [[N]]], read-write: true}]"
    path.write_text(
        f"problem: {{shape: {{dimensions: [M, K, N], data-spaces: {spaces}}}, instance: {{M: 2, K: 3, N: 4}}}}"
    )
    (layer,) = network(convert([str(path)]))
    assert str(layer.equation) == "O[m][n]+=W[m][k]*I[k][n]"
    (layer,) = network(convert([str(path)], operands={"L": "I1"}))
    assert str(layer.equation) == "O[m][n]+=W[k][n]*I[m][k]"


def test_workload_of_accelforge() -> None:
    found = converted("network.af.yaml", settings={"BATCH": "3"})
    conv, dense, total = network(found)
    assert str(conv.equation) == "O[b][m][p][q]+=W[m][c][r][s]*I[b][c][ip][iq]"
    assert [str(relation) for relation in conv.relations] == ["ip=2*p+1*r", "iq=2*q+1*fq"]
    assert conv.sizes == {"B": 3, "C": 4, "P": 6, "R": 3, "Q": 6, "M": 8, "S": 1, "FQ": 1}
    assert conv.precision == {"W": 4, "I": 8, "O": 16, "O_final": 16}
    assert conv.tensor_size("I") == 3 * 4 * 13 * 6
    assert (str(dense.equation), dense.sources) == ("O[b][d]+=W[m][y][x][d]*I[b][m][y][x]", {"I": 0})
    assert dense.sizes == {"B": 3, "D": 10, "M": 8, "Y": 6, "X": 6}
    assert (total.equation.combine, total.sources) == ("+", {"W": 1})


@pytest.mark.parametrize(
    ("names", "options"),
    [(("conv.problem.yaml",), {}), (("network.af.yaml",), {})],
    ids=["timeloop", "accelforge"],
)
def test_what_is_written_is_read_back_equal(names: tuple[str, ...], options: dict[str, object]) -> None:
    found = converted(*names, **options)
    again = read_workload(parse_document(found.text))
    for before, after in zip(network(found), again, strict=True):
        assert layer_to_dict(after) == layer_to_dict(before)


def test_a_computation_writes_a_tensor(tmp_path: Path) -> None:
    path = tmp_path / "network.yaml"
    accesses = "[{name: I, projection: [m]}, {name: W, projection: [m]}]"
    path.write_text(
        "workload: {bits_per_value: {All: 8}, rank_sizes: {M: 4}, "
        f"einsums: [{{name: copy, tensor_accesses: {accesses}}}]}}"
    )
    with pytest.raises(InputError, match="copy writes no tensor"):
        convert([str(path)])


def test_of_machine_and_network_one_is_taken() -> None:
    names = ("nodes.arch.yaml", "conv.problem.yaml")
    with pytest.raises(InputError, match="--take machine or network"):
        converted(*names)
    assert isinstance(converted(*names, take="network").content, Network)
    assert not isinstance(converted(*names, take="machine").content, Network)


BAD = {
    "conv.problem.yaml": [
        ("S: 5, ", "", "the loop S has no size"),
        ("[[R], [P, Wstride]]", "[[R], [P, Wstride], [Q]]", "an index of Inputs is no window"),
        ("Wstride: 2,", "Wstride: -2,", "expected a factor"),
        (
            "read_write: true}",
            "read_write: true}\n    - {name: More, projection: [[[C]]]}",
            "which operands the",
        ),
        ("{name: Outputs", "{label: Outputs", "name is missing"),
    ],
    "network.af.yaml": [
        ("2 * p + r", "2 * p + r - 1", "an index that is not understood"),
        ("0 < m <= 8", "0 < m <= n", "bounds that are not understood"),
        ("0 < m <= 8", "8 < m <= 8", "a loop without iterations"),
        ("D: 10, ", "", "the loop d of dense has no size"),
        ("~weight: 8", "output: 8", "image has no bits_per_value"),
        ("maps[b, m, P: y, Q: x] *", "maps[b, m, P: y, Q: x] /", "an equation that is not understood"),
        ("{B: b, C: c,", "{B: M, C: c,", "loops that differ in small and capital letters only"),
    ],
}


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [(name, *case) for name, cases in BAD.items() for case in cases],
    ids=lambda value: str(value)[:30],
)
def test_bad_files(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    text = (DATA / name).read_text()
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as error:
        convert([str(path)])
    assert message in str(error.value)
    assert str(path) in str(error.value) or "which operands" in message
