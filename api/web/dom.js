// Building the page. Text is data: it only ever becomes text nodes and attribute values of fixed names.

export const byId = (id) => document.getElementById(id);

/** An element with properties (`class`, `on*` handlers, anything else an attribute) and children (nodes or text). */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A name or address of somebody else's making: isolated, so that it cannot turn the direction of what follows. */
export const name = (text, properties = {}) => el("bdi", properties, printable(text));

/** Without control and direction characters, which could make a name look like another. */
export const printable = (text) =>
  String(text).replace(/\s+/gu, " ").replace(/[\p{Cc}\p{Cs}\p{Co}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, "\ufffd");

/** Say something to those who do not see the page change. */
export function announce(text) {
  const region = byId("announce");
  region.textContent = "";
  // A new text node after a pause is read even where the words are the same as before.
  setTimeout(() => (region.textContent = text), 60);
}

export const number = (value) => value.toLocaleString("en");
export const percent = (share) => `${Math.round(100 * share)} %`;
/** A confidence: what is only likely is never called certain. */
export const likely = (share) => percent(Math.min(share, 0.99));
export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
