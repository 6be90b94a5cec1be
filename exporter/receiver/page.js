document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-analysis]");
  if (!button) return;
  const answer = await fetch(`api/v1/analyses/${button.dataset.analysis}/feedback`, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({useful: button.value === "true"}),
  });
  if (!answer.ok) return;
  for (const other of button.parentElement.children)
    other.setAttribute("aria-pressed", String(other === button));
});

// What somebody reads or has opened stays in place; otherwise the page keeps itself up to date.
setInterval(() => {
  if (!document.hidden && !document.querySelector("details[open]") && !location.hash)
    location.reload();
}, 15000);
