// The documents of the store: list, add, remove, and restrict questions to some of them.

import { call, Problem, send } from "./api.js";
import { announce, byId, el, name, number, percent, plural } from "./dom.js";
import { forget, show, unreadLine } from "./viewer.js";

const PAGE = 50;
const MAX_FILES = 1_000;
const TYPES = {
  txt: "text/plain", text: "text/plain", log: "text/plain", md: "text/markdown", markdown: "text/markdown",
  html: "text/html", htm: "text/html", pdf: "application/pdf", xhtml: "application/xhtml+xml",
  csv: "text/csv", tsv: "text/tab-separated-values", tab: "text/tab-separated-values",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  epub: "application/epub+zip", eml: "message/rfc822", zip: "application/zip",
};

// With macros or as templates they hold the same.
const LIKE = { docm: "docx", dotx: "docx", dotm: "docx", xlsm: "xlsx", xltx: "xlsx", xltm: "xlsx", pptm: "pptx", ppsx: "pptx", ppsm: "pptx", potx: "pptx", potm: "pptx" };
for (const [suffix, other] of Object.entries(LIKE)) TYPES[suffix] = TYPES[other];

let records = [];
let total = 0;
/** Ids of the documents that questions are restricted to, with their titles; empty: all. */
export const chosen = new Map();
const filters = { collections: "", tags: "" };
let changed = () => {};

/** The filters of a question, as the API takes them. */
export function questionFilters() {
  const active = {};
  if (chosen.size) active.document_ids = [...chosen.keys()];
  for (const [field, value] of Object.entries(filters)) if (value) active[field] = [value];
  return active;
}

export const isFiltered = () => Object.keys(questionFilters()).length > 0;

export function clearFilters() {
  chosen.clear();
  for (const field of Object.keys(filters)) filters[field] = "";
  drawFilters();
  draw();
}

/** Load the list and watch for files; `onchange` is called when there are more or fewer documents. */
export async function start(onchange) {
  changed = onchange;
  byId("choose").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", () => {
    add([...byId("files").files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    byId("files").value = "";
  });
  byId("documents-more").addEventListener("click", () => load(records.length));
  watchDrops();
  await load(0);
}

export function open() {
  const dialog = byId("documents");
  if (!dialog.open) dialog.showModal();
}

async function load(offset) {
  const page = await call("GET", `v1/documents?limit=${PAGE}&offset=${offset}`);
  const known = new Set(records.map((record) => record.id));
  records = offset ? [...records, ...page.documents.filter((record) => !known.has(record.id))] : page.documents;
  total = page.total;
  draw();
  drawFilters();
  changed(total);
}

function draw() {
  byId("count").textContent = number(total);
  byId("count").hidden = false;
  byId("documents-title").textContent = total ? plural(total, "document") : "Documents";
  byId("documents-empty").hidden = total > 0;
  byId("documents-more").hidden = records.length >= total;
  byId("documents-list").replaceChildren(...records.map(row));
}

function row(record) {
  const title = record.title || record.uri;
  const facts = [plural(record.passages, "passage"), `${number(record.characters)} characters`];
  if (record.date) facts.push(record.date);
  if (record.collection && record.collection !== "default") facts.push(record.collection);
  facts.push(...(record.tags ?? []));
  const only = el("input", { type: "checkbox", "aria-label": `Ask only ${title}`, onchange: () => restrict(record, only.checked) });
  only.checked = chosen.has(record.id);
  return el("li", { "data-id": record.id },
    el("label", { class: "only", title: "Ask only this" }, only),
    el("div", { class: "grow" },
      el("button", { type: "button", class: "link", onclick: () => { byId("documents").close(); show({ document: record }, { focus: true }); } }, name(title)),
      el("p", { class: "muted small" }, name(record.uri)),
      unreadLine(record.unread) && el("p", { class: "muted small" }, unreadLine(record.unread)),
      el("p", { class: "muted small" }, ...facts.flatMap((fact, index) => (index ? [" · ", name(fact)] : [name(fact)])))),
    el("button", { type: "button", class: "quiet small remove", "aria-label": `Remove ${title}`, onclick: () => remove(record) }, "Remove"));
}

function restrict(record, on) {
  if (on) chosen.set(record.id, record.title || record.uri);
  else chosen.delete(record.id);
  drawFilters();
}

/** What questions are restricted to; collections and tags are offered where the documents have several. */
function drawFilters() {
  const box = byId("filters");
  const parts = [];
  const collections = new Set(records.map((record) => record.collection).filter(Boolean));
  const tags = new Set(records.flatMap((record) => record.tags ?? []));
  if (collections.size > 1) parts.push(select("collections", "Collection", collections));
  if (tags.size) parts.push(select("tags", "Tag", tags));
  for (const [id, title] of chosen) {
    parts.push(el("button", { type: "button", class: "chip", "aria-label": `Stop asking only ${title}`, onclick: () => { chosen.delete(id); drawFilters(); draw(); byId("question").focus(); } },
      name(title), el("span", { "aria-hidden": "true" }, " ×")));
  }
  if (chosen.size) parts.unshift(el("span", { class: "muted" }, "Only:"));
  box.replaceChildren(...parts);
  box.hidden = parts.length === 0;
}

function select(field, label, values) {
  const options = [...values].sort().map((value) => el("option", { value }, value));
  const control = el("select", { "aria-label": label, onchange: () => (filters[field] = control.value) }, el("option", { value: "" }, `${label}: all`), ...options);
  control.value = filters[field];
  return control;
}

