"""The console's own files, read once, served under an address that carries the hash of their content.

An address is `/static/NAME/HASH/FILE`. Files are looked up in memory, so no path of the request ever
reaches the disk; a changed file has a new address, so browsers may keep the old one for good.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from model.errors import NotFound
from serve.console.security_headers import STATIC_FILE_HEADERS
from serve.people.access import PUBLIC

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: its bytes, their media type and the start of their SHA-256."""

    content: bytes
    media_type: str
    digest: str


class StaticFiles:
    """Every static file of every room, by room name and file name."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, str], StaticFile] = {}

    def add(self, name: str, folder: Path) -> None:
        """Reads the files of `folder`. A suffix that is not in `MEDIA_TYPES` is a bug and raises KeyError."""
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            self._files[name, path.name] = StaticFile(content, MEDIA_TYPES[path.suffix], digest)

    def address(self, file: str, name: str) -> str:
        """The URL path of a file. An unknown file is a bug in a template and raises KeyError."""
        return f"/static/{name}/{self._files[name, file].digest}/{file}"

    def router(self) -> APIRouter:
        """The routes that answer with these files."""
        router = APIRouter(include_in_schema=False)

        @router.get("/static/{name}/{digest}/{file}", dependencies=[PUBLIC])
        def static_file(name: str, digest: str, file: str) -> Response:
            found = self._files.get((name, file))
            if found is None or found.digest != digest:
                raise NotFound("there is no such file")
            return Response(found.content, media_type=found.media_type, headers=STATIC_FILE_HEADERS)

        return router
