// The labelling desk's script: keys, marks on words, the lease. It never makes HTML from text and never counts
// characters: the server wrote every word's place in code points beside it (data-start, data-end).
// page.js comes first.
"use strict";

const desk = document.getElementById("label");
const form = desk ?? document.getElementById("practice"); // practice asks the same, and keeps no lease
const cover = document.getElementById("cover");
const words = [...document.querySelectorAll("#text [data-start]")];
const marked = new Set(); // indices of words
let anchor = -1; // where a keyboard selection began
let cursor = -1; // the word that the keys are on
let picked; // first and last word of the newest selection: a tap on a button may drop the selection itself

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
  picked = undefined;
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

function selectedWords() {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.rangeCount) return undefined;
  const range = selection.getRangeAt(0);
  const indices = words.map((word, index) => (touched(range, word) ? index : -1)).filter((index) => index >= 0);
  return indices.length ? [indices[0], indices.at(-1)] : undefined;
}

function markSelection() {
  const found = selectedWords();
  if (!found) return;
  anchor = cursor = found[0];
  mark(...found);
  getSelection().removeAllRanges();
}

function markPicked() {
  if (!picked && cursor < 0) return;
  const [first, last] = picked ?? [Math.min(anchor, cursor), Math.max(anchor, cursor)];
  if (picked) cursor = first;
  anchor = cursor; // the next arrow starts afresh
  mark(first, last);
  getSelection().removeAllRanges();
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
  document.addEventListener("selectionchange", () => {
    const found = selectedWords();
    if (found || document.getElementById("text").contains(getSelection().anchorNode)) picked = found;
  });
  document.getElementById("mark").addEventListener("click", markPicked);
  document.getElementById("unmark").addEventListener("click", removeMark);
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

form?.addEventListener("change", (event) => {
  if (event.target.name === "speech_act") acts.dataset.chosen = "";
  if (event.target.name !== "severity" || "chosen" in acts.dataset) return;
  const implied = Number(event.target.value) >= Number(acts.dataset.severityFrom);
  act(implied ? acts.dataset.implied : firstAct).checked = true;
});

form?.addEventListener("change", (event) => {
  if (event.target.name === "strands" && !event.target.checked) {
    // A clause of a strand that is not ticked is folded away and would be refused.
    const clauses = form.querySelectorAll(`[data-strand="${CSS.escape(event.target.value)}"] [name=codes]`);
    for (const clause of clauses) clause.checked = false;
  }
  if (event.target.name === "disagrees" && event.target.checked) desk.elements.disagreement.focus();
  if (event.target.name === "context_flags") sayFlags();
});

function sayFlags() {
  const titles = [...desk.querySelectorAll("[name=context_flags]:checked")].map(
    (flag) => flag.closest("label").querySelector("strong").textContent,
  );
  document.getElementById("flags-said").textContent = titles.join(", ");
}

// ---- answers that take two keys: the first opens them, the second picks one --------------------------

const CHORDS = { d: "d and the letter of a clause. Esc leaves.", g: "g and the letter of a circumstance. Esc leaves." };
const flags = document.getElementById("flags");
let chord = "";

const isShown = (element) => element.getClientRects().length > 0;
const picks = (first) => [...form.querySelectorAll(`[data-chord^="${first}"]`)].filter(isShown);

function begin(first) {
  if (first === "g" && flags) flags.open = true;
  chord = picks(first).length ? first : "";
  const nothing = first === "d" ? "Tick a strand first: it has the clauses." : "";
  document.getElementById("chord").textContent = chord ? CHORDS[first] : nothing;
  form.dataset.chord = chord;
  if (chord) picks(chord)[0].closest("label").scrollIntoView({ block: "nearest" });
}

function end() {
  chord = "";
  delete form.dataset.chord;
  document.getElementById("chord").textContent = "";
}

function chordKey(key) {
  if (!chord) return key in CHORDS && areOn() ? () => begin(key) : undefined;
  const wanted = picks(chord).find((element) => element.dataset.chord === chord + key);
  if (wanted) return () => (wanted.click(), end());
  if (key === "Escape") return end;
  end(); // any other key means what it always does
  return chordKey(key);
}

// ---- how long the text was open ----------------------------------------------------------------------

let openSince; // milliseconds of the page's own clock; undefined while covered
if (desk) {
  const note = () => (openSince ??= cover.open ? performance.now() : undefined);
  note();
  cover.addEventListener("toggle", note);
  sayFlags();
}

function writeSeconds() {
  const field = desk.elements.seconds;
  if (openSince === undefined) return;
  field.value = (Number(field.dataset.before) + (performance.now() - openSince) / 1000).toFixed(1);
}

// ---- the lease and the forms ------------------------------------------------------------------------

let longest = 0; // seconds; a desk that is worked at never goes below half of it
const tell = {
  counted(left, words) {
    longest = Math.max(longest, left);
    document.getElementById("lease-left").textContent = left && left < longest / 2 ? words : "";
  },
  lost(status) {
    document.getElementById("save").disabled = true;
    const box = document.getElementById("lost");
    if (status === 401) box.textContent = "You have been signed out. Copy your note, then sign in again.";
    box.hidden = false;
  },
};
const hold = desk && new Hold({ ...desk.dataset, address: desk.dataset.heartbeat, ...csrfAndLease() }, tell);
const isUnsaved = () => !hold.settled && Boolean(desk.elements.note.value.trim() || desk.elements.rationale.value);
if (hold) {
  guard(isUnsaved);
  hold.beat(); // takes back a lease that leaving the page (a reload) has just cut short
  addEventListener("pagehide", () => {
    if (hold.settled || hold.isLost) return;
    const { csrf, lease } = csrfAndLease();
    navigator.sendBeacon(desk.dataset.leaving, new URLSearchParams({ csrf_token: csrf, lease }));
  });
}

function csrfAndLease() {
  return { csrf: desk.elements.csrf_token.value, lease: desk.elements.lease.value };
}

document.addEventListener("submit", (event) => {
  const covered = event.target === form && !cover.open;
  if (covered) reveal(); // an answer about a text that nobody has seen is worth nothing
  if (!hold && covered) event.preventDefault();
  if (!hold || !event.target.matches("#label, #undo, .skip-reasons")) return;
  const undoes = event.target.matches("#undo") && isUnsaved();
  const stays =
    covered ||
    hold.settled ||
    (event.target === desk && hold.isLost) ||
    (undoes && !confirm("Undo the label before? The note and the marks on this page are not kept."));
  if (stays) return event.preventDefault();
  writeSeconds();
  hold.settled = true;
});

// ---- keys -------------------------------------------------------------------------------------------

function press(element) {
  if (element.matches("input[type=text]")) return element.focus();
  element.click();
  if (element.matches("input")) element.closest("label").scrollIntoView({ block: "nearest" });
}

function deskKey(event, key) {
  if (event.key === "Enter" && !event.target.closest("button, a, summary")) return () => form.requestSubmit();
  const arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (arrow && desk && cover.open && !event.target.matches("input")) return () => move(arrow, event.shiftKey);
  return key === "r" && areOn() ? reveal : undefined;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const dialog = document.querySelector("dialog[open]");
  const typing = event.target.matches("input[type=text], textarea, select");
  if (typing && event.key === "Escape") event.target.blur();
  if (typing || (event.repeat && !event.key.startsWith("Arrow"))) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  let wanted = form && !dialog ? (chordKey(key) ?? deskKey(event, key)) : undefined;
  if (key === "Enter" && !wanted && event.target.closest("button, a, summary, input")) return;
  if (!wanted && areOn()) {
    const element = (dialog ?? document).querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (element && (dialog || !element.closest("dialog"))) wanted = () => press(element);
  }
  if (!wanted) return;
  event.preventDefault();
  wanted();
});
