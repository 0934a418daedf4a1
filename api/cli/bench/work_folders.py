"""Folders that the harnesses work in."""

from __future__ import annotations

from index.disk.outputs import FolderKind

NEW_FOLDER = FolderKind("a new folder", frozenset())
