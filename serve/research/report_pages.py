"""The reports of every bundle: a list, a page for each, and its files to download."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serve.audit.events import Event
from serve.audit.log import record
from serve.console.frame import frame_of
from serve.hub import hub_of
from serve.research import reports
from serve.research.downloads import attachment
from serve.research.permissions import ReportReader
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/research", include_in_schema=False)

MEDIA_TYPES: Final = {reports.REPORT_HTML: "text/html", reports.REPORT_JSON: "application/json"}


@router.get("")
def reports_page(request: Request, person: ReportReader) -> Response:
    """Every report that stands in the hub's folder."""
    hub = hub_of(request)
    return frame_of(request).render(
        request,
        "research_reports.html",
        person=person,
        reports=reports.list_reports(hub.settings.home),
        live_bundle=hub.classifier.bundle_id,
    )


@router.get("/reports/{report}")
def report_page(request: Request, report: str, person: ReportReader) -> Response:
    """One report; where its file cannot be read, the line that says why. Raises: NotFound."""
    hub = hub_of(request)
    found = reports.find_report(hub.settings.home, report)
    return frame_of(request).render(
        request, "research_report.html", person=person, found=found, live_bundle=hub.classifier.bundle_id
    )


@router.get("/reports/{report}/{report_file}")
def download(request: Request, report: str, report_file: str, person: ReportReader) -> Response:
    """A file of a report, to keep. Raises: NotFound."""
    hub = hub_of(request)
    content = reports.report_file(hub.settings.home, report, report_file)
    with hub.database.write() as session:
        record(
            session,
            actor=person.actor,
            event=Event.REPORT_DOWNLOADED,
            subject=report,
            details={"file": report_file, "bytes": len(content)},
            at=utc_now(),
        )
    filename = f"{report}-{report_file}"
    return attachment(content, media_type=MEDIA_TYPES[report_file], filename=filename)
