// What came of a question: answers with their places, what comes closest where none is sure, or that none was found.

import { call } from "./api.js";
import { copyMenu } from "./copy.js";
import { byId, el, likely, name, number, percent, plural } from "./dom.js";
import { slice } from "./text.js";
import { place, show } from "./viewer.js";

const LEVELS = [
  [0.95, "Almost certain"],
  [0.8, "Very likely right"],
  [0.6, "Probably right"],
  [0.4, "May be right: look at the source"],
  [0.2, "Uncertain: look at the source"],
  [0, "Doubtful: look at the source"],
];
const SHOWN = 4;
const NEAREST = 3;
// As the server has it: less than this is no more likely to be right than a span taken at random.
const POSSIBLE = 0.05;

/** A confidence in words. */
export const inWords = (confidence) => LEVELS.find(([least]) => confidence >= least)[1];

/** Every button that leads to a place, in the order of the page: for stepping through them by keyboard. */
export const places = () => [...byId("result").querySelectorAll("button.place")].filter((button) => button.checkVisibility());

/** The page's part for a response of /v1/ask, and what to say of it aloud. */
export function answered(response) {
  const [first] = response.answers;
  const also = response.also_found;
  // What contradicts the answer stands right below it, once.
  const isNew = (answer) => answer === first || !also.some((other) => samePlace(answer.citation, other.citation));
  const sure = response.answers.filter(isNew);
  const rest = response.candidates.filter((answer) => answer.confidence >= POSSIBLE && isNew(answer));
  // The items of one enumeration come as answers of their own: one place, one confidence.
  const together = sure.filter((answer) => sameList(answer, first));
  const others = sure.filter((answer) => !together.includes(answer));
  const parts = [main(together, response)];
  if (also.length) parts.push(alsoFound(first, also));
  if (others.length) parts.push(list("Other answers", others));
  if (rest.length) parts.push(folded(`Less likely (${rest.length})`, rest));
  parts.push(about(response));
  const words = together.map((answer) => answer.text).join("; ");
  return {
    parts,
    target: first.citation,
    spoken: `Answer: ${words}. ${inWords(first.confidence)}, ${likely(first.confidence)}. From ${first.citation.document.title}.` +
      (also.length ? ` Also found: ${also.map((answer) => answer.text).join("; ")}.` : ""),
  };
}

const samePlace = (a, b) => a.document.id === b.document.id && a.start === b.start && a.end === b.end;

function sameList(answer, first) {
  const [a, b] = [answer.citation, first.citation];
  return answer === first || (answer.confidence === first.confidence && a.document.id === b.document.id &&
    a.sentence.start === b.sentence.start && a.start !== b.start);
}

function main(answers, response) {
  const [first] = answers;
  const card = el("article", { class: "card answer", "aria-labelledby": "answer-title" });
  card.append(el("h2", { id: "answer-title", class: "label" }, answers.length > 1 ? `Answer, ${answers.length} items` : "Answer"));
  if (answers.length === 1) card.append(el("p", { class: "words", dir: "auto" }, first.text));
  else card.append(el("ul", { class: "words" }, ...answers.map((answer) => el("li", { dir: "auto" }, placeButton(answer.citation, answer.text)))));
  const known = normalized(first.normalized);
  if (known && answers.length === 1) card.append(el("p", { class: "muted" }, known));
  card.append(confidence(first.confidence));
  if (response.promise) card.append(promise(response));
  card.append(quotation(first.citation), source(first.citation, { current: true }));
  if (first.supporting.length) {
    card.append(el("h3", { class: "label" }, `The same answer elsewhere (${first.supporting.length})`),
      el("ul", { class: "places" }, ...first.supporting.map((citation) => el("li", {}, source(citation, { small: true })))));
  }
  return card;
}

/** The confidence in words, as a number and as a bar. */
function confidence(value) {
  const meter = el("meter", { min: 0, max: 1, value, low: 0.4, high: 0.8, optimum: 1, "aria-label": "Confidence" }, likely(value));
  const meaning = `of 100 answers with this confidence, about ${Math.round(100 * value)} are right`;
  return el("p", { class: "confidence" }, meter, el("strong", {}, likely(value)), ` ${inWords(value)} `, el("span", { class: "muted" }, `(${meaning})`));
}

function promise({ promise: given, provenance }) {
  const since = given.store_generation === provenance.store_generation ? "" : ", before the documents last changed";
  return el("p", { class: "promise" }, `Promised: at most ${percent(given.risk)} of such answers are wrong, with ` +
    `${percent(1 - given.delta)} confidence, measured on ${plural(given.questions, "question")} of `, name(given.gold), since, ".");
}

/** The sentence of a citation with its words marked. */
function quotation({ sentence, start, end }) {
  const cut = (from, to) => slice(sentence.text, from - sentence.start, to - sentence.start);
  return el("blockquote", { class: "quotation", dir: "auto" }, cut(sentence.start, start), el("mark", {}, cut(start, end)), cut(end, sentence.end));
}

