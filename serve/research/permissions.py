"""Who may come into the research room, action by action, from the one table of roles."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.roles import Action

ReportReader = Annotated[SignedIn, Depends(allowed(Action.VIEW_REPORTS))]
SuiteRunner = Annotated[SignedIn, Depends(allowed(Action.RUN_SUITES))]
SuiteOwner = Annotated[SignedIn, Depends(allowed(Action.DISCARD_SUITES))]
ExtractMaker = Annotated[SignedIn, Depends(allowed(Action.MAKE_EXTRACTS))]
CheckCsrf = Depends(check_csrf)
