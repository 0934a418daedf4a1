// "Copy as": a citation in the forms that people and programs paste.

import { call } from "./api.js";
import { announce, el } from "./dom.js";
import { linkTo } from "./link.js";

const FORMS = [
  ["plain", "Plain text"],
  ["markdown", "Markdown"],
  ["annotation", "Web Annotation (JSON-LD)"],
  ["text_fragment", "Link into the web page"],
];

/** A menu that copies a citation. */
export function copyMenu(citation) {
  const items = el("div", { class: "menu", role: "group", "aria-label": "Copy as" });
  const menu = el("details", { class: "copy" }, el("summary", { class: "quiet small" }, "Copy as"), items);
  const choice = (label, make) =>
    el("button", { type: "button", class: "quiet small", onclick: () => take(menu, label, make) }, label);
  // There from the start: Tab pressed right after opening must find something in the menu.
  items.append(choice("Link to this citation", () => linkTo(citation)));
  const complaint = el("p", { class: "muted" });
  let formats = null;
  menu.addEventListener("toggle", async () => {
    if (!menu.open || formats) return;
    try {
      formats = await call("POST", "v1/citations/format", citation);
    } catch (error) {
      complaint.textContent = error.message;
      items.append(complaint);
      return;
    }
    complaint.remove();
    for (const [form, label] of FORMS) if (formats[form]) items.append(choice(label, () => asText(formats[form])));
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  return menu;
}

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

async function take(menu, label, make) {
  const text = await make();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers give no clipboard to pages over plain HTTP from another machine.
    showInstead(menu, text);
    return;
  }
  menu.open = false;
  const summary = menu.querySelector("summary");
  summary.focus();
  summary.textContent = "Copied";
  setTimeout(() => (summary.textContent = "Copy as"), 2_000);
  announce(`Copied: ${label}`);
}

function showInstead(menu, text) {
  const area = el("textarea", { rows: 4, readonly: true, "aria-label": "The citation, to copy by hand" });
  area.value = text;
  menu.querySelector(".menu").replaceChildren(area);
  area.focus();
  area.select();
}
