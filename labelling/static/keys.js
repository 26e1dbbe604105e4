// Single keys on the pages about labels and models. Everything on them works without it; page.js comes first.
"use strict";

const BOXES = "textarea, select, input:not([type=radio], [type=checkbox], [type=hidden])";
let isSent = false;

document.addEventListener("submit", (event) => {
  if (event.target.method === "dialog") return;
  if (isSent) event.preventDefault(); // on its way already
  isSent = true;
});
addEventListener("pageshow", (event) => event.persisted && (isSent = false));
guard(() => !isSent && [...document.querySelectorAll("textarea")].some((box) => box.value !== box.defaultValue));

function press(element) {
  if (!element.matches(BOXES)) element.click();
  if (element.matches("summary, input, select, textarea")) element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

function sendForm(from) {
  const form = from.closest("form:not([method=dialog])") ?? document.querySelector("form[data-main]");
  const button = form?.querySelector("[data-submit]");
  if (button) form.requestSubmit(button);
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat || event.altKey) return;
  const dialog = document.querySelector("dialog[open]");
  if (event.ctrlKey || event.metaKey) {
    if (event.key !== "Enter" || dialog) return;
    event.preventDefault();
    return sendForm(event.target);
  }
  if (event.target.matches(BOXES)) return event.key === "Escape" && event.target.blur();
  if (!areOn()) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const element = (dialog ?? document).querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!element || (!dialog && element.closest("dialog")) || !element.checkVisibility()) return;
  event.preventDefault();
  press(element);
});
