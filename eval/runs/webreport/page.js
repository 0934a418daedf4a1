"use strict";
(() => {
  // What a question or a document says reaches the page by textContent alone: it is never markup.
  const rows = JSON.parse(document.getElementById("questions").textContent);
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  const STEP = 50;
  const MARKS = { 1: ["gold", "gold answer"], 2: ["given", "given answer"], 3: ["both", "gold and given answer"] };
  let found = [];
  let shown = 0;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  // Once, or every key pressed would fold thousands of texts again.
  for (const row of rows) {
    row.words = [row.id, row.q, row.given, row.best, row.source, ...(row.gold || [])]
      .filter(Boolean).join("\n").toLocaleLowerCase();
  }

  const outcomes = {
    "": () => true,
    wrong: (row) => !row.right,
    right: (row) => row.right,
    given: (row) => !row.right && row.status === "answered",
    withheld: (row) => !row.right && (row.status === "unsure" || row.status === "not_found"),
    unsure: (row) => row.status === "unsure",
    not_found: (row) => row.status === "not_found",
    failed: (row) => row.status === "failed",
  };
  const orders = {
    gold: null,
    surest: (a, b) => (b.confidence ?? -1) - (a.confidence ?? -1),
    unsure: (a, b) => (a.confidence ?? 2) - (b.confidence ?? 2),
    worst: (a, b) => a.f1 - b.f1,
    slowest: (a, b) => b.ms - a.ms,
  };

  function select() {
    const wanted = Object.fromEntries(new FormData(form));
    const words = wanted.search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const outcome = outcomes[wanted.outcome];
    found = rows.filter((row) =>
      outcome(row)
      && (!wanted.cause || row.cause === wanted.cause)
      && (!wanted.type || row.type === wanted.type)
      && (!wanted.domain || row.domain === wanted.domain)
      && (!wanted.kind || row.kind === wanted.kind)
      && (!wanted.answer || (wanted.answer === "yes") === Boolean(row.gold))
      && words.every((word) => row.words.includes(word)));
    if (orders[wanted.order]) found.sort(orders[wanted.order]);
    list.replaceChildren();
    shown = 0;
    extend();
    count.textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} questions`;
  }

  function extend() {
    const next = found.slice(shown, shown + STEP);
    list.append(...next.map(entry));
    shown += next.length;
    more.hidden = shown >= found.length;
    more.textContent = `Show ${Math.min(STEP, found.length - shown)} more`;
  }

  function entry(row) {
    const item = element("li");
    const details = element("details");
    const summary = element("summary");
    const asked = element("span", "asked", row.q);
    asked.dir = "auto";
    const verdict = row.right ? (row.status === "answered" ? "right" : "rightly declined") : row.cause;
    summary.append(asked, element("span", `badge ${row.right ? "right" : "wrong"}`, verdict));
    details.append(summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(body(row));
    });
    item.append(details);
    return item;
  }

  function body(row) {
    const made = element("div", "body");
    const facts = element("dl");
    const fact = (name, value) => {
      if (value === undefined || value === null || value === "") return;
      const said = element("dd", "", value);
      said.dir = "auto";
      facts.append(element("dt", "", name), said);
    };
    fact("Gold", row.gold ? row.gold.join(" | ") : "no answer in the documents");
    fact("Given", row.given);
    fact("Best span, withheld", row.best);
    if (row.confidence !== undefined) {
      const least = row.threshold === undefined ? "" : `, ${row.threshold.toFixed(2)} needed`;
      fact("Confidence", row.confidence.toFixed(4) + least);
    }
    fact("F1", row.f1.toFixed(2));
    if (row.judged) fact("Rank of the passage", row.rank === undefined ? "not among those read" : String(row.rank));
    if (row.valid !== undefined) fact("Citation", row.valid ? "holds" : "does not hold");
    if (row.precise !== undefined) fact("Cited sentence", row.precise ? "contains a gold answer" : "contains no gold answer");
    fact("Type", row.type);
    fact("Domain", row.domain);
    fact("Kind", row.kind);
    if (row.ms) fact("Time", `${row.ms.toFixed(0)} ms`);
    fact("Id", row.id);
    made.append(facts);
    for (const [uri, pieces] of row.texts || []) {
      const quote = element("blockquote");
      quote.dir = "auto";
      for (const [text, marks] of pieces) {
        if (!marks) { quote.append(text); continue; }
        const [className, name] = MARKS[marks];
        const mark = element("mark", className, text);
        mark.title = name;
        mark.prepend(element("span", "visually-hidden", `[${name}: `));
        mark.append(element("span", "visually-hidden", "]"));
        quote.append(mark);
      }
      made.append(element("div", "uri", uri), quote);
    }
    return made;
  }

  let waiting = 0;
  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(select, event.target.name === "search" ? 150 : 0);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(select, 0));
  more.addEventListener("click", () => {
    const first = shown;
    extend();
    // Where the keyboard was, the button may be gone.
    list.children[first]?.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cause], button[data-type], button[data-domain], button[data-kind]");
    if (!button) return;
    form.reset();
    form.elements.outcome.value = "wrong";
    for (const name of ["cause", "type", "domain", "kind"]) {
      if (button.dataset[name] !== undefined && form.elements[name]) form.elements[name].value = button.dataset[name];
    }
    // After the reset's own selection.
    setTimeout(() => { select(); count.focus(); count.scrollIntoView(); }, 0);
  });
  select();
})();