/** Where words stand: a button that shows them in their document, and the ways to cite them. */
function source(citation, { small = false, current = false } = {}) {
  const { document: from } = citation;
  const line = el("div", { class: small ? "source small" : "source" });
  line.append(placeButton(citation, null, current), el("span", { class: "muted where" }, place(citation)));
  const day = citation.document.date;
  if (day) line.append(el("span", { class: "muted where" }, `dated ${day}`));
  const row = el("div", { class: "row tight" });
  if (/^https?:\/\//i.test(from.uri)) {
    row.append(el("a", { href: from.uri, rel: "noopener noreferrer", target: "_blank", class: "small" }, "Web page"));
  }
  row.append(copyMenu(citation));
  line.append(row);
  return line;
}

function placeButton(citation, words, current = false) {
  const inside = words === null ? [name(citation.document.title || citation.document.uri)] : [words];
  const button = el("button", { type: "button", class: "place link", onclick: () => go(button, citation) }, ...inside);
  if (words !== null) button.setAttribute("aria-description", `in ${citation.document.title}, ${place(citation)}`);
  if (current) button.setAttribute("aria-current", "true");
  return button;
}

function go(button, citation) {
  for (const other of places()) other.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  show(citation).then(() => {
    // Where the document stands below and not beside, going to a place means going there.
    const viewer = byId("viewer");
    if (viewer.getBoundingClientRect().top > innerHeight * 0.8) viewer.scrollIntoView({ block: "start" });
  });
}

function brief(answer) {
  return el("li", {}, el("p", { class: "brief", dir: "auto" }, el("strong", {}, answer.text), " ", el("span", { class: "muted" }, likely(answer.confidence))),
    quotation(answer.citation), source(answer.citation, { small: true }));
}

function list(title, answers) {
  const section = el("section", { class: "card" }, el("h2", { class: "label" }, title));
  const shown = el("ul", { class: "answers" }, ...answers.slice(0, SHOWN).map(brief));
  section.append(shown);
  if (answers.length > SHOWN) section.append(folded(`${answers.length - SHOWN} more`, answers.slice(SHOWN), "div"));
  return section;
}

function folded(title, answers, tag = "section") {
  const details = el("details", { class: "folded" }, el("summary", {}, title));
  // Made when it is opened: most people never look.
  details.addEventListener("toggle", () => details.childElementCount === 1 && details.append(el("ul", { class: "answers" }, ...answers.map(brief))));
  return el(tag, { class: tag === "section" ? "card" : "" }, details);
}

function alsoFound(first, others) {
  return el("section", { class: "card also", "aria-labelledby": "also-title" },
    el("h2", { id: "also-title", class: "label" }, "Also found"),
    el("p", {}, `This is not the same as “${first.text}”. Compare the sources and their dates before you rely on one.`),
    el("ul", { class: "answers" }, ...others.map(brief)));
}

/** As `answered`, where no answer is given: what comes closest, or that none was found, and why. */
export async function unanswered(response, filtered, tell) {
  const unsure = response.status === "unsure";
  const heading = title(response);
  const card = el("article", { class: `card outcome ${unsure ? "unsure" : "not-found"}`, "aria-labelledby": "answer-title" },
    el("h2", { id: "answer-title" }, heading),
    el("p", {}, why(response, filtered)));
  const parts = [card];
  if (response.reason === "empty_index") {
    card.append(el("button", { type: "button", class: "primary", onclick: () => tell.documents() }, "Add documents…"));
    return { parts, spoken: `${heading}. ${why(response, filtered)}` };
  }
  const close = unsure ? response.candidates.filter((answer) => answer.confidence >= POSSIBLE).slice(0, NEAREST) : [];
  if (close.length) card.append(el("h3", { class: "label" }, "Closest"), el("ul", { class: "answers" }, ...close.map(brief)));
  card.append(hints(filtered, tell));
  const passages = unsure || response.reason === "nothing_retrieved" ? [] : await nearestPassages(response.question, tell.filters());
  if (passages.length) {
    parts.push(el("section", { class: "card" }, el("h2", { class: "label" }, "Nearest passages"), el("ul", { class: "answers" }, ...passages.map(passage))));
  }
  parts.push(about(response));
  const closest = close.map((answer) => `${answer.text}, ${likely(answer.confidence)} likely`).join("; ");
  return { parts, spoken: `${heading}. ${why(response, filtered)}${closest ? ` Closest: ${closest}.` : ""}` };
}

function title({ status, reason }) {
  if (reason === "empty_index") return "No documents yet";
  if (reason === "nothing_retrieved") return "Nothing to read";
  if (reason === "not_a_span_question") return "Not a question that a quote can answer";
  return status === "unsure" ? "Not sure" : "Not found in the passages that were read";
}

