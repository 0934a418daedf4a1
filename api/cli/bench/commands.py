"""`qa bench`: its commands, put together."""

from __future__ import annotations

import typer

from api.cli.bench.damage import damage
from api.cli.bench.distributed import distributed
from api.cli.bench.full import full
from api.cli.bench.ingest import ingest
from api.cli.bench.kill import kill
from api.cli.bench.load import load
from api.cli.bench.peers import peers, peers_table
from api.cli.bench.scale import scale
from api.cli.bench.soak import soak

bench = typer.Typer(help="Measure speed, memory and growth on this machine.", no_args_is_help=True)
bench.command("scale")(scale)
bench.command("peers")(peers)
bench.command("table")(peers_table)
bench.command("distributed")(distributed)
bench.command("ingest")(ingest)
bench.command("soak")(soak)
bench.command("load")(load)
bench.command("kill")(kill)
bench.command("full")(full)
bench.command("damage")(damage)
