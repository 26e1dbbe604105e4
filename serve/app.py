"""The application: every part of a hub put together, once, from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from model.bundle import default_bundle_folder
from model.classifier import Classifier
from model.configuration import sha256_of
from model.errors import BadConfig, Unavailable
from model.policy import load_policy
from serve import problems
from serve.answer_headers import AnswerHeaders
from serve.cases import endpoint as cases_endpoint
from serve.cases.codes import load_codes
from serve.cases.law import load_law
from serve.cases.ordering import load_queue_rules
from serve.cases.outcomes import load_outcomes
from serve.cases.reaper import Reaper
from serve.cases.workflow.timers import load_workflow
from serve.console import frame
from serve.guard import Guard
from serve.hub import Hub
from serve.intake import endpoint as intake_endpoint
from serve.logs import RequestLog, configure_logging
from serve.metrics import Metrics
from serve.people.access import PUBLIC
from serve.people.declared import check_declared
from serve.people.exposure.policy import load_exposure
from serve.registry.bundles import load_registered
from serve.registry.live import BundleWatch, LiveModels, begin_with, classifier_of
from serve.research import room as research_room
from serve.research.suite_runner import SuiteRunner
from serve.scoring import endpoint as scoring_endpoint
from serve.scoring.scorer import Scorer
from serve.scoring.shadow import ShadowScorer
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.migrating import is_current
from serve.worker import Worker

Room = Callable[[FastAPI, Hub], None]
"""A part that registers itself: its pages, its navigation, its routes."""

API_VERSION: Final = "1"
REQUEST_THREADS: Final = 24
"""Endpoints that run at once. Fewer than the database's connections (serve/storage/engine.py)."""

DESCRIPTION: Final = (
    "Scores posts for antisemitic, Islamophobic and far-right hate, and holds the queue in which people "
    "decide. Every refusal is `application/problem+json` with a stable `code`."
)


def create_app(
    settings: Settings,
    *,
    classifier: Classifier | None = None,
    rooms: Sequence[Room] = (),
    run_scorer: bool = True,
) -> FastAPI:
    """The hub of these settings as an ASGI application; its database must have been migrated.

    Raises: BadConfig, BundleRefused naming the file at fault.
    """
    configure_logging()
    hub = open_hub(settings, classifier)
    scorer = Scorer(hub)
    workers = (scorer.worker, Reaper(hub).worker) if run_scorer else ()
    # Started with the others, and no part of readiness: a suite that cannot be run stops no officer.
    watch = BundleWatch(hub.models, hub.database, settings.home, threads=settings.classifier_threads)
    beside = (SuiteRunner(hub).worker, ShadowScorer(hub).worker, watch.worker)
    all_workers = (*workers, *beside) if run_scorer else ()
    app = FastAPI(
        title="Watchhouse",
        version=API_VERSION,
        description=DESCRIPTION,
        docs_url=None,  # its pages come from a CDN, and the console runs under default-src 'none'
        redoc_url=None,
        lifespan=_lifespan(hub, all_workers),
        responses={
            "4XX": {
                "description": "Refused",
                "content": {problems.PROBLEM_TYPE: {"schema": problems.PROBLEM_SCHEMA}},
            }
        },
    )
    app.state.hub = hub
    app.state.workers = workers
    metrics = Metrics(hub.database, all_workers, scorer.not_scored)
    problems.install(app)
    _add_probes(app, metrics)
    app.include_router(scoring_endpoint.router)
    app.include_router(intake_endpoint.router)
    app.include_router(cases_endpoint.router)
    frame.install(app, hub)
    research_room.register(app)
    for room in rooms:
        room(app, hub)
    check_declared(app)
    # The last one added is the outermost: headers (on the log's own 500 too), log, guard, everything else.
    app.add_middleware(Guard, max_body_bytes=settings.max_body_bytes, max_json_depth=settings.max_json_depth)
    app.add_middleware(RequestLog, metrics=metrics)
    app.add_middleware(AnswerHeaders)
    return app


def open_hub(settings: Settings, classifier: Classifier | None = None) -> Hub:
    """The parts of a hub, each one read and checked; nothing runs yet.

    Raises: BadConfig, BundleRefused naming the file at fault.
    """
    policy = load_policy(settings.policy)
    outcomes = load_outcomes(settings.outcomes)
    try:
        codebook_sha256 = sha256_of(settings.codebook.read_bytes())
    except OSError as error:
        raise BadConfig(f"{settings.codebook}: cannot be read ({error.strerror})") from None
    database = Database(settings.sqlalchemy_url)
    try:
        return Hub(
            settings=settings,
            database=database,
            models=LiveModels(classifier or _current_classifier(settings, database)),
            policy=policy,
            outcomes=outcomes,
            workflow=load_workflow(settings.workflow),
            queue_rules=load_queue_rules(settings.queue_rules),
            law=load_law(settings.law),
            codes=load_codes(settings.codebook),
            codebook_sha256=codebook_sha256,
            exposure=load_exposure(settings.exposure),
        )
    except BaseException:  # whatever it is, it goes on: a hub that does not open leaves no connection behind
        database.close()
        raise


def _current_classifier(settings: Settings, database: Database) -> Classifier:
    folder = settings.bundle or default_bundle_folder()
    current = begin_with(database, settings.home, folder)
    return classifier_of(load_registered(settings.home, current), threads=settings.classifier_threads)


def _lifespan(hub: Hub, workers: Sequence[Worker]) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = REQUEST_THREADS
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            for worker in workers:
                worker.stop()
            hub.database.close()

    return lifespan


def _add_probes(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/healthz", tags=["probes"], summary="The process is up", dependencies=[PUBLIC])
    async def healthz() -> dict[str, str]:
        return {"status": "up"}

    @app.get(
        "/readyz",
        tags=["probes"],
        summary="Requests can be served and work is being done",
        dependencies=[PUBLIC],
    )
    def readyz(request: Request) -> JSONResponse:
        hub: Hub = request.app.state.hub
        if not hub.database.is_reachable() or not is_current(hub.database):
            raise Unavailable("The database cannot be reached, or is not migrated.")
        if not hub.models.is_well or not all(worker.is_well for worker in request.app.state.workers):
            raise Unavailable("Posts are not scored, or leases not ended, at present; the log says why.")
        return JSONResponse({"status": "ready", "bundle": hub.classifier.bundle_id})

    @app.get(
        "/metrics",
        tags=["probes"],
        summary="Figures for Prometheus",
        response_class=Response,
        dependencies=[PUBLIC],
    )
    def figures() -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")
