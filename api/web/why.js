// Why a question came out as it did. It is asked for when its fold is opened: most people never look.

import { call } from "./api.js";
import { announce, el, name, number, percent } from "./dom.js";
import { show } from "./viewer.js";

const PASSAGES = 10;
const CANDIDATES = 5;
const LONG = 120;
const SOURCES = { question: "as the question asked", promise: "as promised", calibration: "the calibration's" };

/** A fold below what came of a question; `question` is the body that /v1/ask was sent. */
export function why(question, signal) {
  const details = el("details", { class: "folded why" }, el("summary", {}, "Why?"));
  let asked = false;
  details.addEventListener("toggle", async () => {
    if (!details.open || asked) return;
    asked = true;
    const body = el("div", { "aria-busy": "true" }, el("p", { class: "muted" }, "Looking into it…"));
    details.append(body);
    try {
      const { explanation } = await call("POST", "v1/ask", { ...question, explain: true }, { signal });
      body.replaceChildren(...parts(explanation));
      announce("The explanation is shown.");
    } catch (error) {
      if (error.name === "AbortError") return;
      // Opened once more, it is asked for once more.
      asked = false;
      details.addEventListener("toggle", () => body.remove(), { once: true });
      body.replaceChildren(el("p", { role: "alert" }, `That did not work: ${error.message}`));
    } finally {
      body.removeAttribute("aria-busy");
    }
  });
  return el("section", { class: "card" }, details);
}

function parts(explanation) {
  const { passages, candidates, threshold, threshold_from: from, would_change: changes } = explanation;
  const shown = [
    el("p", {}, `Confidence needed to answer: ${percent(threshold)}, ${SOURCES[from]}.`),
    el("ul", { class: "changes" }, ...changes.map((change) => el("li", {}, name(change.statement)))),
  ];
  if (candidates.length) shown.push(considered(candidates, passages), counted(candidates[0], explanation));
  if (passages.length) shown.push(read(passages));
  return shown;
}

function read(passages) {
  return table(`Passages that were read${some(PASSAGES, passages)}`, ["Passage", "By meaning", "By words", "Best span in it", "Margin"],
    passages.slice(0, PASSAGES).map((passage) => [
      el("span", {}, source(passage.document), ` ${number(passage.start)}–${number(passage.end)}`),
      ranked(passage.dense_rank, passage.dense_score),
      ranked(passage.lexical_rank, passage.lexical_score),
      passage.read ? words(passage.read, passage.document) : "none",
      passage.read ? signed(passage.read.margin) : "",
    ]), [0, 3]);
}

function considered(candidates, passages) {
  const documents = new Map(passages.map((passage) => [passage.document.id, passage.document]));
  return table(`Candidates${some(CANDIDATES, candidates)}`, ["Candidate", "Document", "Confidence", "Margin"],
    candidates.slice(0, CANDIDATES).map((candidate) => {
      const from = documents.get(candidate.document_id);
      return [words(candidate, from), source(from), candidate.confidence.toFixed(4), signed(candidate.margin)];
    }), [0, 1]);
}

function counted(candidate, { bias, meanings }) {
  const features = [...candidate.features].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const sum = features.reduce((total, feature) => total + feature.contribution, bias);
  const rows = features.map((feature) => [
    el("span", {}, feature.name, el("br"), el("span", { class: "muted" }, meanings[feature.name])),
    feature.value.toFixed(2), feature.mean.toFixed(2), signed(feature.contribution),
  ]);
  rows.push(["whatever the features are", "", "", signed(bias)], [`sum: a confidence of ${candidate.confidence.toFixed(4)}`, "", "", signed(sum)]);
  return table("What makes the confidence of the first candidate, in logits", ["Feature", "Value", "Average", "Adds"], rows, [0]);
}

/** A table in a box that scrolls where it is too wide; the first column heads its rows, those in `texts` are not numbers. */
function table(caption, columns, rows, texts) {
  const kind = (column) => (texts.includes(column) ? null : "figure");
  const head = el("tr", {}, ...columns.map((title, column) => el("th", { scope: "col", class: kind(column) ?? "" }, title)));
  const body = rows.map((cells) => el("tr", {}, ...cells.map((cell, column) =>
    column === 0 ? el("th", { scope: "row" }, cell) : el("td", { class: kind(column) ?? "" }, cell))));
  return el("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 },
    el("table", {}, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, ...body)));
}

/** Words that were found, as a button that shows them in their document. */
function words({ text, start, end }, from) {
  const flat = text.replace(/\s+/gu, " ").trim();
  const points = [...flat];
  const shown = points.length > LONG ? `${points.slice(0, LONG - 1).join("")}…` : flat;
  return el("button", { type: "button", class: "link", dir: "auto", onclick: () => show({ document: from, start, end, quote: text }) }, name(shown));
}

const source = (from) => name(from.title || from.uri);
const ranked = (rank, score) => (rank === null ? "not found" : score === null ? `${rank}` : `${rank} (${score.toFixed(2)})`);
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const some = (most, all) => (all.length > most ? `, the first ${most} of ${number(all.length)}` : "");
