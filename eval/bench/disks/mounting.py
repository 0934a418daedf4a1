"""A small disk to fill, and how to come by one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from index.errors import InputError

DISK_BYTES = 48 << 20
# What is larger is somebody's disk, which nobody wants filled.
MOST_BYTES = 256 << 20
_MOUNT = 'mount -t tmpfs -o size="$0" tmpfs "$1" && shift && exec "$@"'


def on_small_disk(folder: Path, command: Sequence[str]) -> list[str]:
    """The command that runs `command` where `folder` is a small disk in memory, which goes when it ends.

    It mounts one in a name space of its own: as root, or as anybody where the system lets users have such. Raises
    InputError where it does not.
    """
    inside = [shutil.which("unshare") or "unshare", "--map-root-user", "--mount", "sh", "-c", _MOUNT, str(DISK_BYTES)]
    try:
        tried = subprocess.run([*inside, str(folder), "true"], capture_output=True, text=True, check=False, timeout=60)
        reason = (tried.stderr.strip().splitlines() or [""])[0] if tried.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    if reason is not None:
        raise InputError(
            f"a small disk cannot be made here ({reason}): be root, allow user name spaces, or have one mounted "
            f"(mount -t tmpfs -o size={DISK_BYTES >> 20}m tmpfs DIR) and name it with --disk DIR"
        )
    return [*inside, str(folder), *command]


class SmallDisk:
    """A disk on which a file takes all room but what is wanted."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError where the folder is not the root of an empty, small disk of its own."""
        if not folder.is_dir() or not os.path.ismount(folder):
            raise InputError(f"{folder} is not where a disk is mounted")
        status = os.statvfs(folder)
        if status.f_blocks * status.f_frsize > MOST_BYTES:
            raise InputError(f"the disk {folder} is larger than {MOST_BYTES >> 20} MB, which is too much to be filled")
        if any(path.name != "lost+found" for path in folder.iterdir()):
            raise InputError(f"the disk {folder} is not empty")
        self.folder = folder
        self.block = status.f_frsize
        self._ballast = folder / "ballast"

    @property
    def free(self) -> int:
        """How many bytes are free."""
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def fill(self, left: int) -> None:
        """Take all room but `left` bytes."""
        self.clear()
        taken = self.free - left
        if taken > 0:
            with self._ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, taken)

    def clear(self) -> None:
        """Give all room back."""
        self._ballast.unlink(missing_ok=True)
