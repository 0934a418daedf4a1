"""`qa mcp`: the Model Context Protocol over a store, on standard input and output."""

from __future__ import annotations

from api.cli.grouping import with_groups
from api.cli.opening import open_engine, open_store
from api.cli.options import ModelOptions, StoreOption


@with_groups
def mcp(*, store: StoreOption, models: ModelOptions) -> None:
    """Serve agents over standard input and output (Model Context Protocol); over HTTP, `qa serve` has them at /mcp."""
    from api.http.logs import configure
    from api.mcp import serve_stdio
    from api.service.service import Service
    from api.settings import ServerSettings

    # Standard output is the protocol's.
    configure(as_json=False)
    opened = open_store(store, models.embedder, runtime=models.runtime)
    engine = open_engine(opened, models.reader, models.calibration, runtime=models.runtime)
    serve_stdio(Service(engine, ServerSettings()))
