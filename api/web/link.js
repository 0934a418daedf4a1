// Links to a citation. The whole citation travels in the fragment, which browsers do not send to any server; opening
// the link checks it against the document as it is then.

import { call } from "./api.js";
import { slice } from "./text.js";
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
    const renamed = verdict.problems.every((problem) => /^(title|uri|date):/.test(problem));
    return { state: renamed ? "renamed" : "false", problems: verdict.problems, now: renamed ? citation : null };
  }
  const { state, start, end } = verdict.anchor;
  if (start === null) return { state, problems: verdict.problems, now: null };
  const { text, sha256 } = await documentText(citation.document.id);
  // An edit between the verdict and the text: what the verdict says is no longer known to be so.
  if (slice(text, start, end) !== citation.quote) {
    return { state: "ambiguous", problems: verdict.problems, now: null };
  }
  const now = { document: { ...citation.document, sha256 }, start, end, quote: citation.quote };
  return { state: state === "unchanged" ? "kept" : "moved", problems: verdict.problems, now };
}
