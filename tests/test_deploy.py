"""The files of deploy/: what can be checked of them without a container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from api.cli.main import app
from index.location import ServerStore, parse_location

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def objects() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / "api.yaml").read_text("utf-8")))


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [one for one in objects() if one["kind"] == kind]
    return found


def commands() -> Iterator[list[str]]:
    services = compose()["services"]
    yield from ([str(word) for word in services[name]["command"]] for name in ("api-1", "api-2"))
    (container,) = of_kind("Deployment")["spec"]["template"]["spec"]["containers"]
    yield [str(word) for word in container["args"]]


@pytest.mark.parametrize("words", list(commands()), ids=["api-1", "api-2", "kubernetes"])
def test_the_commands_are_ones_that_qa_has(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    context = command.commands[words[0]].make_context(words[0], words[1:])
    assert context.params["host"] == "0.0.0.0"


def test_the_stores_are_urls() -> None:
    urls = [compose()["services"][name]["environment"]["QA_STORE"] for name in ("api-1", "api-2")]
    urls.append(of_kind("ConfigMap")["data"]["QA_STORE"])
    for url in urls:
        location = parse_location(url)
        assert isinstance(location, ServerStore)
        assert (location.milvus, str(location.derived)) == ("http://milvus:19530", "/var/lib/spanqa")


def test_the_balancer_knows_the_replicas() -> None:
    replicas = [name for name, service in compose()["services"].items() if service.get("image") == "spanqa"]
    configuration = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert replicas == ["api-1", "api-2"]
    assert all(f"server {name}:8000" in configuration for name in replicas)


def test_labels_and_ports_meet() -> None:
    deployment, service = of_kind("Deployment"), of_kind("Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels == deployment["spec"]["selector"]["matchLabels"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["containerPort"]
