// What a page does whichever room it belongs to: its dialogs, its error summary, the switch for single keys, and the
// hold on a case or a text. It never makes HTML from text, and every page works without it.
"use strict";

// ---- what only works with a script ------------------------------------------------------------------

for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
document.addEventListener("click", (event) => {
  const opens = event.target.closest("[data-opens]");
  if (!opens) return;
  const dialog = document.getElementById(opens.dataset.opens);
  // Not in the markup: as the page loads it would compete with what the page itself gives the focus to.
  for (const first of dialog.querySelectorAll("[data-first-focus]")) first.autofocus = true;
  dialog.showModal();
});

// ---- the error summary ------------------------------------------------------------------------------

for (const link of document.querySelectorAll(".summary a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById(link.getAttribute("href").slice(1))?.focus();
  });
}
document.querySelector("[data-focus]")?.focus();

// ---- single keys ------------------------------------------------------------------------------------

const keysOn = document.getElementById("keys-on");
const areOn = () => localStorage.getItem("watchhouse.keys") !== "off";
if (keysOn) {
  keysOn.checked = areOn();
  keysOn.addEventListener("change", () => localStorage.setItem("watchhouse.keys", keysOn.checked ? "on" : "off"));
}

// ---- what was typed is not lost by a stray key or link ----------------------------------------------

function guard(isUnsaved) {
  addEventListener("beforeunload", (event) => isUnsaved() && event.preventDefault());
}

// ---- a hold: renewed while somebody is at the page, counted down, and noticed when it is lost -------

const AWAY_AFTER_MS = 10 * 60 * 1000;
const TOUCHES = ["keydown", "pointerdown", "wheel", "scroll", "input"];

function send(address, csrf, fields) {
  return fetch(address, {
    method: "POST",
    headers: { "x-csrf-token": csrf, accept: "application/json" },
    body: new URLSearchParams(fields),
  });
}

class Hold {
  // about: address, csrf, lease, beat and seconds (both in seconds); tell: renewed(), counted(), lost()
  constructor(about, tell) {
    this.about = about;
    this.tell = tell;
    this.settled = false; // true once a form that ends the hold itself has been sent
    this.isLost = false;
    this.endsAt = performance.now() + about.seconds * 1000;
    this.touchedAt = Date.now();
    for (const kind of TOUCHES) addEventListener(kind, () => this.touch(), { capture: true, passive: true });
    setInterval(() => this.beat(), about.beat * 1000);
    setInterval(() => this.count(), 1000);
    document.addEventListener("visibilitychange", () => this.beat());
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      if (this.settled) location.reload(); // what became of the form is on the server
      else this.beat(); // what was typed stays
    });
  }

  isUnattended() {
    return document.hidden || Date.now() - this.touchedAt >= AWAY_AFTER_MS;
  }

  touch() {
    const comesBack = this.isUnattended();
    this.touchedAt = Date.now();
    if (comesBack) this.beat();
  }

  async beat() {
    if (this.isLost || this.settled || this.isUnattended()) return;
    try {
      const answer = await send(this.about.address, this.about.csrf, { lease: this.about.lease });
      if (this.settled) return;
      if (answer.ok) {
        const renewed = await answer.json();
        this.endsAt = performance.now() + renewed.seconds_left * 1000;
        this.tell.renewed?.(renewed);
        this.count();
      } else if (answer.status < 500) this.lose(answer.status);
    } catch {
      // No answer: the next beat tries again, and the countdown goes on meanwhile.
    }
  }

  count() {
    const left = Math.max(0, Math.round((this.endsAt - performance.now()) / 1000));
    this.tell.counted(left, `${Math.floor(left / 60)} min ${String(left % 60).padStart(2, "0")} s left`);
    if (!left && !this.settled) this.lose(409);
  }

  lose(status) {
    if (this.isLost) return;
    this.isLost = true;
    this.tell.lost(status);
  }
}
