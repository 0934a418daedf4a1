// The document beside the answer: a window of its text around a span, which is marked.

import { call, Problem } from "./api.js";
import { announce, byId, el, name, number, printable } from "./dom.js";
import { cutBefore, slice, toUnits } from "./text.js";

const BEFORE = 4_000;
const AFTER = 8_000;
const MORE = 20_000;
const KEPT = 3;
// Parts that were not read, for each reason.
const TOLD = 5;
const texts = new Map();

/** The text of a document as `{id, sha256, text}`; a few are kept. Raises Problem 404 for one that is not there. */
export async function documentText(id, { signal, sha256 } = {}) {
  const known = texts.get(id);
  // A kept text is good for the version that is asked for; without one only the server knows the newest.
  if (known && sha256 && known.sha256 === sha256) return known;
  const loaded = await call("GET", `v1/documents/${encodeURIComponent(id)}/text`, undefined, { signal });
  texts.delete(id);
  texts.set(id, loaded);
  if (texts.size > KEPT) texts.delete(texts.keys().next().value);
  return loaded;
}

export function forget(id) {
  texts.delete(id);
  if (state?.id === id) close();
}

/** What of a document's source was not read, in a few words; "" where all was. */
export function unreadLine(unread) {
  const reasons = new Map();
  for (const { part, reason } of unread ?? []) reasons.set(reason, [...(reasons.get(reason) ?? []), part]);
  const told = [...reasons].map(([reason, parts]) => {
    const more = parts.length > TOLD ? [`${number(parts.length - TOLD)} more`] : [];
    return `${[...parts.slice(0, TOLD), ...more].map(printable).join(", ")} (${printable(reason)})`;
  });
  return told.length ? `Not read: ${told.join("; ")}` : "";
}

let state = null;
let loading = null;

/** Where a citation says its words stand, for people. */
export function place(citation) {
  const parts = [];
  if (citation.headings?.length) parts.push(citation.headings.map(printable).join(" › "));
  if (citation.page) parts.push(`page ${number(citation.page)}`);
  if (citation.row) parts.push(`row ${number(citation.row)}`);
  // Lines are counted on their page where there are pages: nobody counts those of a whole PDF.
  const line = citation.page ? citation.page_line : citation.line;
  if (line) parts.push(`line ${number(line)}`);
  parts.push(`characters ${number(citation.start)}–${number(citation.end)}`);
  return parts.join(" · ");
}

/**
 * Show a document with the span `[start, end)` of its code points marked and its sentence tinted.
 * `target` is like a citation: {document: {id, uri, title, sha256}, start, end, quote, sentence?, page?, line?}; without
 * an end the document is shown from its beginning.
 */
export async function show(target, { focus = false } = {}) {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  byId("viewer").hidden = false;
  byId("columns").classList.add("two");
  byId("viewer-title").replaceChildren(name(target.document.title || target.document.uri));
  const marked = target.end !== undefined;
  byId("viewer-span").hidden = !marked;
  byId("viewer-place").replaceChildren(marked ? place(target) : name(target.document.uri));
  byId("viewer-notice").replaceChildren();
  byId("viewer-unread").hidden = true;
  const box = byId("viewer-text");
  box.setAttribute("aria-busy", "true");
  try {
    const loaded = await documentText(target.document.id, { signal, sha256: target.document.sha256 });
    open(target, loaded);
    sayUnread(target.document, signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    box.replaceChildren();
    state = null;
    byId("viewer-span").hidden = true;
    notice(error instanceof Problem && error.status === 404 ? "This document is no longer here." : error.message);
  } finally {
    if (!signal.aborted) box.removeAttribute("aria-busy");
  }
  if (focus) box.focus();
}

function open(target, loaded) {
  const { text } = loaded;
  state = { id: loaded.id, text, span: null, sentence: null, from: 0, to: 0 };
  let around = [0, 0];
  if (target.end !== undefined) {
    const same = loaded.sha256 === target.document.sha256;
    if (!same || slice(text, target.start, target.end) !== target.quote) {
      notice("This document has changed since the answer was given: its words may stand elsewhere now. Ask again.");
      byId("viewer-span").hidden = true;
    } else {
      const sentence = target.sentence ?? target;
      const [a, b, c, d] = toUnits(text, [sentence.start, target.start, target.end, sentence.end]);
      state.sentence = [a, d];
      state.span = [b, c];
      around = [a, d];
    }
  }
  state.from = cutBefore(text, around[0] - BEFORE);
  state.to = cutBefore(text, Math.min(text.length, around[1] + AFTER));
  if (text.length - state.to < BEFORE) state.to = text.length;
  draw();
  toSpan();
}

/** Say what was not read. Only a record knows it: an answer names its documents shortly. */
async function sayUnread(document, signal) {
  try {
    const record = document.unread ? document : await call("GET", `v1/documents/${encodeURIComponent(document.id)}`, undefined, { signal });
    const line = unreadLine(record.unread);
    if (signal.aborted) return;
    byId("viewer-unread").textContent = line;
    byId("viewer-unread").hidden = !line;
  } catch (error) {
    if (error.name === "AbortError") return;
    notice(error.message);
  }
}

function notice(text) {
  byId("viewer-notice").replaceChildren(el("p", { class: "notice warn" }, text));
  announce(text);
}

function draw() {
  const { text, from, to, span, sentence } = state;
  const parts = [];
  if (from > 0) parts.push(more(`Show what comes before (${number(from)} characters)`, () => grow(-MORE)));
  const body = el("div", { class: "text", dir: "auto" });
  if (span) {
    body.append(
      text.slice(from, sentence[0]),
      el("span", { class: "sentence" }, text.slice(sentence[0], span[0]),
        el("mark", { id: "span", tabindex: "-1" }, text.slice(span[0], span[1])), text.slice(span[1], sentence[1])),
      text.slice(sentence[1], to),
    );
  } else body.append(text.slice(from, to));
  parts.push(body);
  if (to < text.length) parts.push(more(`Show more (${number(text.length - to)} characters)`, () => grow(MORE)));
  byId("viewer-text").replaceChildren(...parts);
}

const more = (label, onclick) => el("button", { type: "button", class: "quiet small more", onclick }, label);

function grow(by) {
  const box = byId("viewer-text");
  const below = box.scrollHeight - box.scrollTop;
  if (by < 0) state.from = cutBefore(state.text, state.from + by);
  else state.to = Math.max(state.to, cutBefore(state.text, Math.min(state.text.length, state.to + by)));
  if (state.text.length - state.to < BEFORE) state.to = state.text.length;
  const { scrollTop } = box;
  draw();
  box.scrollTop = by < 0 ? box.scrollHeight - below : scrollTop;
  box.focus({ preventScroll: true });
}

/** Scroll the document, and nothing but it, to the span. */
export function toSpan() {
  const box = byId("viewer-text");
  const mark = byId("span");
  box.scrollTop = 0;
  if (!mark) return;
  const offset = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
  box.scrollTop = Math.max(0, offset - box.clientHeight / 3);
}

export function close() {
  loading?.abort();
  state = null;
  byId("viewer").hidden = true;
  byId("columns").classList.remove("two");
  byId("viewer-text").replaceChildren();
}

export const isOpen = () => !byId("viewer").hidden;
