// What came of a question: answers with their places, or an honest "not in these documents".

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
// Less than this is noise: no more than the share of right ones among spans taken at random.
const WORTH_SHOWING = 0.05;

/** A confidence in words. */
export const inWords = (confidence) => LEVELS.find(([least]) => confidence >= least)[1];

/** Every button that leads to a place, in the order of the page: for stepping through them by keyboard. */
export const places = () => [...byId("result").querySelectorAll("button.place")].filter((button) => button.checkVisibility());

/** The page's part for a response of /v1/ask, and what to say of it aloud. */
export function answered(response) {
  const sure = response.answers.filter((answer) => answer.confidence >= response.threshold);
  const rest = response.answers.filter((answer) => answer.confidence < response.threshold && answer.confidence >= WORTH_SHOWING);
  const [first] = sure;
  // The items of one enumeration come as answers of their own: one place, one confidence.
  const together = sure.filter((answer) => sameList(answer, first));
  const others = sure.filter((answer) => !together.includes(answer));
  const parts = [main(together, response)];
  const rivals = response.rivals ?? [];
  if (rivals.length) parts.push(disagreement(first, rivals));
  if (others.length) parts.push(list("Other answers", others));
  if (rest.length) parts.push(folded(`Less likely (${rest.length})`, rest));
  parts.push(about(response));
  const words = together.map((answer) => answer.text).join("; ");
  return {
    parts,
    target: first.citation,
    spoken: `Answer: ${words}. ${inWords(first.confidence)}, ${likely(first.confidence)}. From ${first.citation.document.title}.` +
      (rivals.length ? " Other documents answer differently." : ""),
  };
}

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

function disagreement(first, rivals) {
  const one = rivals.length === 1;
  return el("section", { class: "card rivals", "aria-labelledby": "rivals-title" },
    el("h2", { id: "rivals-title", class: "label" }, one ? "Another document answers differently" : "Other documents answer differently"),
    el("p", {}, `They are about as sure as “${first.text}”. Compare the sources and their dates before you rely on one.`),
    el("ul", { class: "answers" }, ...rivals.map(brief)));
}

/** As `answered`, for an abstention: why, and the passages nearest to the question. */
export async function abstained(response, filtered, tell) {
  const [nearest] = response.answers;
  const card = el("article", { class: "card abstained", "aria-labelledby": "answer-title" },
    el("h2", { id: "answer-title" }, response.reason === "empty_index" ? "No documents yet" : "Not in these documents"),
    el("p", {}, why(response, filtered)));
  const parts = [card];
  if (response.reason === "empty_index") {
    card.append(el("button", { type: "button", class: "primary", onclick: () => tell.documents() }, "Add documents…"));
    return { parts, spoken: `No documents yet. ${why(response, filtered)}` };
  }
  card.append(hints(filtered, tell));
  const close = response.answers
    .filter((answer) => answer.confidence >= WORTH_SHOWING || (answer === nearest && response.reason === "below_threshold"))
    .slice(0, NEAREST);
  if (close.length) {
    parts.push(el("section", { class: "card" }, el("h2", { class: "label" }, close.length > 1 ? "Closest wordings, not answers" : "Closest wording, not an answer"),
      el("ul", { class: "answers" }, ...close.map(brief))));
  }
  const passages = response.reason === "nothing_retrieved" ? [] : await nearestPassages(response.question, tell.filters());
  if (passages.length) {
    parts.push(el("section", { class: "card" }, el("h2", { class: "label" }, "Nearest passages"), el("ul", { class: "answers" }, ...passages.map(passage))));
  }
  parts.push(about(response));
  return { parts, spoken: `Not in these documents. ${why(response, filtered)}` };
}

function why(response, filtered) {
  const [nearest] = response.answers;
  switch (response.reason) {
    case "empty_index":
      return "There is nothing to read. Add some documents and ask again.";
    case "nothing_retrieved":
      return filtered ? "What you restricted the question to leaves nothing to read." : "No passage has anything to do with this question.";
    case "below_threshold":
      return nearest
        ? `The closest wording is only ${likely(nearest.confidence)} likely to be right, and ${percent(response.threshold)} is needed to call it an answer.`
        : `There is a wording that might answer, but it is not likely enough: ${percent(response.threshold)} is needed.`;
    default:
      return "The passages closest to the question were read, and none of them holds an answer.";
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
