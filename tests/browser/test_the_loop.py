"""The loop, turned once: judged by keyboard, trained, gated, shadowed, promoted by two, and back.

Real hub, real Chromium, a real (tiny) training run in a process of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from label_seed import label_by_two
from playwright.sync_api import Page, expect

torch = pytest.importorskip("torch")

from tiny_training import (  # noqa: E402 - only importable with the extra `training`
    HATEFUL,
    build_tiny_encoder,
    made_up_posts,
    plain_posts,
    write_pack,
    write_tiny_recipe,
)

from labelling.labels import Answers  # noqa: E402 - the same
from model.configuration import configs_folder  # noqa: E402 - the same
from model.records import LabelledPost, write_jsonl  # noqa: E402 - the same
from model.suite import FunctionalityWords, Suite, SuiteCase, write_suite_csv  # noqa: E402 - the same
from model.taxonomy import HEAD_ORDER, Strand  # noqa: E402 - the same
from serve.people.administration import create_officer  # noqa: E402 - the same
from serve.registry.command import register_bundle  # noqa: E402 - the same
from training.gate.command import run_gate  # noqa: E402 - the same

pytestmark = [pytest.mark.browser, pytest.mark.training, pytest.mark.timeout(1200)]

REPOSITORY = Path(__file__).resolve().parents[2]
HATE = Answers(["islamophobic"], 3, "endorses", rationale=[(0, 7)])
QUOTE = Answers(["islamophobic"], 3, "reports_or_quotes", note="They answer somebody.")
NEW_POSTS = [
    "jews secretly control every bank and everyone likes it",
    "muslims are invaders who must leave our town today",
    "we had tea with friends after work and walked home",
    "antiword is what they say near the station today",
]


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits for something that another process does within seconds."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.25)
    raise AssertionError(f"not within two minutes: {what}")


def write_data(folder: Path) -> Path:
    """A tiny data folder, with harmless words enough that a rare word alone means nothing."""
    hatecheck = [
        {**row, "split": "test", "functionality": "F1_h" if row["hate"] else "F2_nh"}
        for row in made_up_posts(40, seed=3)
    ]
    return write_pack(
        folder / "data",
        {
            ("train", "first"): made_up_posts(260, seed=1),
            ("train", "plain"): plain_posts(200, seed=1),
            ("known", "hatecheck"): hatecheck,
        },
    )


def run_command(*arguments: object) -> str:
    """What `watchhouse` printed, run as a person would."""
    done = subprocess.run(
        [sys.executable, "watchhouse.py", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def train(folder: Path, labels: Path) -> Path:
    """The bundle of `watchhouse train --labels` on a tiny encoder and recipe."""
    encoder = folder / "encoder"
    encoder.mkdir()
    build_tiny_encoder(encoder)
    recipe = write_tiny_recipe(
        folder / "recipe.yaml", encoder, epochs=4, corpora=[{"name": "first"}, {"name": "plain"}],
        background=[],
    )  # fmt: skip
    out = folder / "run"
    run_command("train", "--recipe", recipe, "--data", folder / "data", "--out", out, "--labels", labels)
    return folder / "run" / "bundle"


def ask_gate(folder: Path, new: Path, current: Path) -> Path:
    """The gate's file. Its margins are wide: what is tried here is the way of a bundle, not the gate."""
    rules = yaml.safe_load((configs_folder() / "policy" / "gate.yaml").read_text("utf-8"))
    for family in rules["families"].values():
        family.update(margin=0.999, least=1)
    rules["neutral_sample"]["sentences_a_group"] = 10
    (folder / "margins.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    none = dict.fromkeys(HEAD_ORDER, 0)
    posts = [
        (f"{phrase} {number}", {**none, "hate": 1, strand: 1})
        for strand, phrase in HATEFUL.items()
        for number in range(60)
    ] + [(f"we had tea with friends {number}", none) for number in range(240)]
    write_jsonl(
        (
            LabelledPost(id=str(number), text=text, source="hub", split="test", **heads)  # type: ignore[arg-type] # heads are 0 or 1
            for number, (text, heads) in enumerate(posts)
        ),
        folder / "gold.jsonl",
    )
    words = {
        "derog": FunctionalityWords("derogation", "", "derogation", True),
        "news": FunctionalityWords("news", "", "news", False),
    }
    cases = tuple(
        SuiteCase(
            case_id=f"{name}-{target}-{number}",
            text=f"{HATEFUL['antisemitic'] if name == 'derog' else ''} the {target} club met {number} times",
            functionality=name,
            hateful=name == "derog",
            kind=words[name].kind,
            target=target,
            strand=Strand.ANTISEMITIC,
            strand_label=0,
        )
        for name in words
        for target in ("Jews", "Muslims")
        for number in range(40)
    )
    write_suite_csv(Suite("ours", "1", "", "en", cases, words), folder / "ours.csv")
    status = run_gate(
        new,
        current,
        folder / "data",
        suites=[folder / "ours.csv"],
        gold=[folder / "gold.jsonl"],
        margins=folder / "margins.yaml",
        out=folder / "gate.json",
        speeds=lambda _new, _old, _texts: (100.0, 100.0),
    )
    assert status == 0
    return folder / "gate.json"


def judge_five_by_keyboard(page: Page, screenshot: Callable[..., Path]) -> None:
    """From the list to the last text without the mouse: three decided, two left as votes."""
    page.goto("/labelling/adjudication")
    expect(page.get_by_text("5 texts on which blind readers differ")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("j")
    for number, kind in enumerate("sgmsp"):
        expect(page.get_by_role("heading", level=1)).to_have_text("Judge a disagreement")
        page.wait_for_load_state()
        expect(page.locator("#text")).to_be_hidden()
        page.keyboard.press("r")
        expect(page.locator("#text")).to_be_visible()
        if kind in "sg":
            with page.expect_navigation():
                page.keyboard.press("x")
            page.wait_for_load_state()
            expect(page.locator("#text")).to_be_visible()  # whoever takes an answer has read it
            page.keyboard.press("3")
            page.keyboard.press("q")
        page.keyboard.press(kind)
        page.keyboard.press("o")
        page.keyboard.type(f"It reports what somebody said, {number}.")
        if number == 0:
            screenshot(page, "loop-adjudication", whole=True)
        with page.expect_navigation():
            page.keyboard.press("Control+Enter")
        words = "Recorded: not hate, S3." if kind in "sg" else "Recorded: the votes stay as they are."
        expect(page.get_by_role("status")).to_have_text(words)
    expect(page.get_by_text("No text waits for an adjudicator.")).to_be_visible()
    screenshot(page, "loop-adjudicated", whole=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised inside onnxruntime's quantiser
def test_labels_become_the_next_model_and_it_goes_back_with_one_click(
    hub: Any, new_page: Any, sign_in: Any, screenshot: Any, tiny_bundle: Path, tmp_path: Path
) -> None:
    create_officer(hub.home, name="test-hub_lead", role="hub_lead", password="correct horse battery staple")
    disputed = [
        (f"Somebody said that {HATEFUL['islamophobic']}, at stop {n}.", HATE, QUOTE) for n in range(5)
    ]
    agreed = [(f"{HATEFUL['islamophobic']} says the wall at number {n}", HATE, HATE) for n in range(10)]
    # Labels rest before they train, and these were drawn by the hub's own sampler.
    label_by_two(hub.home, "pilot", disputed + agreed, days_ago=10, sample_reason="uncertainty")
    senior, lead = new_page(), new_page()
    sign_in(senior, "supervisor")
    sign_in(lead, "hub_lead")
    judge_five_by_keyboard(senior, screenshot)
    kinds = hub.rows("SELECT kind, hate FROM adjudications ORDER BY adjudicated_at")
    assert [(row["kind"], row["hate"]) for row in kinds] == [
        ("error", 0), ("guideline_gap", 0), ("ambiguity", None), ("error", 0), ("perspective", None)
    ]  # fmt: skip

    labels = tmp_path / "labels.jsonl"
    data = write_data(tmp_path)
    said = run_command(
        "label", "export", "--for-training", "--home", hub.home, "--out", labels, "--data", data
    )
    assert "30 labels of 15 texts may train" in said  # what two people agree on; adjudications rest first
    bundle = train(tmp_path, labels)
    new = register_bundle(hub.home, folder=bundle, verdict=ask_gate(tmp_path, bundle, tiny_bundle))
    old = hub.rows("SELECT bundle_id FROM bundle_aliases WHERE alias = 'current'")[0]["bundle_id"]
    lineage = hub.rows("SELECT lineage FROM bundles WHERE bundle_id = ?", new)[0]["lineage"]
    assert "labels: labels.jsonl" in lineage

    def scored_by(text: str) -> str:
        (post_id,) = hub.post(text)
        answer = httpx.get(f"{hub.url}/v1/posts/{post_id}", headers={"Authorization": f"Bearer {hub.key}"})
        counted: str = hub.rows("SELECT bundle FROM post_scores WHERE post_id = ?", post_id)[0]["bundle"]
        assert answer.json()["bundle"] == counted
        return counted

    def serves(page: Page, bundle_id: str) -> bool:
        page.goto("/models")
        facts = page.locator("main .facts").first.inner_text()
        return bundle_id in facts.split("Shadow")[0] and "this server" not in facts

    # shadowed
    lead.goto("/models")
    lead.locator("article", has_text=new).get_by_role("button", name="Let it shadow").click()
    expect(lead.get_by_role("status")).to_contain_text("nobody acts on what it says")
    assert scored_by(NEW_POSTS[0]) == old
    hub.post(*NEW_POSTS[1:])

    def has_read() -> bool:
        lead.goto("/models/shadow")
        return f"has read {len(NEW_POSTS)} posts" in lead.get_by_role("main").inner_text()

    until(has_read, "the shadow has read the posts")
    rows = lead.locator("tbody tr")
    assert rows.count() >= 2  # one that only the new one calls hate, one that only the old one does
    screenshot(lead, "loop-shadow", whole=True)
    assert hub.rows("SELECT count(*) AS n FROM post_scores WHERE bundle = ?", new)[0]["n"] == 0
    lead.get_by_role("link", name="Compare the two bundles").click()
    expect(lead.get_by_text("Every line holds within its margin.")).to_be_visible()
    expect(lead.get_by_text("labels: labels.jsonl")).to_be_visible()
    screenshot(lead, "loop-compare", whole=True)

    # promoted by two people
    lead.goto("/models")
    article = lead.locator("article", has_text=new)
    article.get_by_label("Why it should score").fill("It reads what the old one does not.")
    article.get_by_role("button", name="Ask for promotion").click()
    expect(lead.get_by_role("status")).to_contain_text("waits for somebody else to agree")
    expect(lead.get_by_text("You asked for this, so somebody else has to agree.")).to_be_visible()
    assert lead.get_by_role("button", name="Agree").count() == 0
    assert scored_by("still the old one near the station") == old
    senior.goto("/models")
    screenshot(senior, "loop-promotion", whole=True)
    senior.get_by_role("button", name="Agree: let it score").click()
    expect(senior.get_by_role("status")).to_contain_text("The bundle scores from now on")
    until(lambda: serves(senior, new), "the server scores with the new bundle")
    assert scored_by("jews secretly control every bank near our station") == new
    (asked,) = hub.rows("SELECT asked_by, answered_by FROM promotions")
    assert asked["asked_by"] != asked["answered_by"]

    # and back, with one click
    senior.get_by_role("button", name=re.compile("Go back to")).click()
    expect(senior.get_by_role("status")).to_contain_text("The bundle before scores again")
    until(lambda: serves(senior, old), "the server scores with the old bundle")
    assert scored_by("everyone likes the new library in our town") == old
    screenshot(senior, "loop-rolled-back", whole=True)
    changes = hub.rows("SELECT why, reason FROM alias_changes WHERE alias = 'current' ORDER BY change_id")
    assert [row["why"] for row in changes] == ["first_start", "promoted", "rolled_back"]
    assert changes[-1]["reason"]
