// The pages of the queue and of cases. It never makes HTML from text: textContent and replaceChildren only, so it
// runs under `require-trusted-types-for 'script'; trusted-types 'none'`. Every page works without it; page.js comes first.
"use strict";

const csrf = document.querySelector("meta[name=csrf-token]")?.content;
const lease = document.getElementById("lease");
const form = document.getElementById("decide") ?? document.getElementById("reading");
const sheet = document.getElementById("keys");
const BOXES = "textarea, select, input:not([type=radio], [type=checkbox], [type=hidden])";

// ---- posts: the text arrives when it is asked for -------------------------------------------------

function show(element, pieces) {
  element.replaceChildren(
    ...pieces.map(([text, isToken]) => {
      if (!isToken) return text;
      const token = document.createElement("span");
      token.className = "token";
      token.textContent = text;
      return token;
    }),
  );
}

async function reveal(button) {
  if (button.disabled) return;
  const before = document.activeElement;
  button.disabled = true;
  const id = button.dataset.reveal;
  let answer;
  try {
    answer = await send(button.getAttribute("formaction"), csrf, { lease: lease?.dataset.lease ?? "" });
  } catch {
    button.disabled = false;
    return warn("The hub does not answer. Try again in a moment.");
  }
  if (!answer.ok) return hold ? hold.lose(answer.status) : location.reload();
  const post = await answer.json();
  const text = document.getElementById("text-" + id);
  const facts = document.getElementById("facts-" + id);
  show(text, post.text);
  for (const fact of facts.querySelectorAll("[data-fact]")) show(fact, post[fact.dataset.fact]);
  const revealed = document.createElement("input");
  revealed.type = "hidden";
  revealed.name = "revealed";
  revealed.value = id;
  form.append(revealed); // so that the page stays open if the server sends the form back
  text.hidden = facts.hidden = false;
  const isElsewhere = ![before, button, document.body].includes(document.activeElement);
  button.closest(".cover").remove();
  // Whoever has gone on to the form while the text was on its way keeps typing there.
  if (!isElsewhere) text.focus({ preventScroll: true });
}

// ---- the lease: given back soon after the page is left ---------------------------------------------

function warn(words) {
  const box = document.getElementById("lost");
  if (!box) return;
  box.textContent = words;
  box.hidden = false;
}

const tell = {
  renewed({ until, expires_at }) {
    const time = document.getElementById("lease-until");
    time.textContent = until;
    time.dateTime = expires_at;
  },
  counted(left, words) {
    document.getElementById("lease-left").textContent = left ? `, ${words}` : "";
  },
  lost(status) {
    for (const button of document.querySelectorAll("[data-submit]")) button.disabled = true;
    warn(
      status === 401
        ? "You have been signed out. Copy what you have written, then sign in again."
        : "This case is no longer yours, so a decision on it would not be recorded. What you have written is still here to copy.",
    );
  },
};

function leaseFacts() {
  const { case: id, lease: number, beat, seconds } = lease.dataset;
  return { address: `/cases/${id}/heartbeat`, csrf, lease: number, beat, seconds };
}

const hold = lease && new Hold(leaseFacts(), tell);
let isSent = false; // a form of this page is on its way

if (hold) {
  hold.beat(); // takes back a lease that leaving the page (a reload) has just cut short
  addEventListener("pagehide", () => {
    if (hold.settled || hold.isLost) return;
    const fields = { csrf_token: csrf, lease: lease.dataset.lease };
    navigator.sendBeacon(`/cases/${lease.dataset.case}/leaving`, new URLSearchParams(fields));
  });
}
addEventListener("pageshow", (event) => event.persisted && (isSent = false));

// What stands in a draft already is lost by nobody.
const isUnsaved = (box) => box.value.trim() !== "" && !(box.form?.hasAttribute("data-kept") && box.value === box.defaultValue);
guard(() => !isSent && [...document.querySelectorAll("textarea")].some(isUnsaved));

// ---- forms ------------------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  if (event.target.method === "dialog") return;
  if (event.submitter?.dataset.reveal) {
    event.preventDefault();
    reveal(event.submitter);
  } else if (isSent || (hold?.isLost && event.target.hasAttribute("data-keeps-lease"))) {
    event.preventDefault(); // sent already, or in vain
  } else {
    isSent = true;
    if (hold) hold.settled = true;
  }
});

document.addEventListener("change", (event) => {
  const part = document.getElementById("law-part");
  if (part && event.target.name === "outcome" && event.target.dataset.wants === "law") part.open = true;
});

// ---- keys -----------------------------------------------------------------------------------------

function press(element) {
  if (element.matches(BOXES)) return element.focus();
  element.click();
  if (element.matches("summary")) {
    element.focus();
    element.scrollIntoView({ block: "nearest" });
    const box = element.id ? null : element.parentElement.querySelector("textarea"); // the notes
    if (box && element.parentElement.open) box.focus();
  }
  if (!element.matches("input")) return;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
  const detail = element.closest("label").nextElementSibling;
  if (detail?.matches(".detail")) detail.querySelector("select").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat || event.altKey || sheet?.open) return;
  const typing = event.target.matches(BOXES);
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    const button = document.getElementById(event.target.dataset.send) ?? document.querySelector("[data-submit]");
    if (!button || button.disabled) return;
    event.preventDefault();
    button.form.requestSubmit(button);
  } else if (event.key === "Escape" && typing) {
    event.target.blur();
  } else if (event.key === "Enter" && event.target.matches("[data-mute-enter] input")) {
    event.preventDefault(); // or the form's first button, which shows a post, would be pressed
  } else if (!event.ctrlKey && !event.metaKey && !typing && areOn()) {
    const key = CSS.escape(event.key.toLowerCase());
    const element = document.querySelector(`[data-key="${key}"]:not([disabled])`);
    if (!element) return;
    event.preventDefault(); // the letter must not land in the box that it opens
    press(element);
  }
});
