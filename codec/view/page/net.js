// What is asked of the server. Addresses are relative: the token is part of the page's own.

/** What the server says went wrong, as a sentence; `ask` where it wants a yes first. */
export class Told extends Error {
  constructor(said, ask = "", status = 0) {
    super(said);
    this.ask = ask;
    this.status = status;
  }
}

function address(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return "api/" + path + (given.length ? "?" + new URLSearchParams(given) : "");
}

async function asked(path, query, options) {
  let answer;
  try {
    answer = await fetch(address(path, query), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Told("The server has ended: start rawinlay view again.");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 409 && told.ask) throw new Told(told.said || "", told.ask, 409);
  throw new Told(sentence(told.said || (answer.status === 403 ? "This is not for this page" : "That failed")), "", answer.status);
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** JSON of a GET. */
export const get = async (path, query = {}, signal) => (await asked(path, query, { signal })).json();

/** JSON of a POST. */
export const post = async (path, body) =>
  (await asked(path, {}, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } })).json();

/** Bytes of a GET. */
export const bytes = async (path, query = {}, signal) => (await asked(path, query, { signal })).arrayBuffer();

/** A part of a photograph: { kind: "half" or "bytes", width, height, data, box: { x, y, w, h }, headers }. */
export async function part(query, signal) {
  const answer = await asked("view", query, { signal });
  const [x, y, w, h] = answer.headers.get("X-Box").split(" ").map(Number);
  const [width, height] = answer.headers.get("X-Size").split(" ").map(Number);
  const kind = answer.headers.get("X-Pixels");
  const buffer = await answer.arrayBuffer();
  const data = kind === "half" ? new Uint16Array(buffer) : new Uint8Array(buffer);
  return { kind, width, height, data, box: { x, y, w, h }, headers: answer.headers };
}

/** The address of a thumbnail; it changes when the file does. */
export const thumb = (file, size) => address("thumb", { name: file.name, size, changed: file.changed });
