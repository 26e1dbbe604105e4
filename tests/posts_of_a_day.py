"""What came in on an officer's day: sixty posts of our own, and what each reader says of the case that each
one opens. The words `antiword`, `islamword`, `farword`, `hateword` and `maybeword` are all that the tiny
bundle knows (tiny_bundle.py); nobody needs to write anything hateful to be taken for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader says, as they type it: keys of outcome and strands, and the words of the boxes."""

    outcome: str
    severity: int
    reason: str
    strands: str = ""
    detail: str = ""
    law: tuple[str, str] = ("", "")
    proportionality: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A post that opens a case, and what the readers of the day make of it."""

    text: str
    officer: Verdict | None = None
    second: Verdict | None = None
    senior: Verdict | None = None
    third: Verdict | None = None
    report: dict[str, Any] | None = field(default=None)
    aside: str = ""
    """What the officer does with the case instead of judging it."""


LAW = ("Threatening communication", "Conveys a threat")
NOT_HATE = Verdict("g", 0, "It is about something else altogether.", detail="Not hate")
NEWS = Verdict("g", 0, "A newspaper is quoted, and named.", detail="News")
LAWFUL = Verdict("g", 1, "Rude, and lawful.", detail="Lawful")
ADVICE = Verdict("w", 1, "A word with the author will do.", proportionality="Advice weighs little.")
KEPT = Verdict("d", 1, "The third of its kind this month.", proportionality="Nothing but a line is kept.")
SUPPORT = Verdict("s", 2, "The shop's owner was called names.")
NOTICE = Verdict("l", 3, "It asks others to come and do harm.", strands="f", detail="Reasonable")

OPENING = (
    "Pass it on before it is taken down: it is antiword who want the reading room on Mill Lane closed at the "
    "end of the month. Come to the town hall on Thursday evening and bring your library card."
)
WORDINGS: dict[str, int] = {
    OPENING: 20,
    OPENING.replace("Thursday", "Friday"): 10,
    OPENING + " Tell everybody!": 6,
    OPENING.replace("at the end of the month", "by the end of March"): 3,
    OPENING + " So they say. It is not true.": 1,
}
"""The campaign's texts, and how often each was posted: forty posts."""

COUNTER_SPEECH = list(WORDINGS)[-1]
CAMPAIGN = Arrival(
    OPENING,
    Verdict(
        "l", 2, "One claim, forty times, about a group that has nothing to do with it.", strands="a",
        detail="Against", proportionality="The platform's terms forbid it; the council may be criticised.",
    ),
)  # fmt: skip
REVERSED = Verdict("g", 0, "It answers the claim and says that it is not true.", detail="Counter")

REPORT = {"channel": "api", "reporter_role": "victim", "consents": ["police", "support_org"]}

ARRIVALS: dict[str, Arrival] = {
    "danger": Arrival(
        "They say antiword, and name a street and an hour.",
        Verdict("c", 4, "A street, an hour, and a threat.", strands="a", law=LAW),
        second=Verdict("c", 4, "I read a threat with a time and a place.", strands="a", law=LAW),
        report={**REPORT, "why": "It is our street.", "immediate_danger": True},
    ),
    "wall": Arrival(
        "Somebody wrote islamword on the wall beside the mosque and put the picture here.",
        Verdict("s", 2, "Those who pray there were named.", strands="i"),
        report={**REPORT, "why": "I walk past it every day."},
    ),
    "shoes": Arrival(
        "The notice by the door says that shoes come off here, thank you.",
        NOT_HATE,
        third=Verdict("s", 0, "Not hate; the person who told us would like somebody to talk to."),
        report={**REPORT, "why": "It is meant for us."},
    ),
    "poster": Arrival(
        "A poster is said to hang in the bus shelter on Mill Lane.",
        report={**REPORT, "why": "It was there on Monday."},
        aside="out of scope",
    ),
    "march": Arrival(
        "farword: we form up at the station at ten and nobody will stop us.",
        NOTICE,
        second=Verdict("l", 3, "A call to come, and what for is plain.", strands="f", detail="Reasonable"),
    ),
    "match": Arrival(
        "farword for everybody at the match on Saturday.",
        NOTICE,
        second=Verdict("g", 0, "Reads like a joke between friends.", strands="f", detail="Satire"),
        senior=Verdict(
            "w", 2, "No joke, and no call to harm.", strands="f", proportionality="A word, no more."
        ),
    ),
    "answer": Arrival(
        "Whoever says islamword to my neighbour says it to me too.",
        Verdict("g", 0, "It stands up for the neighbour.", strands="i", detail="Counter"),
    ),
    "paper": Arrival("The paper prints what he said in court: antiword, twice.", NEWS),
    "shop": Arrival("hateword, that is what they shout at the corner shop.", SUPPORT),
    "queue": Arrival("The people before me in the queue were hateword, all of them.", LAWFUL),
    "bus": Arrival("hateword on the night bus again, same driver.", ADVICE),
    "club": Arrival("Our club has a new song, and hateword is how it ends.", second=KEPT, aside="hand over"),
    "unsure": Arrival(
        "maybeword, or did I hear it wrong?", Verdict("g", 0, "Nobody can tell.", detail="Not")
    ),
    "tram": Arrival("The tram to the harbour runs late again this morning.", NOT_HATE),
    "bread": Arrival("Fresh bread at the market hall until noon, then soup.", NOT_HATE),
    "choir": Arrival("The choir sings at the town hall, doors open at seven.", NOT_HATE, aside="park"),
    "zoo": Arrival("Dziś w ogrodzie botanicznym zakwitły pierwsze krokusy.", second=NOT_HATE, aside="skip"),
    "cat": Arrival("A grey cat has been found near the mill, no collar.", NOT_HATE),
    "match-day": Arrival("Two goals in the last minute, and I had gone home.", NOT_HATE),
}
TWICE = "cat"
"""This one was posted twice, word for word."""


def posts_of_the_day() -> list[dict[str, Any]]:
    """The sixty posts, as a platform's feed sends them."""
    posts: list[dict[str, Any]] = []
    for text, copies in WORDINGS.items():
        for _ in range(copies):
            number = len(posts) + 1
            posts.append(
                {
                    "text": text,
                    "platform": "example.social",
                    "author": f"@mill_lane_{number:02}",
                    "url": f"https://example.social/p/{number}",
                }
            )
    for name, arrival in ARRIVALS.items():
        post = {"text": arrival.text, "platform": "example.social", "author": f"@{name}"}
        posts += [post | ({"report": arrival.report} if arrival.report else {})] * (1 + (name == TWICE))
    return [{"id": f"day-{number}", **post} for number, post in enumerate(posts, 1)]


def arrival_named(text: str) -> tuple[str, Arrival]:
    """The name of the post with this text, or `campaign` for one of those forty; and what is made of it."""
    if text in WORDINGS:
        return "campaign", CAMPAIGN
    return next((name, one) for name, one in ARRIVALS.items() if one.text == text)
