// What pages of the console gain where scripts run; without them everything works as well.

// Copies the text of an element.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  await navigator.clipboard.writeText(text);
  button.textContent = "Copied";
});

// Chooses all rows of a page, or none.
document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  if (!name) return;
  for (const box of document.getElementsByName(name)) box.checked = event.target.checked;
});

// Brings a page up to date while nobody is at work in it.
const isAtWork = (main) =>
  document.hidden ||
  main.querySelector("details[open], :checked:not(option)") !== null ||
  (main.contains(document.activeElement) && document.activeElement !== main);

const renew = async (main) => {
  if (isAtWork(main)) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
  if (!answer.ok || isAtWork(main)) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  if (!next) return;
  // What has come to its end needs no more looking after.
  if (!next.dataset.live) clearInterval(timer);
  if (next.innerHTML !== main.innerHTML) main.replaceChildren(...next.childNodes);
};

const main = document.querySelector("main[data-live]");
const timer = main && setInterval(() => renew(main).catch(() => {}), Number(main.dataset.live) * 1000);
