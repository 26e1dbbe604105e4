"""`/v1/posts`: posts come in, and are on disk before the answer leaves."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse

from serve.field_text import known_shape
from serve.hub import hub_of
from serve.intake.idempotency import HEADER, Repeatable, check_key
from serve.intake.schemas import PostOut, PostsAnswer, PostsIn, ScoresOut
from serve.intake.storing import TAKEN, StoredPost, stored_post, take_posts
from serve.people.access import Caller, require_scope

REPLAYED_HEADER = "idempotent-replayed"

router = APIRouter(prefix="/v1/posts", tags=["posts"])
Sender = Annotated[Caller, Depends(require_scope("posts"))]


async def body_sha256(request: Request) -> str:
    """The SHA-256 of the request's bytes: what makes a repeated request the same one."""
    return hashlib.sha256(await request.body()).hexdigest()


@router.post("", status_code=TAKEN, response_model=PostsAnswer, summary="Store posts; they are scored after")
def post_posts(
    request: Request,
    body: PostsIn,
    sender: Sender,
    digest: Annotated[str, Depends(body_sha256)],
    key: Annotated[str | None, Header(alias=HEADER, description="Makes a retry safe for days.")] = None,
) -> JSONResponse:
    """Stores 1 to 1,000 posts and answers once they are on disk; each becomes a case when it is scored.

    Posts that cannot be taken come back in `rejected`, each with a code; the others are stored. With an
    `Idempotency-Key` a repeated request gets the first answer again, marked `idempotent-replayed: true`.
    """
    repeatable = None if key is None else Repeatable(sender.key_id, check_key(key), digest)
    answer = take_posts(hub_of(request), body.posts, actor=sender.actor, repeatable=repeatable)
    headers = {REPLAYED_HEADER: "true"} if answer.replayed else None
    return JSONResponse(answer.body, status_code=TAKEN, headers=headers)


@router.get("/{post_id}", response_model=PostOut, summary="A stored post and what became of it")
def get_post(request: Request, post_id: str, sender: Sender) -> PostOut:
    """The post as it was sent, its newest scores, and the case it is in."""
    with hub_of(request).database.read() as session:
        return _post_out(stored_post(session, known_shape(post_id, "post")))


def _post_out(stored: StoredPost) -> PostOut:
    post, scores = stored.post, stored.scores
    return PostOut(
        post_id=post.post_id,
        id=post.external_id,
        text=post.text,
        platform=post.platform,
        url=post.url,
        author=post.author,
        posted_at=post.posted_at,
        received_at=post.received_at,
        scored_at=post.scored_at,
        scores=None if scores is None else ScoresOut.model_validate(scores, from_attributes=True),
        route=None if scores is None else scores.route,
        reason=None if scores is None else scores.reason,
        bundle=None if scores is None else scores.bundle,
        case_id=stored.case_id,
        state=stored.state,
    )
