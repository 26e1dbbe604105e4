// The pages of the queue and of the case. It never makes HTML from text: textContent and replaceChildren only, so it
// runs under `require-trusted-types-for 'script'; trusted-types 'none'`. Every page works without it; page.js comes first.
"use strict";

const csrf = document.querySelector("meta[name=csrf-token]")?.content;
const lease = document.getElementById("lease");
const form = document.getElementById("decide");
const reason = document.getElementById("reason");
const sheet = document.getElementById("keys");

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
    answer = await send(button.getAttribute("formaction"), csrf, { lease: lease.dataset.lease });
  } catch {
    button.disabled = false;
    return warn("The hub does not answer. Try again in a moment.");
  }
  if (!answer.ok) return hold.lose(answer.status);
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
    document.getElementById("record").disabled = true;
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
const isUnsaved = () => !hold.settled && reason.value.trim() !== "";

if (hold) {
  hold.beat(); // takes back a lease that leaving the page (a reload) has just cut short
  guard(isUnsaved);
  addEventListener("pagehide", () => {
    if (hold.settled || hold.isLost) return;
    const fields = { csrf_token: csrf, lease: lease.dataset.lease };
    navigator.sendBeacon(`/cases/${lease.dataset.case}/leaving`, new URLSearchParams(fields));
  });
}

// ---- forms ------------------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  if (event.submitter?.dataset.reveal) {
    event.preventDefault();
    reveal(event.submitter);
  } else if (event.target.hasAttribute("data-keeps-lease")) {
    const done = hold.settled || hold.isLost; // sent already, or in vain
    const stays = event.target !== form && isUnsaved() && !confirm("Put the case back? What you have written is not kept.");
    if (done || stays) event.preventDefault();
    else hold.settled = true;
  }
});

// ---- keys -----------------------------------------------------------------------------------------

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