function why(response, filtered) {
  switch (response.reason) {
    case "empty_index":
      return "There is nothing to read. Add some documents and ask again.";
    case "nothing_retrieved":
      return filtered ? "What you restricted the question to leaves nothing to read." : "No passage has anything to do with this question.";
    case "not_a_span_question":
      return response.hint;
    case "below_threshold":
      return `The closest wording is only ${likely(response.candidates[0].confidence)} likely to be right, and ${percent(response.threshold)} is needed to call it an answer. Look at its source before you rely on it.`;
    default:
      return "The passages closest to the question were read, and none of them holds an answer. Other passages, or other words, may.";
  }
}

function hints(filtered, tell) {
  const row = el("div", { class: "row" });
  if (filtered) row.append(el("button", { type: "button", class: "quiet", onclick: () => tell.unrestricted() }, "Ask all documents"));
  row.append(el("button", { type: "button", class: "quiet", onclick: () => tell.documents() }, "Add documents…"));
  return el("div", {}, el("p", { class: "muted" }, "It may help to use the words that the documents use, or to ask for one fact at a time."), row);
}

async function nearestPassages(question, filters) {
  try {
    return (await call("POST", "v1/search", { question, passages: NEAREST, filters })).passages;
  } catch {
    // An extra: what was found out about the question is shown all the same.
    return [];
  }
}

function passage(found) {
  const citation = { document: found.document, start: found.start, end: found.end, quote: found.text };
  return el("li", {}, el("blockquote", { class: "quotation clipped", dir: "auto" }, found.text.trim()),
    el("div", { class: "source small" }, placeButton(citation, null), el("span", { class: "muted where" }, found.context || place(citation))));
}

function normalized(value) {
  // An open year tells people nothing that the words do not.
  if (!value || String(value.value).startsWith("XXXX")) return null;
  // One of two days, where their order is open: "[2026-05-06,2026-06-05]".
  const shown = String(value.value ?? `${value.minimum}–${value.maximum}`).replace(/^\[|\]$/g, "").replace(",", " or ");
  const unit = value.unit ?? value.currency ?? value.symbol ?? "";
  return `= ${value.approximate ? "about " : ""}${shown}${unit ? ` ${unit}` : ""}`;
}

function about({ elapsed_ms: elapsed, provenance, threshold }) {
  return el("details", { class: "about muted" }, el("summary", {}, `How this was found, in ${number(Math.round(elapsed.total))} ms`),
    el("p", {}, `Searched by meaning and by words (${Math.round(elapsed.embed + elapsed.retrieve)} ms), read in ${Math.round(elapsed.read)} ms. ` +
      `Confidence needed to answer: ${percent(threshold)}. Reader ${provenance.reader.name}, version ${provenance.version}.`));
}

const STATES = {
  holds: ["good", "Checked just now: the document says exactly this, at this very place."],
  renamed: ["good", "Checked just now: the document says exactly this, at this very place. It goes by another name or address today."],
  kept: ["warn", "The document has changed since, but these words still stand at the same place."],
  moved: ["warn", "The document has changed since. These words have moved: they are shown where they stand now."],
  ambiguous: ["bad", "The document has changed since. These words occur in it, but not once with the same words around them, so it cannot be told whether they are the ones meant."],
  gone: ["bad", "The document has changed since, and these words are no longer in it."],
  removed: ["bad", "This document has been removed, or was never on this server. What follows is what the link says; it cannot be checked here."],
  false: ["bad", "This link does not fit the document: what it says was never there. It may have been altered."],
};

/** The page's part for a citation that came with a link, and how it stands now. */
export function shared(citation, { state, problems, now }) {
  const [tone, words] = STATES[state];
  const card = el("article", { class: "card answer shared", "aria-labelledby": "answer-title", "data-state": state },
    el("h2", { id: "answer-title", class: "label" }, "A shared citation"),
    el("p", { class: `verdict ${tone}` }, words),
    el("p", { class: "words", dir: "auto" }, citation.quote));
  if (citation.sentence) card.append(quotation(citation));
  if (state === "holds" || state === "renamed") card.append(source(citation, { current: true }));
  else {
    card.append(el("p", { class: "source" }, name(citation.document.title || citation.document.uri), el("span", { class: "muted where" }, `as cited: ${place(citation)}`)));
    if (now) card.append(el("p", { class: "source" }, placeButton(now, "Show where they stand now", true)));
    else if (state !== "removed") {
      const whole = { document: { ...citation.document, sha256: null } };
      card.append(el("p", { class: "source" }, el("button", { type: "button", class: "place link", onclick: () => show(whole) }, "Show the document as it is now")));
    }
  }
  if (problems.length && state !== "removed") {
    card.append(el("details", { class: "about muted" }, el("summary", {}, "What does not hold"), el("ul", {}, ...problems.map((problem) => el("li", {}, name(problem))))));
  }
  return { parts: [card], target: now ?? null, spoken: words };
}
