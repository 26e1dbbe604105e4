// The console's one script. It never makes HTML from text: textContent and replaceChildren only, so it runs
// under `require-trusted-types-for 'script'; trusted-types 'none'`. Every page works without it.
"use strict";

const csrf = document.querySelector("meta[name=csrf-token]")?.content;
const lease = document.getElementById("lease");
const form = document.getElementById("decide");
const sheet = document.getElementById("keys");
let keepsLease = false; // true once a form that settles the lease itself has been sent
let lost = false;

function send(path, fields) {
  return fetch(path, {
    method: "POST",
    headers: { "x-csrf-token": csrf, accept: "application/json" },
    body: new URLSearchParams(fields),
  });
}

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
  button.disabled = true;
  const id = button.dataset.reveal;
  let answer;
  try {
    answer = await send(button.getAttribute("formaction"), { lease: lease.dataset.lease });
  } catch {
    button.disabled = false;
    return warn("The hub does not answer. Try again in a moment.");
  }
  if (!answer.ok) return lose(answer.status);
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
  button.closest(".cover").remove();
  text.focus({ preventScroll: true });
}

// ---- the lease: kept while the page is looked at, given back soon after it is left ----------------

let endsAt = lease ? performance.now() + lease.dataset.seconds * 1000 : 0;

function warn(words) {
  const box = document.getElementById("lost");
  box.textContent = words;
  box.hidden = false;
}

function lose(status) {
  lost = true;
  document.getElementById("record").disabled = true;
  warn(
    status === 401
      ? "You have been signed out. Copy what you have written, then sign in again."
      : "This case is no longer yours, so a decision on it would not be recorded. What you have written is still here to copy.",
  );
}

async function heartbeat() {
  if (lost || keepsLease || document.hidden) return;
  try {
    const answer = await send(`/cases/${lease.dataset.case}/heartbeat`, { lease: lease.dataset.lease });
    if (keepsLease) return;
    if (answer.ok) {
      const renewed = await answer.json();
      endsAt = performance.now() + renewed.seconds_left * 1000;
      const until = document.getElementById("lease-until");
      until.textContent = renewed.until;
      until.dateTime = renewed.expires_at;
      countDown();
    } else if (answer.status < 500) lose(answer.status);
  } catch {
    // No answer: the next beat tries again, and the countdown goes on meanwhile.
  }
}

function countDown() {
  const left = Math.max(0, Math.round((endsAt - performance.now()) / 1000));
  const words = left ? `, ${Math.floor(left / 60)} min ${String(left % 60).padStart(2, "0")} s left` : "";
  document.getElementById("lease-left").textContent = words;
  if (!left && !lost) lose(409);
}

if (lease) {
  setInterval(heartbeat, lease.dataset.beat * 1000);
  setInterval(countDown, 1000);
  heartbeat(); // takes back a lease that leaving the page (a reload) has just cut short
  document.addEventListener("visibilitychange", heartbeat);
  addEventListener("pagehide", () => {
    if (keepsLease || lost) return;
    const fields = { csrf_token: csrf, lease: lease.dataset.lease };
    navigator.sendBeacon(`/cases/${lease.dataset.case}/leaving`, new URLSearchParams(fields));
  });
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// ---- forms ----------------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const reveals = event.submitter?.dataset.reveal;
  if (reveals) {
    event.preventDefault();
    reveal(event.submitter);
  } else if (event.target.hasAttribute("data-keeps-lease")) {
    if (keepsLease || lost) event.preventDefault(); // sent already, or in vain
    keepsLease = keepsLease || !lost;
  }
});

document.addEventListener("click", (event) => {
  const opens = event.target.closest("[data-opens]");
  if (opens) document.getElementById(opens.dataset.opens).showModal();
});

for (const link of document.querySelectorAll(".summary a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById(link.getAttribute("href").slice(1))?.focus();
  });
}
for (const button of document.querySelectorAll("[data-opens]")) button.hidden = false;
document.querySelector("[data-focus]")?.focus();

// ---- keys -----------------------------------------------------------------------------------------

const keysOn = document.getElementById("keys-on");
const areOn = () => localStorage.getItem("watchhouse.keys") !== "off";
if (keysOn) {
  keysOn.checked = areOn();
  keysOn.addEventListener("change", () => localStorage.setItem("watchhouse.keys", keysOn.checked ? "on" : "off"));
}

function press(element) {
  if (element.matches("textarea")) return element.focus();
  element.click();
  if (!element.matches("input")) return;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
  const detail = element.closest("label").nextElementSibling;
  if (detail?.matches(".detail")) detail.querySelector("select").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat || event.altKey || sheet?.open) return;
  const typing = event.target.matches("textarea, select, input[type=text], input[type=password]");
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && form) {
    event.preventDefault();
    form.requestSubmit(document.getElementById("record"));
  } else if (event.key === "Escape" && typing) {
    event.target.blur();
  } else if (event.key === "Enter" && event.target.matches("#decide input")) {
    event.preventDefault(); // or the form's first button, which shows a post, would be pressed
  } else if (!event.ctrlKey && !event.metaKey && !typing && areOn()) {
    const key = CSS.escape(event.key.toLowerCase());
    const element = document.querySelector(`[data-key="${key}"]:not([disabled])`);
    if (!element) return;
    event.preventDefault(); // the letter must not land in the box that it opens
    press(element);
  }
});
