"""The group of commands, and how every way to stop becomes a message on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import click

from zzcp.errors import InputError, MappingError, ZzcpError, nearest

BROKEN_PIPE, USAGE, NO_MAPPING, NOTHING_FOUND, INTERRUPTED = 1, 2, 3, 4, 130
"""Exit codes: nobody reads our output any more (click's code, too); wrong usage or input; a layer has no valid mapping;
the time limit left a layer without one; Ctrl-C."""
_OF_STREAMS = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF)
"""What writing to a stream fails with; other errors that name no file are of the system: no file or process is left."""


class Program(click.Group):
    """A group of commands that stops with one message and an exit code, whatever happens."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        """Run the program and leave it."""
        start = super().main
        extra["standalone_mode"] = False
        sys.exit(run(lambda: start(args, prog_name or "zzcp", **extra)))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was meant."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            known = self.list_commands(ctx)
            raise InputError(
                "no such command",
                expected=f"one of {', '.join(known)}",
                found=args[0],
                hint=nearest(args[0], known),
            )
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            rest = _spread_layers(command, rest)
            _check_once(click.Context(command, ctx, name), rest)
        return name, command, rest

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order in which they were added."""
        return list(self.commands)


LAYER = "--layer"


def _spread_layers(command: click.Command, arguments: Sequence[str]) -> list[str]:
    """Write ``--layer a b`` as ``--layer a --layer b``, where nothing but a layer can follow."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    takes_layers = any(LAYER in option.opts and option.multiple for option in options)
    if not takes_layers or len(options) < len(command.params):
        return list(arguments)
    spread: list[str] = []
    for argument in arguments:
        follows_layer = spread[-2:-1] == [LAYER] or (bool(spread) and spread[-1].startswith(f"{LAYER}="))
        spread += [LAYER, argument] if follows_layer and not argument.startswith("-") else [argument]
    return spread


def _check_once(context: click.Context, arguments: Sequence[str]) -> None:
    """Refuse an option that is given twice, of which click takes the last one in silence."""
    command = context.command
    try:
        given = command.make_parser(context).parse_args(list(arguments))[2]
    except click.ClickException:
        return  # the command itself will say so
    for option in given:
        repeatable = (
            not isinstance(option, click.Option) or option.multiple or option.count or option.is_eager
        )
        if not repeatable and given.count(option) > 1:
            longest = max(option.opts, key=len)
            raise click.UsageError(f"option {longest} is given twice", context)


def run(program: Callable[[], object]) -> int:
    """Run a program and return its exit code, after a message where it stopped early."""
    _prepare_streams()
    try:
        return _code(program)
    except OSError as error:
        return _failed(error)


def _code(program: Callable[[], object]) -> int:
    """Run a program and return its exit code; what streams and files fail with is left to the caller."""
    try:
        code = program()
        sys.stdout.flush()
    except ZzcpError as error:
        say(f"error: {describe(error)}")
        return error.exit_code
    except click.ClickException as error:
        say(f"error: {_usage(error)}")
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    """Make both streams take whatever is printed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # for a terminal that lacks a letter of some name


def _failed(error: OSError) -> int:
    of_output = error.filename is None and error.errno in _OF_STREAMS
    if of_output:
        _silence(sys.stdout)  # the interpreter would flush it once more when it ends
        if error.errno == errno.EPIPE:
            return BROKEN_PIPE
    where = error.filename or ("standard output" if of_output else "")
    say(f"error: {where}{': ' if where else ''}{error.strerror or error}")
    return USAGE


def say(text: str) -> None:
    """Print a message of the program itself on stderr.

    Where nobody can read it, the work goes on: what is asked for is the result. Only where results go the same way
    there is nobody to work for.

    Raises
    ------
    OSError
        If standard error and standard output are one stream, and it takes no more.
    """
    try:
        click.echo(f"zzcp: {text}", err=True)
    except OSError:
        shared = _same(sys.stdout, sys.stderr)
        _silence(sys.stderr)
        if shared:
            raise


def _silence(stream: TextIO) -> None:
    """Let a stream that takes no more lead nowhere."""
    with suppress(OSError):  # no file is left for it, or it is none of the system
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _same(stream: TextIO, other: TextIO) -> bool:
    """Return whether two streams go to one file of the system."""
    try:
        return os.path.sameopenfile(stream.fileno(), other.fileno())
    except OSError:
        return False


def describe(error: ZzcpError) -> str:
    """Return an error as text: one line, or one for each violated rule where there are several."""
    if isinstance(error, MappingError) and len(error.violations) > 1:
        where = f"{error.place}: " if str(error.place) else ""
        return "\n  ".join((f"{where}invalid mapping:", *error.violations))
    return str(error)


def _usage(error: click.ClickException) -> str:
    """Return click's message in our form: command first, no capital, no stop, and what was meant."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    if isinstance(error, click.NoSuchOption):
        known = [name for param in context.command.get_params(context) for name in param.opts]
        message = f"no such option {error.option_name}"
        if hint := nearest(error.option_name, known):
            return f"{message} ({hint})"
    return f"{message[:1].lower()}{message[1:]} (see '{context.command_path} --help')"
