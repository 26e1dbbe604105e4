// The labelling desk's script: keys, marks on words, the lease. It never makes HTML from text and never counts
// characters: the server wrote every word's place in code points beside it (data-start, data-end).
"use strict";

const desk = document.getElementById("label");
const cover = document.getElementById("cover");
const words = [...document.querySelectorAll("#text [data-start]")];
const marked = new Set(); // indices of words
let anchor = -1; // where a keyboard selection began
let cursor = -1; // the word that the keys are on
let sent = false;

// ---- the text and its marks -------------------------------------------------------------------------

function reveal() {
  cover.open = true;
  document.getElementById("text").scrollIntoView({ block: "nearest" });
}

function runs() {
  const found = [];
  words.forEach((word, index) => {
    if (!marked.has(index)) return;
    if (marked.has(index - 1)) found.at(-1)[1] = word.dataset.end;
    else found.push([word.dataset.start, word.dataset.end]);
  });
  return found;
}

function draw() {
  const [first, last] = [Math.min(anchor, cursor), Math.max(anchor, cursor)];
  words.forEach((word, index) => {
    word.classList.toggle("marked", marked.has(index));
    word.classList.toggle("picked", cursor >= 0 && index >= first && index <= last);
  });
  const spans = runs();
  document.getElementById("rationale").value = spans.map((span) => span.join("-")).join(" ");
  const count = spans.length === 1 ? "1 passage" : `${spans.length} passages`;
  document.getElementById("marked").textContent = spans.length ? `${count} marked.` : "";
}

function mark(first, last) {
  for (let index = first; index <= last; index += 1) marked.add(index);
  draw();
}

function removeMark() {
  let index = marked.has(cursor) ? cursor : Math.max(-1, ...marked);
  let last = index;
  while (marked.has(index - 1)) index -= 1;
  while (marked.has(last)) last += 1;
  for (; index >= 0 && index < last; index += 1) marked.delete(index);
  draw();
}

function move(step, extend) {
  cursor = Math.min(words.length - 1, Math.max(0, cursor + step));
  if (!extend || anchor < 0) anchor = cursor;
  draw();
  words[cursor]?.scrollIntoView({ block: "nearest" });
}

function touched(range, word) {
  const own = document.createRange();
  own.setStart(word.firstChild, 0);
  own.setEnd(word.firstChild, word.firstChild.length);
  return (
    range.compareBoundaryPoints(Range.START_TO_END, own) > 0 && range.compareBoundaryPoints(Range.END_TO_START, own) < 0
  );
}

function markSelection() {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.rangeCount) return;
  const range = selection.getRangeAt(0);
  const indices = words.map((word, index) => (touched(range, word) ? index : -1)).filter((index) => index >= 0);
  if (!indices.length) return;
  anchor = cursor = indices[0];
  mark(indices[0], indices.at(-1));
  selection.removeAllRanges();
}

if (desk) {
  for (const span of document.getElementById("rationale").value.split(" ").filter(Boolean)) {
    const [start, end] = span.split("-").map(Number);
    words.forEach((word, index) => {
      if (word.dataset.start >= start && word.dataset.end <= end) marked.add(index);
    });
  }
  draw();
  document.addEventListener("mouseup", markSelection);
  document.getElementById("text").addEventListener("click", (event) => {
    const index = words.indexOf(event.target.closest("[data-start]"));
    if (index >= 0 && getSelection().isCollapsed) {
      anchor = cursor = index;
      draw();
    }
  });
}

// ---- answers ----------------------------------------------------------------------------------------

// Until the annotator says what the author does, it follows the severity: a severity with "neutral" contradicts
// itself and would be refused.
const acts = document.getElementById("speech_act");
const act = (value) => acts.querySelector(`[value="${CSS.escape(value)}"]`);
const firstAct = acts?.querySelector(":checked").value;

desk?.addEventListener("change", (event) => {
  if (event.target.name === "speech_act") acts.dataset.chosen = "";
  if (event.target.name !== "severity" || "chosen" in acts.dataset) return;
  const implied = Number(event.target.value) >= Number(acts.dataset.severityFrom);
  act(implied ? acts.dataset.implied : firstAct).checked = true;
});

desk?.addEventListener("submit", (event) => {
  if (!cover.open) reveal(); // a label of a text that nobody has seen is worth nothing
  else if (!sent) return void (sent = true);
  event.preventDefault();
});

// ---- the lease: kept while the page is looked at ----------------------------------------------------

async function beat() {
  if (document.hidden || sent) return;
  try {
    const fields = new URLSearchParams(new FormData(desk));
    const headers = { "x-csrf-token": fields.get("csrf_token"), accept: "application/json" };
    const body = new URLSearchParams({ lease: fields.get("lease") });
    const answer = await fetch(desk.dataset.heartbeat, { method: "POST", headers, body });
    if (answer.status >= 400 && answer.status < 500 && !sent) document.getElementById("lost").hidden = false;
  } catch {
    // No answer: the next beat tries again.
  }
}
if (desk) {
  setInterval(beat, desk.dataset.beat * 1000);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// ---- keys -------------------------------------------------------------------------------------------

const keysOn = document.getElementById("keys-on");
const areOn = () => localStorage.getItem("watchhouse.keys") !== "off";
if (keysOn) {
  keysOn.checked = areOn();
  keysOn.addEventListener("change", () => localStorage.setItem("watchhouse.keys", keysOn.checked ? "on" : "off"));
}
for (const button of document.querySelectorAll("[data-opens]")) {
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
}

const DESK_KEYS = {
  r: () => reveal(),
  m: () => {
    if (cursor < 0) return;
    const [first, last] = [Math.min(anchor, cursor), Math.max(anchor, cursor)];
    anchor = cursor; // the next arrow starts afresh
    mark(first, last);
  },
  x: () => removeMark(),
};

function press(element) {
  if (element.matches("input[type=text]")) element.focus();
  else element.click();
}

function deskKey(event, key) {
  if (event.key === "Enter" && !event.target.closest("button, a, summary")) return () => desk.requestSubmit();
  const arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (arrow && cover.open && !event.target.matches("input")) return () => move(arrow, event.shiftKey);
  return areOn() ? DESK_KEYS[key] : undefined;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const dialog = document.querySelector("dialog[open]");
  const typing = event.target.matches("input[type=text]");
  if (typing && event.key === "Escape") event.target.blur();
  if (typing || (event.repeat && !event.key.startsWith("Arrow"))) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  let wanted = desk && !dialog ? deskKey(event, key) : undefined;
  if (!wanted && areOn()) {
    const element = (dialog ?? document).querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (element && (dialog || !element.closest("dialog"))) wanted = () => press(element);
  }
  if (!wanted) return;
  event.preventDefault();
  wanted();
});
