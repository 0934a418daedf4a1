"""Routes for those who run the server."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from api.http.dependencies import AccessDep, ServiceDep
from api.http.openapi import problems
from api.problems import TOO_FEW_DOCUMENTS, ProblemError
from api.schemas import Readiness, Status
from api.service.metrics import CONTENT_TYPE
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


@router.head("/healthz", include_in_schema=False)
async def head_of_health(service: ServiceDep) -> Response:
    """As GET, without a body: what some load balancers ask for."""
    service.warmup.require_ready()
    return Response()


@router.get(
    "/readyz",
    summary="Whether questions can be answered from the store now",
    responses=problems(
        _409="The store was embedded with another model.",
        _503="The models are not loaded, the store cannot be read, or it holds fewer documents than asked for.",
    ),
)
async def readiness(
    service: ServiceDep,
    access: AccessDep,
    documents: Annotated[
        int, Query(ge=0, le=1_000_000_000, description="At least so many must be in the store, or the status is 503.")
    ] = 0,
) -> Readiness:
    """200 while the store can be read with these models, and holds as many documents as `documents` asks for."""
    access.require_all_collections()
    service.warmup.require_ready()
    standing = await service.with_models(service.lookups, lambda: _readiness(service.engine))
    if standing.documents < documents:
        raise ProblemError(
            TOO_FEW_DOCUMENTS,
            f"the store holds {standing.documents} documents, and {documents} were asked for: was it filled, and is "
            "its disk mounted?",
        )
    return standing


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
