// The HTTP API. Addresses are relative, so that the page works below any path of a proxy.

import { byId } from "./dom.js";

const KEY = "spanqa-key";

/** A refusal of the server: RFC 9457 problem details where it sent them. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body?.detail || body?.title || `the server answered ${status}`);
    this.status = status;
    this.kind = String(body?.type ?? "").split(":").pop();
    this.retryAfter = Number(retryAfter) || 2;
  }
}

/** The server could not be reached at all. */
export class Unreachable extends Error {}

function authorization() {
  const key = sessionStorage.getItem(KEY);
  return key ? { authorization: `Bearer ${key}` } : {};
}

/** JSON of a request, null where there is no body. Asks for a key where the server wants one. */
export async function call(method, path, body, { signal } = {}) {
  for (;;) {
    const headers = { accept: "application/json", ...authorization() };
    if (body !== undefined) headers["content-type"] = "application/json";
    let response;
    try {
      response = await fetch(path, {
        method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-cache",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Unreachable("the server cannot be reached; is it still running?");
    }
    if (response.status === 401 && (await askForKey())) continue;
    return read(response.status, await response.text(), response.headers.get("retry-after"));
  }
}

/** Send a file, telling the share sent; the result as of `call`. */
export async function send(path, file, type, { progress, signal } = {}) {
  for (;;) {
    const { status, text, retryAfter } = await transmit(path, file, type, progress, signal);
    if (status === 401 && (await askForKey())) continue;
    return read(status, text, retryAfter);
  }
}

// fetch cannot tell how much of a body has been sent.
function transmit(path, file, type, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("content-type", type);
    for (const [header, value] of Object.entries(authorization())) request.setRequestHeader(header, value);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && progress?.(event.loaded / event.total));
    request.addEventListener("load", () =>
      resolve({ status: request.status, text: request.responseText, retryAfter: request.getResponseHeader("retry-after") }),
    );
    request.addEventListener("error", () => reject(new Unreachable("the connection broke; the file was not stored")));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function read(status, text, retryAfter) {
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // A proxy's page, say: the status is all there is to tell.
  }
  if (status < 200 || status >= 300) throw new Problem(status, body, retryAfter);
  return body;
}

let asking = null;

/** Whether somebody gave a key. Requests that fail at the same time share one question. */
function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = byId("key");
    const field = byId("key-value");
    const form = byId("key-form");
    if (sessionStorage.getItem(KEY)) byId("key-why").textContent = "The key was refused: it may be mistyped or revoked.";
    sessionStorage.removeItem(KEY);
    const submit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, field.value.trim());
      dialog.close();
    };
    const refuse = () => dialog.close();
    form.addEventListener("submit", submit);
    byId("key-no").addEventListener("click", refuse);
    dialog.addEventListener(
      "close",
      () => {
        form.removeEventListener("submit", submit);
        byId("key-no").removeEventListener("click", refuse);
        field.value = "";
        asking = null;
        resolve(Boolean(sessionStorage.getItem(KEY)));
      },
      { once: true },
    );
    dialog.showModal();
    field.focus();
  });
  return asking;
}
