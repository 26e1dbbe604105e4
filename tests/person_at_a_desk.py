"""A person who works through the queue of a running hub in a browser, by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, expect
from posts_of_a_day import Arrival, Verdict, arrival_named
from sqlalchemy import delete, insert, select

from serve.people.officers import officer_actor
from serve.storage.engine import Database
from serve.storage.tables import Break, Reading

BREAK_MINUTES = 11
"""A little more than what the exposure budget asks for."""
DRAFT = "Sounds harmless. "


@dataclass
class Desk:
    """One person: what they were given, what they met on the way, and the keys that they press.

    `say`: what this person says of a case. `look`: takes a picture at a point of the way, once for each name.
    """

    page: Page
    hub: Any
    name: str
    say: Callable[[Arrival], Verdict | None]
    look: Callable[[Page, str], None]
    given: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    put_by: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self.hears)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def hears(self, message: ConsoleMessage) -> None:
        """Chromium's remarks on what has the focus are none about what went wrong."""
        if message.type == "error":
            self.complaints.append(message.text)

    @property
    def actor(self) -> str:
        """What the database knows them by."""
        [officer] = self.hub.rows("SELECT officer_id FROM officers WHERE name = ?", f"test-{self.name}")
        return officer_actor(officer["officer_id"])

    # ---- keys -------------------------------------------------------------------------------------

    def keys(self, *pressed: str) -> None:
        """Presses keys one after the other, once the page's script listens."""
        self.page.wait_for_load_state()
        for key in pressed:
            self.page.keyboard.press(key)

    def key_to_next_page(self, key: str) -> None:
        """Presses a key that leads to another page, and waits for that page."""
        self.page.wait_for_load_state()
        with self.page.expect_navigation():
            self.page.keyboard.press(key)
        self.page.wait_for_load_state()

    def follow(self, link: str) -> None:
        """Goes where a link leads, without the mouse."""
        self.page.get_by_role("link", name=link).first.focus()
        self.key_to_next_page("Enter")

    def heading(self) -> str:
        """The page's heading."""
        return self.page.get_by_role("heading", level=1).inner_text()

    def case_id(self) -> str:
        """The case whose page this is."""
        return str(self.page.url.split("/cases/")[1][:26])

    # ---- the way through the queue ----------------------------------------------------------------

    def works(self) -> None:
        """Takes case after case until no case is waiting for them."""
        self.page.goto("/")
        self.key_to_next_page("n")
        while self.heading() != "No case is waiting":
            if "/exposure/pause" in self.page.url:
                self.takes_a_break()
            elif "/cases/" in self.page.url:
                self.does_a_case()
            else:
                self.key_to_next_page("n")

    def takes_a_break(self) -> None:
        """What the page before the next text asks for; eleven minutes later they are back."""
        self.stops.append(self.heading())
        self.look(self.page, f"{self.name}-{self.heading().lower().replace(' ', '-')}")
        self.key_to_next_page("b")
        expect(self.page.get_by_role("heading", level=1)).to_have_text("You are on a break")
        let_minutes_pass(self.hub, self.actor, BREAK_MINUTES)
        self.key_to_next_page("b")
        assert self.page.url == f"{self.hub.url}/", self.heading()

    def does_a_case(self) -> None:
        """Triages the case in hand, judges it, or puts it by."""
        name, arrival = self.reads_whose_case_it_is()
        heading = self.heading()
        if heading.startswith("Triage"):
            self.triages(name, arrival)
            return
        self.given.append(name)
        self.is_blind(name, arrival)
        self.reads(name)
        if arrival.aside == "park" and name in self.put_by:
            expect(self.page.get_by_role("main")).to_contain_text("What you had written is here again.")
            expect(self.page.get_by_label("Why did you decide this?")).to_have_value(DRAFT)
        if arrival.aside and name not in self.put_by and self.name == "officer":
            self.puts_by(name, arrival)
            return
        verdict = self.say(arrival)
        assert verdict is not None, f"{name} should not have come to {self.name}"
        self.judges(verdict)
        if name in ("danger", "campaign"):
            self.look(self.page, f"{self.name}-ready-{name}")
        self.key_to_next_page("Control+Enter")
        self.goes_on_from_second_reading()

    def reads_whose_case_it_is(self) -> tuple[str, Arrival]:
        """Which of the day's posts the case is about; the page itself shows nothing of it yet."""
        [first] = self.hub.rows(
            "SELECT text FROM posts JOIN case_posts USING (post_id) WHERE case_id = ?"
            " ORDER BY post_id LIMIT 1",
            self.case_id(),
        )
        return arrival_named(first["text"])

    def is_blind(self, name: str, arrival: Arrival) -> None:
        """No text is there unasked; what the machine and another reader think is kept from a first and a
        second reader, and shown to the senior between the two.
        """
        source = self.page.content()
        assert arrival.text not in source
        if self.page.get_by_role("heading", name="What the two readers said").count():
            self.look(self.page, f"{self.name}-adjudication-{name}")
            return
        assert "0.98" not in source
        if self.page.get_by_role("heading", name="as the second reader").count():
            assert arrival.officer is not None
            assert arrival.officer.reason not in source
            assert "test-officer" not in source
            self.look(self.page, f"{self.name}-second-reading-{name}")

    def triages(self, name: str, arrival: Arrival) -> None:
        """Reads the post, and seals it or says that it is not for the hub."""
        self.shows_every_post()
        if name == "danger":
            expect(self.page.get_by_role("note", name="Emergency")).to_contain_text("Ring 999 first")
        self.look(self.page, f"{self.name}-triage-{name}")
        if arrival.aside == "out of scope":
            self.key_to_next_page("o")
            self.keys("e")
            self.page.keyboard.type("A poster in the street: the local team has been told.")
            self.key_to_next_page("Control+Enter")
        else:
            self.key_to_next_page("s")
        expect(self.page.get_by_role("status")).to_contain_text(
            "out of scope" if arrival.aside == "out of scope" else "is sealed and waits for review"
        )

    def reads(self, name: str) -> None:
        """Reads each wording once; those of a campaign side by side."""
        if not self.page.get_by_role("link", name="Compare the wordings").count():
            self.shows_every_post()
            return
        self.look(self.page, f"{self.name}-campaign")
        self.key_to_next_page("z")
        for number in range(1, self.page.locator(".wording").count() + 1):
            self.key_to_next_page("r")
            expect(self.page.get_by_role("group", name=f"Text of wording {number}")).to_be_visible()
        self.look(self.page, f"{self.name}-wordings")
        self.key_to_next_page("b")

    def shows_every_post(self) -> None:
        """Uncovers the posts of the page."""
        self.page.wait_for_load_state()
        texts = self.page.get_by_role("group", name="Text of the post")
        for number in range(1, self.page.get_by_role("button", name="Show the post").count() + 1):
            self.keys("r")
            expect(texts).to_have_count(number)

    def puts_by(self, name: str, arrival: Arrival) -> None:
        """Parks the case, hands it to the second officer, or skips it."""
        self.put_by.add(name)
        if arrival.aside == "park":
            self.keys("e")
            self.page.keyboard.type(DRAFT)
            self.keys("Escape")
        self.key_to_next_page({"park": "k", "hand over": "h", "skip": "x"}[arrival.aside])
        if arrival.aside == "hand over":
            self.keys("e")
            self.page.keyboard.type("test-second")
            self.keys("Tab")
            self.page.keyboard.type("You know the club's songs.")
        else:
            self.keys({"park": "3", "skip": "1"}[arrival.aside])
        self.look(self.page, f"{self.name}-{arrival.aside.replace(' ', '-')}")
        self.key_to_next_page("Control+Enter")

    def judges(self, verdict: Verdict) -> None:
        """Fills in the form; nothing is sent yet."""
        page = self.page
        self.keys(verdict.outcome)
        if verdict.detail:
            page.keyboard.type(verdict.detail)
            self.keys("Escape")
        self.keys(*verdict.strands, str(verdict.severity))
        if any(verdict.law):
            provision, element = verdict.law
            page.locator("summary", has_text=provision).first.focus()
            self.keys("Enter")
            page.get_by_role("group", name=element).get_by_label("Met").focus()
            self.keys("Space")
        self.keys("e")
        if verdict.proportionality:
            self.keys("Shift+Tab")
            page.keyboard.type(verdict.proportionality)
            self.keys("Tab")
        page.keyboard.type(verdict.reason)

    def goes_on_from_second_reading(self) -> None:
        """A second reader hears first what came of it; everybody else is at the next case already."""
        if self.page.url.endswith("/judged"):
            self.look(self.page, f"{self.name}-{self.heading().lower().replace(' ', '-')}")
            self.key_to_next_page("n")


def let_minutes_pass(hub: Any, actor: str, minutes: int) -> None:
    """What this person has read, and the break that they began, was so much longer ago.

    The rows never change (a trigger sees to it), so they are taken out and put in again.
    """
    database = Database(f"sqlite:///{hub.home / 'hub.sqlite'}")
    earlier = timedelta(minutes=minutes)
    with database.write() as session:
        for table, instants in (
            (Reading, ("shift_began_at", "recorded_at")),
            (Break, ("began_at", "ended_at")),
        ):
            columns = table.__table__.columns
            rows = session.execute(select(*columns).where(table.actor == actor)).mappings().all()
            session.execute(delete(table).where(table.actor == actor))
            moved = [{**row, **{name: row[name] - earlier for name in instants if row[name]}} for row in rows]
            if moved:
                session.execute(insert(table), moved)
    database.close()
