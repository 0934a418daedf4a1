"""Open files: the server raises its own limit as far as it needs and may, and serves what the limit has room for."""

from __future__ import annotations

import resource

from index.errors import SpanqaError

# Files that the store and the models need, whatever the clients do: some 30 are open from the start, and up to 32
# connections of the catalogue may have three each.
RESERVED_FILES = 160
# How many connections are there to be refused, beside those that are served.
REFUSED_AT_LEAST = 16
# With fewer than these a browser's page and one or two clients do not get on.
MIN_CONNECTIONS = 16


class FileLimitError(SpanqaError):
    """The system allows this process too few open files."""


def make_room(connections: int, refused: int) -> int:
    """Raise the soft limit so that `connections` can be served beside `refused` that are being refused; how many can be
    served then.

    Raises FileLimitError where there is not even room for `MIN_CONNECTIONS`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = RESERVED_FILES + connections + refused
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if raised > soft:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            except (OSError, ValueError) as error:
                raise FileLimitError(
                    f"the limit on open files cannot be raised from {soft} to {raised} ({error}); set it where the "
                    f"server is started: ulimit -n {wanted}"
                ) from error
    room = served(connections)
    if room < MIN_CONNECTIONS:
        least = RESERVED_FILES + REFUSED_AT_LEAST + MIN_CONNECTIONS
        raise FileLimitError(
            f"the system allows this process {hard} open files, and the server needs {least} at least, {wanted} for "
            f"all of its {connections} connections; raise the limit where it is started: ulimit -n {wanted}, or "
            "LimitNOFILE= of its systemd service"
        )
    return room


def served(connections: int) -> int:
    """How many of so many connections there is room for now."""
    return min(connections, _room() - REFUSED_AT_LEAST)


def most_open(open_at_most: int) -> int:
    """How many connections may be open, those that are being refused among them."""
    return min(open_at_most, _room())


def _room() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft - RESERVED_FILES
