// Renews the channel in place every second. Opened attachments stay open, and a reader who has
// scrolled up stays there. Without this script the page reloads itself.
const opened = () => [...document.querySelectorAll("details[open]")].map((one) => one.id);

const renew = async () => {
  const answer = await fetch(location.href, { cache: "no-store" });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = document.querySelector("main");
  const next = fresh.querySelector("main");
  if (!answer.ok || !next || main.innerHTML === next.innerHTML) return;
  for (const id of opened()) next.querySelector(`details[id="${id}"]`)?.setAttribute("open", "");
  // The list is drawn from its end, so the distance from there is what a reader sees.
  const scrolled = main.scrollTop;
  main.replaceChildren(...next.childNodes);
  main.scrollTop = scrolled;
  document.title = fresh.title;
};

// A server that stops ends the renewal for a moment, not for good.
setInterval(() => renew().catch(() => {}), 1000);

// A reaction is sent, and shown at once.
document.addEventListener("click", async (event) => {
  const path = event.target.closest?.("button[data-react]")?.dataset.react;
  if (!path) return;
  await fetch(encodeURI(path), { method: "POST", headers: { "x-reaction": "1" } });
  await renew();
});
