// The page: questions in, answers out, and what the address and the keyboard ask for.

import { answered, places, shared, unanswered } from "./answer.js";
import { call, Problem } from "./api.js";
import * as documents from "./documents.js";
import { announce, byId, el, plural } from "./dom.js";
import { check, citationOf } from "./link.js";
import * as viewer from "./viewer.js";
import { why } from "./why.js";

const ANSWERS = 20;
const SHORTCUTS = "spanqa-shortcuts";
const RETRIES = 90;

let current = null;
let total = null;

const tell = {
  documents: () => documents.open(),
  filters: () => documents.questionFilters(),
  unrestricted: () => {
    documents.clearFilters();
    ask(byId("question").value);
  },
};

/** Begin something that takes the place of what is shown; what was under way before is given up. */
function begin(busy) {
  current?.abort();
  current = new AbortController();
  byId("result").setAttribute("aria-busy", "true");
  byId("ask-button").disabled = true;
  wait(busy);
  announce(busy);
  return current.signal;
}

function wait(words) {
  byId("result").replaceChildren(el("p", { class: "waiting" }, el("span", { class: "dots", "aria-hidden": "true" }), words));
}

function finish(signal, { parts, target, spoken }) {
  if (signal.aborted) return;
  byId("result").replaceChildren(...parts);
  byId("result").removeAttribute("aria-busy");
  byId("ask-button").disabled = false;
  announce(spoken);
  if (target) viewer.show(target);
  else viewer.close();
}

function fail(signal, error, again) {
  if (signal.aborted || error.name === "AbortError") return;
  const needsKey = error instanceof Problem && error.status === 401;
  const card = el("article", { class: "card failed" }, el("h2", {}, needsKey ? "A key is needed" : "That did not work"), el("p", {}, error.message));
  if (again) card.append(el("button", { type: "button", class: "quiet", onclick: again }, "Try again"));
  finish(signal, { parts: [card], spoken: `That did not work: ${error.message}` });
}

async function ask(words) {
  const question = words.trim();
  if (!question) {
    announce("Type a question first.");
    byId("question").focus();
    return;
  }
  const signal = begin("Reading the documents…");
  byId("question").value = question;
  document.title = `${question} · spanqa`;
  try {
    const filters = documents.questionFilters();
    const response = await patiently(signal, () =>
      call("POST", "v1/ask", { question, answers: ANSWERS, candidates: true, filters }, { signal }));
    const shown = response.status === "answered" ? answered(response) : await unanswered(response, documents.isFiltered(), tell);
    if (response.reason !== "empty_index") shown.parts.push(why({ question, answers: ANSWERS, filters }, signal));
    finish(signal, shown);
  } catch (error) {
    fail(signal, error, () => ask(question));
  }
}

/** Wait for a server that loads its models or has too much to do, and say so. */
async function patiently(signal, work) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem) || !["busy", "starting", "too-many-requests"].includes(error.kind) || tries >= RETRIES) throw error;
      wait(error.kind === "starting" ? "The models are being loaded…" : "Many questions at once; yours waits its turn…");
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfter));
      signal.throwIfAborted();
    }
  }
}

async function openLink(packed) {
  const signal = begin("Checking the citation…");
  document.title = "A shared citation · spanqa";
  let citation;
  try {
    citation = await citationOf(packed);
  } catch {
    fail(signal, new Error("This link is damaged: no citation can be read from it. It may have been cut off where it was pasted."));
    return;
  }
  try {
    finish(signal, shared(citation, await check(citation)));
  } catch (error) {
    fail(signal, error, () => openLink(packed));
  }
}

/** What the address says: `#q=QUESTION`, `#cite=CITATION`, or nothing. */
function route() {
  const fragment = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  if (fragment.has("cite")) openLink(fragment.get("cite"));
  else if (fragment.get("q")) ask(fragment.get("q"));
  else welcome();
}

function welcome() {
  current?.abort();
  byId("ask-button").disabled = false;
  byId("result").removeAttribute("aria-busy");
  document.title = "spanqa";
  viewer.close();
  const parts = [];
  if (total === 0) {
    parts.push(el("div", { class: "card welcome" }, el("h2", {}, "Begin with a document"),
      el("p", {}, "Add texts, and ask for a fact that they hold. The answer is always their own words, marked where they stand; what is not in them is not answered."),
      el("button", { type: "button", class: "primary", onclick: tell.documents }, "Add documents…")));
  } else if (total !== null) {
    parts.push(el("p", { class: "welcome muted" }, `Ask for a fact: ${plural(total, "document")} will be read. The answer is always their own words, marked where they stand; what is not in them is not answered.`));
  }
  byId("result").replaceChildren(...parts);
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = byId("question").value.trim();
  const address = `#q=${encodeURIComponent(question)}`;
  // The same question again is asked again: the documents may have changed.
  if (question && location.hash !== address) history.pushState(null, "", address);
  ask(question);
});
addEventListener("popstate", route);

byId("open-documents").addEventListener("click", () => documents.open());
byId("open-help").addEventListener("click", () => byId("help").showModal());
byId("viewer-span").addEventListener("click", () => viewer.toSpan());
byId("viewer-close").addEventListener("click", () => {
  viewer.close();
  byId("question").focus();
});
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
  // A click on the backdrop is one on the dialog itself, outside its box.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

const shortcuts = byId("shortcuts");
shortcuts.checked = localStorage.getItem(SHORTCUTS) !== "off";
shortcuts.addEventListener("change", () => localStorage.setItem(SHORTCUTS, shortcuts.checked ? "on" : "off"));

const KEYS = {
  "/": () => { byId("question").focus(); byId("question").select(); },
  "?": () => byId("help").showModal(),
  d: () => documents.open(),
  v: () => viewer.isOpen() && byId("viewer-text").focus(),
  j: () => step(1),
  k: () => step(-1),
  c: () => {
    const menu = byId("result").querySelector("details.copy");
    if (!menu) return;
    menu.open = true;
    menu.querySelector("summary").focus();
  },
};

function step(by) {
  const all = places();
  if (!all.length) return;
  const at = all.findIndex((button) => button.getAttribute("aria-current"));
  const next = all[(at + by + all.length) % all.length];
  next.focus();
  next.click();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !shortcuts.checked) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog") || document.querySelector("dialog[open]")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

documents
  .start((count) => {
    const first = total === null;
    total = count;
    if (!first && !location.hash) welcome();
  })
  .catch((error) => announce(error.message))
  .finally(() => {
    route();
    if (!location.hash.includes("cite=")) byId("question").focus();
  });
