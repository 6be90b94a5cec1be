"use strict";

const PERIOD = 5000;
const filter = document.getElementById("filter");
const stale = document.getElementById("stale");
let refreshedAt = new Date();

function applyFilter(root) {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of root.querySelectorAll(".target")) {
    row.hidden = !words.every((word) => row.dataset.text.includes(word));
  }
  for (const card of root.querySelectorAll(".card")) {
    card.hidden = !card.querySelector(".target:not([hidden])");
  }
}

function readHash() {
  try {
    filter.value = decodeURIComponent(location.hash.slice(1));
  } catch {
    filter.value = "";
  }
  applyFilter(document);
}

function writeHash() {
  const hash = filter.value ? "#" + encodeURIComponent(filter.value) : "";
  history.replaceState(null, "", location.pathname + location.search + hash);
  applyFilter(document);
}

function replaceMain(page) {
  const main = document.querySelector("main");
  const fresh = page.querySelector("main");
  for (const row of main.querySelectorAll("details[open]")) {
    const twin = page.getElementById(row.id);
    if (twin) twin.open = true;
  }
  applyFilter(fresh);
  const focused = main.contains(document.activeElement)
    ? document.activeElement.closest("details")
    : null;
  const [left, top] = [scrollX, scrollY];
  main.replaceWith(document.adoptNode(fresh));
  scrollTo(left, top);
  if (focused) {
    document.getElementById(focused.id)?.querySelector("summary").focus({ preventScroll: true });
  }
  document.title = page.title;
  document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
}

async function refresh() {
  if (document.hidden || !getSelection().isCollapsed) return;
  try {
    const answer = await fetch(location.pathname, {
      cache: "no-store",
      signal: AbortSignal.timeout(2 * PERIOD),
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    replaceMain(new DOMParser().parseFromString(await answer.text(), "text/html"));
    refreshedAt = new Date();
    stale.hidden = true;
  } catch (error) {
    const time = refreshedAt.toISOString().slice(11, 19);
    stale.textContent = `The exporter does not answer. This is its state of ${time} UTC. (${error.message})`;
    stale.hidden = false;
  }
}

async function keepRefreshing() {
  await refresh();
  setTimeout(keepRefreshing, PERIOD);
}

filter.addEventListener("input", writeHash);
addEventListener("hashchange", readHash);
document.addEventListener("visibilitychange", refresh);
readHash();
setTimeout(keepRefreshing, PERIOD);
