"""`/v1/score`: scores for posts that are not stored, not logged and not kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from model.classifier import Classifier
from model.errors import BadInput, Fault, TooMany, Unavailable
from model.language import Language
from model.normalise import check_text
from model.policy import route, route_unread_language
from serve.field_text import field_text
from serve.hub import Hub, hub_of
from serve.people.access import Caller, require_scope
from serve.scoring.budget import count_within_budget
from serve.scoring.each import Result, score_each
from serve.scoring.schemas import MAX_ID_CHARACTERS, LanguageNotRead, Refused, Scored, ScoreIn, ScoreOut

router = APIRouter(prefix="/v1/score", tags=["score"])
FIELDS = frozenset({"id", "text"})


@dataclass(frozen=True, slots=True)
class ToScore:
    """One post of a request: the id to answer with, and its text or what is wrong with it."""

    answer_id: str
    text: str | Fault


@router.post("", response_model=ScoreOut, summary="Score posts; nothing is stored")
def post_score(
    request: Request, body: ScoreIn, caller: Annotated[Caller, Depends(require_scope("score"))]
) -> ScoreOut:
    """Scores 1 to 1,000 posts, one row for each in order; a bad post gives a row with `error`.

    A post in a language that the model does not read gives a row with `not_scored` and no scores.
    Long posts are read in windows: those past `windows_per_request` of them get the error `too_many`.
    If every post is bad the answer is a problem, with the same rows as its member `results`.
    """
    return score_request(hub_of(request), body.posts)


def score_request(hub: Hub, raw_posts: Sequence[object]) -> ScoreOut:
    """One row for each post, in order.

    Raises: BadInput with the rows as `results` if no post could be scored; Unavailable if that is the
        classifier's fault.
    """
    posts = [_read(raw, index) for index, raw in enumerate(raw_posts)]
    texts = [post.text for post in posts if isinstance(post.text, str)]
    most = hub.settings.windows_per_request
    classifier = hub.classifier  # once: another may take its place while this request is answered
    fitting = count_within_budget(classifier, texts, most)
    scores = score_each(classifier, texts[:fitting])
    shown = [result for result in scores if not isinstance(result, Language)]
    if shown and all(isinstance(result, Unavailable) for result in shown):
        raise Unavailable("the classifier gives no scores at present")
    rest = iter([*scores, *[_past_budget(most)] * (len(texts) - fitting)])
    results = [
        _row(hub, classifier, post.answer_id, next(rest) if isinstance(post.text, str) else post.text)
        for post in posts
    ]
    if all(isinstance(row, Refused) for row in results):
        members = {"results": [row.model_dump() for row in results]}
        raise BadInput("posts: none of them can be scored", field="posts", members=members)
    return ScoreOut(bundle=classifier.bundle_id, results=results)


def _read(raw: object, index: int) -> ToScore:
    answer_id = str(index)
    if not isinstance(raw, Mapping):
        return ToScore(answer_id, BadInput("post: must be an object"))
    try:
        if raw.get("id") is not None:
            answer_id = field_text(raw["id"], field="id", longest=MAX_ID_CHARACTERS)
        text = check_text(raw.get("text"))
    except BadInput as fault:
        return ToScore(answer_id, fault)
    if not FIELDS.issuperset(raw):
        return ToScore(answer_id, BadInput("post: has a field besides id and text"))
    return ToScore(answer_id, text)


def _past_budget(most: int) -> Fault:
    why = f"posts: those before this one take all {most:,} windows of a request; send it in another request"
    return TooMany(why, field="posts")


def _row(
    hub: Hub, classifier: Classifier, answer_id: str, result: Result
) -> Scored | LanguageNotRead | Refused:
    if isinstance(result, Fault):
        return Refused(id=answer_id, error=result.code, message=result.message)
    if isinstance(result, Language):
        routed = route_unread_language(result, hub.policy)
        return LanguageNotRead(id=answer_id, language=result.code, route=routed.route, reason=routed.reason)
    routed = route(result.by_head, hub.policy, classifier.thresholds, result.notes)
    return Scored(
        id=answer_id,
        scores=result.by_head,
        route=routed.route,
        reason=routed.reason,
        window=result.window,
        notes=list(result.notes),
    )
