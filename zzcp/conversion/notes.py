"""What a conversion had to assume, and what of the source has no counterpart."""

from __future__ import annotations

from zzcp.io.write import shown

WIDTH = 116
"""Longest line of a comment."""


class Notes:
    """Remarks in the order in which they come up, each once.

    Attributes
    ----------
    assumed : list of str
        What the source does not say, and what was taken.
    missing : list of str
        What has no counterpart, each with its consequence.
    """

    def __init__(self) -> None:
        self.assumed: list[str] = []
        self.missing: list[str] = []

    def assume(self, text: str) -> None:
        """Note what was taken where the source says nothing."""
        if text not in self.assumed:
            self.assumed.append(text)

    def miss(self, what: str, consequence: str) -> None:
        """Note what has no counterpart, and what follows from it."""
        text = f"{what}: {consequence}"
        if text not in self.missing:
            self.missing.append(text)

    def comment(self, head: str) -> str:
        """Return the remarks as the comment at the top of a file."""
        lines = [head]
        for title, remarks in (("assumed:", self.assumed), ("without counterpart:", self.missing)):
            if remarks:
                lines += [title, *(f"- {remark}" for remark in remarks)]
        # names are text of any kind: none may end a comment
        return "".join(f"# {line}\n" for text in lines for line in _wrapped(shown(text)))


def _wrapped(text: str) -> list[str]:
    """Return a text in lines, the further ones of a remark indented."""
    lines, indent = [""], "  " if text.startswith("- ") else ""
    for word in text.split(" "):
        if lines[-1].strip() and len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append(indent + word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines
