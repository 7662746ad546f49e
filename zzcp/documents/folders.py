"""The folder in which runs keep what later ones need not compute again."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ZZCP_CACHE_DIR"
"""Environment variable with the folder of the cache."""
WITHOUT = "ZZCP_NO_CACHE"
"""Environment variable by which nothing is kept, nor taken from there."""


def cache_folder() -> Path:
    """Return the folder of the cache: what the environment names, or the user's folder for such files."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    from platformdirs import user_cache_path  # noqa: PLC0415 - only needed here, and takes time

    return user_cache_path("zzcp", appauthor=False)
