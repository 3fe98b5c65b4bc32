"use strict";
const enliven = () => document.querySelectorAll(".copy").forEach((button) => { button.hidden = false; });
const show = async (item, answer) => {
  const output = item.querySelector("output");
  output.hidden = false;
  output.textContent = "…";
  try {
    const response = await answer;
    output.textContent = `${response.status} ${response.statusText}\n${await response.text()}`;
  } catch (error) {
    output.textContent = `no answer: ${error.message}`;
  }
};
document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]"), link = event.target.closest("[data-try]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.textContent = "Copied";
  } else if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    show(link.closest("li"), fetch(link.href));
  }
});
document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  if (form.id === "again") {
    const button = form.querySelector("button");
    button.disabled = true;
    await fetch("/", { method: "POST" }).then(refresh).finally(() => { button.disabled = false; });
    return;
  }
  const headers = { "Content-Type": "application/json" };
  show(form.closest("li"), fetch(form.dataset.url, { method: "POST", headers, body: form.elements.body.value }));
});
const countDown = () => document.querySelectorAll(".next").forEach((time) => {
  const left = Math.max(0, Math.round((Date.parse(time.dateTime) - Date.now()) / 1000));
  const parts = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
  const units = ["d", "h", "min", "s"], first = parts.findIndex((part, index) => part || index === 3);
  time.title = time.dateTime;
  time.textContent = `in ${parts.slice(first, first + 2).map((part, index) => `${part} ${units[first + index]}`).join(" ")}`;
});
const refresh = async () => {
  if (document.hidden) return;
  const response = await fetch("/?live").catch(() => null);
  if (!response || !response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  document.querySelectorAll("[data-live]").forEach((part) => {
    const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (other && part.dataset.seen !== other.innerHTML && !part.contains(document.activeElement)) {
      part.replaceChildren(...other.cloneNode(true).childNodes);
      part.dataset.seen = other.innerHTML;
    }
  });
  enliven();
  countDown();
};
document.querySelectorAll("[data-live]").forEach((part) => { part.dataset.seen = part.innerHTML; });
enliven();
countDown();
setInterval(countDown, 1000);
setInterval(refresh, 3000);
