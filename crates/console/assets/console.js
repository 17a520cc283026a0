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

// Numbers the lines of a file that is edited, and marks those where something is wrong.
const file = document.querySelector("textarea[data-lines]");
if (file) {
  const numbers = document.createElement("pre");
  numbers.className = "numbers";
  numbers.setAttribute("aria-hidden", "true");
  const frame = document.createElement("div");
  frame.className = "numbered";
  file.replaceWith(frame);
  frame.append(numbers, file);
  const wrong = new Set(file.dataset.lines.split(" "));
  const number = (_, index) => {
    const line = document.createElement("span");
    line.textContent = `${index + 1}\n`;
    line.classList.toggle("wrong", wrong.has(`${index + 1}`));
    return line;
  };
  const follow = () => (numbers.scrollTop = file.scrollTop);
  const draw = () => {
    numbers.replaceChildren(...file.value.split("\n").map(number));
    follow();
  };
  file.addEventListener("input", draw);
  file.addEventListener("scroll", follow);
  draw();
}

// Goes to a line of it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  if (!link || !file) return;
  event.preventDefault();
  const lines = file.value.split("\n");
  const at = Number(link.dataset.line) - 1;
  const start = lines.slice(0, at).join("\n").length + (at > 0 ? 1 : 0);
  file.focus();
  file.setSelectionRange(start, start + (lines[at] ?? "").length);
  file.scrollTop = (at - 3) * (file.scrollHeight / lines.length);
});

// Brings a page up to date while nobody is at work in it.
const isAtWork = (part) =>
  document.hidden ||
  part.querySelector("details[open], :checked:not(option)") !== null ||
  (part.contains(document.activeElement) && document.activeElement !== part);

const put = (part, next) => {
  if (next && !isAtWork(part) && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
};
const parse = (html) => new DOMParser().parseFromString(html, "text/html");

const renew = async (part, selector) => {
  if (isAtWork(part)) return null;
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
  const next = answer.ok ? parse(await answer.text()).querySelector(selector) : null;
  put(part, next);
  return next;
};

const main = document.querySelector("main[data-live]");
const timer =
  main &&
  setInterval(async () => {
    const next = await renew(main, "main").catch(() => null);
    // What has come to its end needs no more looking after.
    if (next && !next.dataset.live) clearInterval(timer);
  }, Number(main.dataset.live) * 1000);

// A part that the server keeps up to date. Who has no place there asks now and then.
const part = document.querySelector("[data-stream]");
if (part) {
  const FALLBACK = 30_000;
  let source = null;
  const close = () => {
    source?.close();
    source = null;
  };
  const follow = () => {
    if (source || document.hidden || !part.dataset.stream) return;
    source = new EventSource(part.dataset.stream);
    source.addEventListener("state", (event) => put(part, parse(event.data).body));
    source.addEventListener("end", () => {
      close();
      part.removeAttribute("data-stream");
    });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      setTimeout(() => renew(part, "[data-stream]").catch(() => null).then(follow), FALLBACK);
    });
  };
  // Nobody is kept up to date who does not look.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : follow()));
  addEventListener("pagehide", close);
  follow();
}
