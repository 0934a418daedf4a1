"""Routes for those who run the server."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from api.access import AccessDep
from api.metrics import CONTENT_TYPE
from api.openapi import problems
from api.schemas import Readiness, Status
from api.service import ServiceDep
from qa.engine import Engine

router = APIRouter(tags=["operations"])


@router.get(
    "/healthz",
    summary="Whether questions can be answered",
    responses=problems(_503="The models are being loaded, or cannot be; `detail` says why."),
)
async def health(service: ServiceDep) -> Status:
    """200 once the models are loaded and have been used."""
    service.warmup.require_ready()
    return Status()


@router.get(
    "/readyz",
    summary="Whether questions can be answered from the store now",
    responses=problems(
        _409="The store was embedded with another model.",
        _503="The models are not loaded, or the store cannot be read.",
    ),
)
async def readiness(service: ServiceDep, access: AccessDep) -> Readiness:
    """200 while the store can be read with these models."""
    access.require_all_collections()
    service.warmup.require_ready()
    return await service.with_models(service.lookups, lambda: _readiness(service.engine))


@router.get(
    "/metrics",
    summary="Counters and histograms",
    response_class=PlainTextResponse,
    responses={200: {"description": "In the Prometheus text format.", "content": {"text/plain": {}}}},
)
async def metrics(service: ServiceDep, access: AccessDep) -> Response:
    """Requests by route template and status, questions, searches and uploads by outcome and time of their stages, and
    what is at work or waiting now."""
    access.require_all_collections()
    return Response(service.metrics.render(), headers={"content-type": CONTENT_TYPE})


def _readiness(engine: Engine) -> Readiness:
    store = engine.store
    store.check_embedder()
    documents, passages = store.catalogue.counts()
    return Readiness(
        documents=documents,
        passages=passages,
        store_generation=store.catalogue.generation(),
        calibrated=engine.calibrated,
    )
