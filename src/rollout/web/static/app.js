// The keys, the follower and the outline. Pages work without this: every link and form is in the HTML.
"use strict";
(() => {
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  const one = (what) => document.querySelector(what);
  const help = one("dialog.keys");
  let at = -1;

  const stops = () => all("li.row, section.turn");

  const go = (to) => {
    const found = stops();
    if (!found.length) return;
    at = Math.max(0, Math.min(found.length - 1, to));
    all(".at").forEach((old) => old.classList.remove("at"));
    found[at].classList.add("at");
    found[at].scrollIntoView({ block: found[at].matches("li") ? "nearest" : "start" });
    const link = found[at].querySelector("a");
    if (link) link.focus({ preventScroll: true });
  };

  const nearest = () => {
    const found = stops();
    if (at >= 0) return at;
    const visible = found.findIndex((stop) => stop.getBoundingClientRect().bottom > 60);
    return found[0] && found[0].matches("li") ? -1 : (visible < 0 ? found.length : visible) - 1;
  };

  const fold = () => {
    const found = all("main details");
    const open = found.some((details) => !details.open);
    found.forEach((details) => { details.open = open; });
  };

  const keys = {
    j: () => go(nearest() + 1),
    k: () => go(nearest() - 1),
    g: () => { go(0); window.scrollTo(0, 0); },
    G: () => go(stops().length - 1),
    e: fold,
    u: () => { if (location.pathname !== "/") location.assign("/"); },
    "/": () => one(".bar input").focus(),
    "?": () => (help.open ? help.close() : help.showModal()),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const what = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (what && (!help.open || event.key === "?")) {
      event.preventDefault();
      what();
    }
  });

  const button = one("button.help");
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());

  // The server wrote this HTML; what stands in a thread is text in it, and the policy lets nothing run.
  const parsed = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content;
  };

  // A page from the end of a long thread comes before its turns are counted.
  const main = one("main");
  let before = -1;
  const count = () => {
    if (before < 0 || !("uncounted" in main.dataset)) return;
    all("section.turn", main).forEach((section, at) => {
      section.id = `turn-${before + at + 1}`;
      const link = section.querySelector("h2 a");
      link.textContent = `Turn ${before + at + 1}`;
      link.href = `#${section.id}`;
    });
  };

  const outline = one("#outline");
  const refresh = async () => {
    const answer = await fetch(outline.dataset.src);
    if (!answer.ok) return;
    before = Number(answer.headers.get("turns-before") ?? -1);
    count();
    outline.replaceChildren(parsed(await answer.text()));
    if (answer.status === 202) setTimeout(refresh, 1000);
  };
  if (outline && !("ready" in outline.dataset)) setTimeout(refresh, 700);

  // A list stands still under the reader, and says when it is no longer what is there.
  if (main && "live" in main.dataset) {
    const stream = new EventSource(main.dataset.live);
    stream.addEventListener("ready", () => main.classList.add("on"));
    stream.addEventListener("changed", () => {
      stream.close();
      main.querySelector("h1").after(parsed('<p class="note changed" role="status">The threads have changed. <a href="">Show them</a></p>'));
    });
    window.addEventListener("pagehide", () => stream.close());
  }

  const live = one("#live");
  if (live) {
    const stream = new EventSource(live.dataset.src);
    let waiting = 0;
    const add = (into, event) => {
      const below = window.innerHeight + window.scrollY > document.body.scrollHeight - 200;
      into.append(parsed(JSON.parse(event.data)));
      count();
      if (below) window.scrollTo(0, document.body.scrollHeight);
      clearTimeout(waiting);
      waiting = setTimeout(refresh, 1500);
    };
    stream.addEventListener("open", () => {
      live.classList.add("on");
      live.textContent = "The end of the thread; what is written shows here.";
    });
    stream.addEventListener("error", () => live.classList.remove("on"));
    stream.addEventListener("turn", (event) => add(main, event));
    stream.addEventListener("item", (event) => add(main.lastElementChild || main, event));
    stream.addEventListener("gone", () => {
      live.classList.remove("on");
      live.textContent = "The thread went away.";
      stream.close();
    });
    window.addEventListener("pagehide", () => stream.close());
  }
})();
