"""Which spanqa this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    try:
        return version("spanqa")
    except PackageNotFoundError:
        return "uninstalled"
