"""AccelForge's templates: the part of Jinja that is filled in here, and names for what is not.

Understood are ``{{ NAME }}`` and other expressions of values, ``{% set NAME = ... %}``, and comments. What makes text,
such as loops, conditions, macros and includes, is refused with its name and line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from zzcp.errors import InputError, Place

MARKS = re.compile(r"\{\{|\{%|\{#")
MAX_TEXT = 2**20
"""Longest file with a template that is accepted, in characters."""

_ALLOWED = (
    "Template", "Output", "TemplateData", "Assign", "Name", "Const", "Filter", "Add", "Sub", "Mul", "Div",
    "FloorDiv", "Mod", "Neg", "Pos", "CondExpr", "Compare", "Operand", "And", "Or", "Not", "Test",
)  # fmt: skip
_FILTERS = ("default", "d", "int", "float", "round", "string")


def rendered(text: str, file: str, settings: Mapping[str, str]) -> str:
    """Return a text with its template filled in; its lines stay where they are.

    Parameters
    ----------
    text : str
        The text of a file.
    file : str
        Its name.
    settings : mapping of str to str
        Values of the template's variables.

    Raises
    ------
    InputError
        If the template says more than what is understood, or Jinja is not installed.
    """
    if not MARKS.search(text):
        return text
    try:
        import jinja2  # noqa: PLC0415  (optional)
        from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415
    except ImportError:
        raise InputError(
            "the file is a Jinja template",
            place=Place(file),
            hint="pip install 'zzcp[convert]' to read it",
        ) from None
    if len(text) > MAX_TEXT:
        raise InputError("the template is too large", place=Place(file), expected="at most 1 MiB")

    class Environment(SandboxedEnvironment):
        """Multiplies numbers only: the product of a text and a number may be of any length."""

        intercepted_binops = frozenset("*")

        def call_binop(self, context: object, symbol: str, left: object, right: object) -> object:
            if not all(isinstance(value, int | float) for value in (left, right)):
                raise TypeError(f"the product of {left!r:.60} and {right!r:.60}")
            return super().call_binop(context, symbol, left, right)  # type: ignore[arg-type]

    environment = Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    try:
        tree = environment.parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(
            "a template that is not understood", place=Place(file, error.lineno), found=error.message
        ) from None
    for node in tree.find_all(jinja2.nodes.Node):
        kind = type(node).__name__
        if kind not in _ALLOWED or (isinstance(node, jinja2.nodes.Filter) and node.name not in _FILTERS):
            what = getattr(getattr(node, "node", node), "name", None)
            raise InputError(
                "a template that is not understood",
                place=Place(file, node.lineno),
                expected="variables: {{ NAME }} and {% set NAME = NAME | default(...) %}",
                found=f"{kind} {what}" if isinstance(what, str) else kind,
                hint="write out the text that AccelForge makes of it",
            )
    try:
        return environment.from_string(text).render({name: _value(text) for name, text in settings.items()})
    except (jinja2.TemplateError, ArithmeticError, ValueError, TypeError, NameError, LookupError) as error:
        raise InputError(
            "the template cannot be filled in",
            place=Place(file),
            found=str(error),
            hint="give its variables: --set NAME=VALUE",
        ) from None


def _value(text: str) -> int | float | str:
    """Return what a setting stands for: a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
