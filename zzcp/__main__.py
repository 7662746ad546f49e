"""``python -m zzcp``, and the command ``zzcp``: Ctrl-C has its message and exit code from the first import on."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave the interpreter with its exit code."""
    try:
        from zzcp.cli.main import main as run  # noqa: PLC0415 - takes some tenths of a second
    except KeyboardInterrupt:
        sys.stderr.write("\nzzcp: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
