"""Words written to break a page, and the probe that sees it if one of them does anything."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Dialog, Page

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
        page.on("dialog", self._answer)
        page.route("https://evil.example/**", lambda route: route.abort())
        self.page = page

    def _answer(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # the console's own question, before typed words are left
            dialog.accept()
        else:
            self.dialogs.append(dialog.type)
            dialog.dismiss()

    def ran(self) -> int:
        count: int = self.page.evaluate("window.PWNED || 0")
        return count

    def violations(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.seenViolations")
        return found

    def assert_clean(self) -> None:
        assert (self.ran(), self.violations(), self.foreign, self.dialogs) == (0, [], [], [])
