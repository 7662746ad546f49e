"""Packages that cost models need and that are no dependency."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from zzcp.errors import InputError


class Package(NamedTuple):
    """A package that a cost model needs.

    Parameters
    ----------
    name : str
        What it is called where packages are installed from.
    model : str
        The cost model.
    hint : str
        How one gets it.
    """

    name: str
    model: str
    hint: str

    def release(self) -> str:
        """Return the installed release.

        Raises
        ------
        InputError
            If there is none.
        """
        try:
            return version(self.name)
        except PackageNotFoundError:
            raise self.lacking() from None

    def is_installed(self) -> bool:
        """Return whether there is a release."""
        try:
            self.release()
        except InputError:
            return False
        return True

    def lacking(self) -> InputError:
        """Return the error that the package is not installed."""
        return InputError(
            f"the cost model {self.model} needs a package that is not installed", hint=self.hint
        )
