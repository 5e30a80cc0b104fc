// Pages that move: when the server tells of a job, the page is asked for again, and those of
// its parts that differ are put in place of the old ones. Without this script nothing is
// missing but the moving.
"use strict";

const PAUSE_MS = 700;
const body = document.body;
const connection = document.getElementById("connection");

let due = false;
let asking = false;

async function refresh() {
  if (asking) { due = true; return; }
  asking = true;
  due = false;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The stream says when the server is back.
  }
  setTimeout(() => { asking = false; if (due) refresh(); }, PAUSE_MS);
}

function put(fresh) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (other) merge(part, other);
  }
}

// Only what differs is touched, so that focus and what is selected stay where they are.
function merge(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const same = old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && old.id === fresh.id;
  if (!same || old.nodeType !== Node.ELEMENT_NODE) { old.replaceWith(fresh.cloneNode(true)); return; }
  // What its reader has opened stays open.
  for (const { name } of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((child, at) => (at < before.length ? merge(before[at], child) : old.append(child.cloneNode(true))));
  before.slice(after.length).forEach((child) => child.remove());
}

if (body.hasAttribute("data-live")) {
  const events = new EventSource(body.dataset.events);
  events.addEventListener("job", refresh);
  events.addEventListener("open", () => { connection.textContent = ""; refresh(); });
  events.addEventListener("error", () => { connection.textContent = "Not connected; trying again."; });
  addEventListener("pagehide", () => events.close());
}
