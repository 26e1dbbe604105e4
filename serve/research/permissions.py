"""Who may come into the research room, action by action, from the one table of roles."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from serve.people.access import SignedIn, check_csrf, signed_in
from serve.people.roles import Action, roles_that_may

ReportReader = Annotated[SignedIn, Depends(signed_in(*roles_that_may(Action.VIEW_REPORTS)))]
SuiteRunner = Annotated[SignedIn, Depends(signed_in(*roles_that_may(Action.RUN_SUITES)))]
ExtractMaker = Annotated[SignedIn, Depends(signed_in(*roles_that_may(Action.MAKE_EXTRACTS)))]
CheckCsrf = Depends(check_csrf)
