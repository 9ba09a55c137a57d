// Keeps the page alive: the server renders everything, this fetches what changed and puts it in place.

const REFRESH_MS = 1_000;
const MAX_ROWS = 200;

/** Makes `current` look like `wanted`, touching only what differs, so that selections, scroll and transitions survive. */
function morph(current, wanted) {
  if (current.nodeName !== wanted.nodeName) {
    current.replaceWith(wanted);
    return;
  }
  if (current.nodeType !== Node.ELEMENT_NODE) {
    if (current.nodeValue !== wanted.nodeValue) current.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...current.attributes])
    if (!wanted.hasAttribute(name)) current.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
  const now = [...current.childNodes];
  const next = [...wanted.childNodes];
  next.forEach((child, i) => {
    if (i < now.length) morph(now[i], child);
    else current.append(child);
  });
  for (const child of now.slice(next.length)) child.remove();
}

function parsed(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content.firstElementChild;
}

const live = document.getElementById("live");
const cluster = new URLSearchParams(location.search).get("cluster");
const LIVE = `/?${new URLSearchParams(cluster ? { part: "live", cluster } : { part: "live" })}`;

async function refresh() {
  try {
    if (!document.hidden) {
      const response = await fetch(LIVE, { headers: { accept: "text/html" } });
      if (response.ok) morph(live, parsed(await response.text()));
    }
  } catch {
    const state = live.querySelector(".chip");
    state.className = "chip bad";
    state.textContent = "no answer";
  }
  setTimeout(refresh, REFRESH_MS);
}

function follow() {
  const rows = document.getElementById("decisions");
  const pause = document.getElementById("pause");
  let paused = false;
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
  });
  const filter = document.getElementById("filter");
  document.getElementById("apply").hidden = true;
  filter.addEventListener("change", () => filter.submit());
  const query = new URLSearchParams(location.search);
  query.set("follow", "1");
  query.set("format", "rows");
  new EventSource(`/decisions?${query}`).addEventListener("message", ({ data }) => {
    if (paused) return;
    const row = parsed(data);
    row.classList.add("new");
    document.getElementById("no-decisions")?.remove();
    // A reader who scrolled down keeps the place.
    const height = rows.scrollHeight;
    rows.prepend(row);
    if (rows.scrollTop > 0) rows.scrollTop += rows.scrollHeight - height;
    while (rows.children.length > MAX_ROWS) rows.lastElementChild.remove();
  });
}

/** Opens a link or a form's answer beside the page instead of in its place. */
async function openPanel(address) {
  const separator = address.includes("?") ? "&" : "?";
  const response = await fetch(`${address}${separator}part=1`, { headers: { accept: "text/html" } });
  const text = await response.text();
  const body = document.getElementById("panel-body");
  if (response.ok) body.innerHTML = text;
  else body.textContent = JSON.parse(text).error;
  const panel = document.getElementById("panel");
  if (!panel.open) panel.showModal();
}

if (live) {
  refresh();
  follow();
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-panel]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openPanel(link.getAttribute("href"));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-panel]");
    if (!form) return;
    event.preventDefault();
    openPanel(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
  });
  document.getElementById("panel").addEventListener("click", (event) => {
    if (event.target === event.currentTarget) event.currentTarget.close();
  });
}
