"""``python -m zzcp``: the same as the command ``zzcp``."""

from __future__ import annotations

import sys

from zzcp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
