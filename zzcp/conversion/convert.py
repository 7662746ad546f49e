"""From the files of other tools to hardware and workload files: what they are, and who reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from zzcp.conversion import stream
from zzcp.conversion.accelforge import architecture as accelforge_architecture
from zzcp.conversion.accelforge import workload as accelforge_workload
from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part
from zzcp.conversion.source import Source, load
from zzcp.conversion.timeloop import architecture as timeloop_architecture
from zzcp.conversion.timeloop import problem as timeloop_problem
from zzcp.errors import InputError, Place, placed_at
from zzcp.hardware import Accelerator
from zzcp.io.write import accelerator_to_yaml, network_to_yaml
from zzcp.workload import Network

Take = Literal["machine", "network"]
"""What of some files is wanted."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What some files became.

    Parameters
    ----------
    tool : str
        Whose files they are.
    content : Accelerator or Network
        What they describe.
    assumed, missing : tuple of str
        What they do not say, and what of them has no counterpart, with the consequence.
    text : str
        The content as a hardware or workload file, with these remarks as comments.
    """

    tool: str
    content: Accelerator | Network
    assumed: tuple[str, ...]
    missing: tuple[str, ...]
    text: str


def convert(
    paths: Sequence[str],
    *,
    take: Take | None = None,
    operands: Mapping[str, str] | None = None,
    precision: Mapping[str, int] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Converted:
    """Read files of Timeloop, AccelForge or Stream that belong together.

    Parameters
    ----------
    paths : sequence of str
        The files, e.g. an architecture and its table of energies.
    take : {"machine", "network"}, optional
        What is wanted, where the files describe both.
    operands : mapping of str to str, optional
        Memory operand (``I1``, ``I2``, ``O``) of tensors whose names do not tell it.
    precision : mapping of str to int, optional
        Bits of the operands of a network.
    settings : mapping of str to str, optional
        Values of the variables of AccelForge's templates.

    Raises
    ------
    InputError
        If they are no such files, with the place of what is not understood.
    """
    source = load(paths, settings or {})
    notes = Notes()
    given = dict(operands or {})
    tool, kinds = _recognised(source)
    wanted = take or (next(iter(kinds)) if len(kinds) == 1 else None)
    if wanted is None or wanted not in kinds:
        raise InputError(
            "the files describe a machine and a network" if wanted is None else f"there is no {wanted}",
            place=Place(source.files),
            hint=f"say which is wanted: --take {' or '.join(sorted(kinds))}",
        )
    with placed_at(source.files):  # what only the whole shows, such as the room of all units together
        content = kinds[wanted](source, given, dict(precision or {}), notes)
    comment = notes.comment(f"Converted by zzcp from {tool}: {source.files}")
    text = accelerator_to_yaml(content) if isinstance(content, Accelerator) else network_to_yaml(content)
    return Converted(tool, content, tuple(notes.assumed), tuple(notes.missing), comment + text)


_Reader = Callable[[Source, Mapping[str, str], Mapping[str, int], Notes], Accelerator | Network]


def _machine(read: Callable[[Source, Mapping[str, str], Notes], Accelerator]) -> _Reader:
    def reader(
        source: Source, given: Mapping[str, str], precision: Mapping[str, int], notes: Notes
    ) -> Accelerator:
        del precision  # of a network only
        return read(source, given, notes)

    return reader


def _core(source: Source, given: Mapping[str, str], notes: Notes) -> Accelerator:
    del given  # the file has ZigZag's operands
    return stream.read_core(Part(source.documents[0]), notes)


def _recognised(source: Source) -> tuple[str, dict[Take, _Reader]]:
    """Return whose files they are, and the readers of what they hold.

    Raises
    ------
    InputError
        If they are of no known kind.
    """
    arch = source.part("arch")
    nodes = arch is not None and arch.at("nodes").exists
    timeloop: dict[Take, _Reader] = {}
    if source.part("architecture") or (arch is not None and not nodes):
        timeloop["machine"] = _machine(timeloop_architecture.read_machine)
    if source.part("problem"):
        timeloop["network"] = timeloop_problem.read_network
    accelforge: dict[Take, _Reader] = {}
    if nodes:
        accelforge["machine"] = _machine(accelforge_architecture.read_machine)
    if source.part("workload"):
        accelforge["network"] = accelforge_workload.read_network
    if timeloop and accelforge:
        raise InputError("files of Timeloop and of AccelForge together", place=Place(source.files))
    if timeloop or accelforge:
        return ("Timeloop", timeloop) if timeloop else ("AccelForge", accelforge)
    root = Part(source.documents[0])
    if len(source.documents) == 1 and stream.is_core(root):
        return "Stream", {"machine": _machine(_core)}
    if source.part("cores", "core_connectivity"):
        raise root.error(
            "a machine of several cores", expected="the file of one core", hint="convert one of its cores"
        )
    raise root.error(
        "cannot be converted",
        expected="an ONNX file (.onnx), an architecture or problem of Timeloop, an architecture or workload of "
        "AccelForge, a core of Stream, or a result of zzcp with --to",
        found=f"a file with the keys {', '.join(list(source.parts)[:8])}",
    )
