"""Files for a researcher to keep: always an attachment, never a page of the hub's own origin."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

SANDBOXED: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
)
"""Should a browser show a downloaded report after all: no script, no origin, nothing fetched."""


def attachment(content: bytes, *, media_type: str, filename: str) -> Response:
    """An answer that a browser saves under this name. `filename` is ours: ASCII letters, digits, - . _."""
    headers = {
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Content-Security-Policy": SANDBOXED,
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return Response(content, media_type=media_type, headers=headers)
