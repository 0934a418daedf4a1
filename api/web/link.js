// Links to a citation. The whole citation travels in the fragment, which browsers do not send to any server; opening
// the link checks it against the document as it is then.

import { call } from "./api.js";
import { occurrences, toPoints } from "./text.js";
import { documentText } from "./viewer.js";

const MAX_BYTES = 200_000;

/** The address of a citation on this server. */
export async function linkTo(citation) {
  const packed = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(JSON.stringify(citation)));
  const base64 = btoa(Array.from(packed, (byte) => String.fromCharCode(byte)).join(""));
  const address = new URL(location.href);
  address.hash = `cite=${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
  return address.href;
}

/** The citation of a link's fragment; raises an Error where it is none. */
export async function citationOf(packed) {
  const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = await through(new DecompressionStream("deflate-raw"), Uint8Array.from(binary, (char) => char.charCodeAt(0)));
  const citation = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (typeof citation?.quote !== "string" || typeof citation.document?.id !== "string") throw new Error("no citation");
  return citation;
}

async function through(transform, bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(transform).getReader();
  const chunks = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    // A few bytes can unpack to gigabytes.
    if (size > MAX_BYTES) throw new Error("too large");
    chunks.push(value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * How a citation stands now: `{state, problems, now}` with state "holds", "renamed", "kept" (another version, same place),
 * "moved", "ambiguous", "gone", "removed" or "false"; `now` is the citation where its words stand in today's version.
 */
export async function check(citation) {
  const verdict = await call("POST", "v1/citations/verify", citation);
  if (verdict.valid) return { state: "holds", problems: [], now: citation };
  const of = (kind) => verdict.problems.some((problem) => problem.startsWith(`${kind}:`));
  if (of("document")) return { state: "removed", problems: verdict.problems };
  if (!of("sha256")) {
    const renamed = verdict.problems.every((problem) => /^(title|uri):/.test(problem));
    return { state: renamed ? "renamed" : "false", problems: verdict.problems, now: renamed ? citation : null };
  }
  const found = find(citation, await documentText(citation.document.id));
  return { problems: verdict.problems, ...found };
}

/** Where the words of a citation stand in another version, by the words around them. */
function find(citation, { text, sha256 }) {
  const quote = citation.selector.find((selector) => selector.type === "TextQuoteSelector");
  const places = occurrences(text, quote.prefix + quote.exact + quote.suffix);
  if (places.length !== 1) {
    // The words alone may stand elsewhere in another sense: that is not for us to call the same place.
    const alone = occurrences(text, quote.exact).length > 0;
    return { state: alone ? "ambiguous" : "gone", now: null };
  }
  const begin = places[0] + quote.prefix.length;
  const start = toPoints(text, begin);
  const end = start + toPoints(quote.exact, quote.exact.length);
  const now = { document: { ...citation.document, sha256 }, start, end, quote: quote.exact };
  return { state: start === citation.start ? "kept" : "moved", now };
}
