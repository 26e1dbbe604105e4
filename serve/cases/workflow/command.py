"""`watchhouse admin workflow-diagram`: what docs/workflow.md shows of the table."""

from __future__ import annotations

from serve.cases.workflow.diagram import workflow_markdown
from serve.cases.workflow.timers import load_workflow


def workflow_page() -> str:
    """The generated part of docs/workflow.md, with the newest due times that the configuration holds."""
    return workflow_markdown(load_workflow().profiles[-1])
