"use strict";

const PERIOD = 1000;
const form = document.querySelector("#break form");
const problem = document.getElementById("problem");
const stale = document.getElementById("stale");
let refreshedAt = new Date();

async function send(method, query, faults) {
  const answer = await fetch("/faults" + query, { method, body: faults && JSON.stringify(faults) });
  const said = await answer.json();
  problem.textContent = answer.ok ? "" : said.errors.join("; ");
  await refresh();
}

function parameters(text) {
  const pairs = text.split(/[\s,]+/).filter(Boolean).map((pair) => pair.split("="));
  return Object.fromEntries(
    pairs.map(([key, value = ""]) => [key, value === "" || isNaN(value) ? value : Number(value)]),
  );
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { exchange, endpoint, fault, parameters: more, for: seconds } = form.elements;
  const asked = { exchange: exchange.value, fault: fault.value, ...parameters(more.value) };
  if (endpoint.value) asked.endpoint = endpoint.value;
  if (seconds.value) asked.for = Number(seconds.value);
  send("PATCH", "", [asked]).catch(failed);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-end]");
  if (button) send("DELETE", button.dataset.end).catch(failed);
});

function failed(error) {
  const time = refreshedAt.toISOString().slice(11, 19);
  stale.textContent = `The simulator does not answer. This is its state of ${time} UTC. (${error.message})`;
  stale.hidden = false;
}

async function refresh() {
  if (document.hidden || !getSelection().isCollapsed) return;
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5 * PERIOD) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-fresh]")) {
      const focused = old.contains(document.activeElement) && document.activeElement.dataset.end;
      const twin = fresh.getElementById(old.id);
      if (old.innerHTML !== twin.innerHTML) old.innerHTML = twin.innerHTML;
      if (focused) old.querySelector(`[data-end="${CSS.escape(focused)}"]`)?.focus();
    }
    document.title = fresh.title;
    refreshedAt = new Date();
    stale.hidden = true;
  } catch (error) {
    failed(error);
  }
}

async function keepRefreshing() {
  await refresh();
  setTimeout(keepRefreshing, PERIOD);
}

document.addEventListener("visibilitychange", refresh);
setTimeout(keepRefreshing, PERIOD);