async function remove(record) {
  if (!(await confirmed(record))) return;
  const button = byId("documents-list").querySelector(`[data-id="${CSS.escape(record.id)}"] .remove`);
  button?.setAttribute("disabled", "");
  try {
    await call("DELETE", `v1/documents/${encodeURIComponent(record.id)}`);
  } catch (error) {
    if (!(error instanceof Problem && error.status === 404)) {
      button?.removeAttribute("disabled");
      announce(error.message);
      upload({ label: record.title, state: error.message, bad: true });
      return;
    }
  }
  const at = records.findIndex((other) => other.id === record.id);
  records = records.filter((other) => other.id !== record.id);
  total = Math.max(0, total - 1);
  chosen.delete(record.id);
  forget(record.id);
  draw();
  drawFilters();
  changed(total);
  announce(`Removed ${record.title}. It cannot answer any more.`);
  const next = byId("documents-list").children[Math.min(at, records.length - 1)];
  (next?.querySelector(".remove") ?? byId("choose")).focus();
}

function confirmed(record) {
  const dialog = byId("confirm");
  byId("confirm-text").replaceChildren(name(record.title || record.uri), " will be taken out of this store with its passages. It cannot answer any more, and citations of it no longer hold. The file it came from stays where it is.");
  return new Promise((resolve) => {
    const yes = () => dialog.close("yes");
    const no = () => dialog.close("no");
    byId("confirm-yes").addEventListener("click", yes);
    byId("confirm-no").addEventListener("click", no);
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => {
      byId("confirm-yes").removeEventListener("click", yes);
      byId("confirm-no").removeEventListener("click", no);
      resolve(dialog.returnValue === "yes");
    }, { once: true });
    dialog.showModal();
    byId("confirm-no").focus();
  });
}

// --- Adding

const queue = [];
let working = false;

/** Add files one after the other: the store writes one at a time anyway. */
export async function add(entries) {
  open();
  if (entries.length > MAX_FILES) announce(`Only the first ${MAX_FILES} files are added.`);
  for (const { file, path } of entries.slice(0, MAX_FILES)) queue.push({ file, path, line: upload({ label: path, state: "waiting" }) });
  if (working) return;
  working = true;
  let added = 0;
  let refused = 0;
  while (queue.length) {
    if (await addOne(queue.shift())) added += 1;
    else refused += 1;
  }
  working = false;
  announce(`${plural(added, "file")} added${refused ? `, ${refused} refused` : ""}.`);
  await load(0).catch((error) => announce(error.message));
}

/** A line about a file, with what to call as it goes on. */
function upload({ label, state, bad = false }) {
  const words = el("span", { class: "muted small state" }, state);
  const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${label}` });
  const stop = el("button", { type: "button", class: "quiet small", "aria-label": `Stop ${label}` }, "Stop");
  const line = el("li", {}, el("span", { class: "grow" }, name(label)), bar, words, stop);
  const end = (text, wrong) => {
    words.textContent = text;
    line.classList.toggle("bad", Boolean(wrong));
    bar.remove();
    stop.textContent = "Dismiss";
    stop.setAttribute("aria-label", `Dismiss ${label}`);
    stop.onclick = () => line.remove();
  };
  if (bad) end(state, true);
  byId("uploads").append(line);
  return { words, bar, stop, end };
}

async function addOne({ file, path, line }) {
  const { words, bar, stop, end } = line;
  const stopping = new AbortController();
  stop.onclick = () => stopping.abort();
  const progress = (share) => {
    bar.value = share;
    words.textContent = share < 1 ? percent(share) : "indexing…";
    // Without a value the bar says that it is at work, and not how far.
    if (share >= 1) bar.removeAttribute("value");
  };
  const type = TYPES[path.split(".").pop().toLowerCase()] ?? file.type ?? "text/plain";
  const uri = `upload:${path.split("/").map(encodeURIComponent).join("/")}`;
  try {
    const record = await patiently(() => send(`v1/documents?uri=${encodeURIComponent(uri)}`, file, type || "text/plain", { progress, signal: stopping.signal }), words, stopping.signal);
    const unread = unreadLine(record.unread);
    end(`added, ${plural(record.passages, "passage")}${unread && `. ${unread}`}`);
    forget(record.id);
    return true;
  } catch (error) {
    end(error.name === "AbortError" ? "stopped" : error.message, true);
    return false;
  }
}

/** Try again while the server says that it is starting or busy. */
async function patiently(work, words, signal) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem) || !["busy", "starting", "too-many-requests"].includes(error.kind) || tries >= 60) throw error;
      words.textContent = error.kind === "starting" ? "waiting for the models…" : "waiting for its turn…";
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfter));
      signal.throwIfAborted();
    }
  }
}

function watchDrops() {
  let inside = 0;
  const veil = byId("dropping");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    inside += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    inside -= 1;
    if (inside <= 0) veil.hidden = true;
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside = 0;
    veil.hidden = true;
    // The list of items is emptied as soon as this handler yields.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
    const files = [];
    for (const entry of entries) await walk(entry, files);
    if (files.length) add(files);
  });
}

async function walk(entry, files) {
  if (files.length > MAX_FILES) return;
  if (entry instanceof File) files.push({ file: entry, path: entry.name });
  else if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    if (file) files.push({ file, path: entry.fullPath.replace(/^\//, "") });
  } else {
    const reader = entry.createReader();
    for (;;) {
      // A folder is listed a hundred entries at a time.
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
      if (!some.length) break;
      for (const inner of some) await walk(inner, files);
    }
  }
}
