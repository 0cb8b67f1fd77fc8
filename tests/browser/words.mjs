// What the browser tests share: homes in a folder of their own, servers over them, and a browser that tells all it is asked for.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = createRequire(`${process.env.BROWSER_MODULES}/`);
export const { chromium } = modules("playwright-core");
export const axe = modules.resolve("axe-core/axe.min.js");

const here = fileURLToPath(new URL(".", import.meta.url));
export const python = process.env.PYTHON || join(here, "../../.venv/bin/python");
export const folder = mkdtempSync(join(tmpdir(), "rollout-browser-"));
const environment = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

export const home = (name) => join(folder, "homes", name);
execFileSync(python, [join(here, "homes.py"), join(folder, "homes")], { env: environment });

// As rollout.testing.builders makes them.
export const threadId = (number) => {
  const time = (1_770_534_303_041 + number * 1000).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, "0")}`;
};

export const run = (...words) => execFileSync(python, ["-m", "rollout", ...words], { env: environment });

// One server; `link` is that of its first browser, `next` waits for another one.
export const serve = async (name, ...options) => {
  const child = spawn(python, ["-m", "rollout", "serve", "--home", home(name), ...options], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const links = [];
  const waiting = [];
  let text = "";
  child.stdout.on("data", (data) => {
    text += data;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n")) {
      links.push(text.slice(0, at));
      text = text.slice(at + 1);
    }
    while (links.length && waiting.length) waiting.shift()(links.shift());
  });
  const next = () => (links.length ? Promise.resolve(links.shift()) : new Promise((resolve) => waiting.push(resolve)));
  const ended = new Promise((resolve) => child.on("exit", (status, signal) => resolve({ status, signal })));
  const stop = () => { child.kill("SIGINT"); return ended; };
  const base = async (link) => new URL(link).origin;
  return { next, stop, base, pid: child.pid };
};

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// A page that keeps what it asked for elsewhere, what ran that should not, and what the policy had to stop.
export const watched = async (browser, own, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const told = { elsewhere: [], dialogs: [], errors: [], stopped: [] };
  page.on("request", (request) => { if (!own(request.url())) told.elsewhere.push(request.url()); });
  page.on("dialog", (dialog) => { told.dialogs.push(dialog.message()); dialog.dismiss(); });
  page.on("pageerror", (error) => told.errors.push(String(error)));
  await page.exposeFunction("tellStopped", (what) => told.stopped.push(what));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => window.tellStopped(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  return { context, page, told };
};

export const nothing = { elsewhere: [], dialogs: [], errors: [], stopped: [] };

// A browser that has entered a new server over a home.
export const visit = async (browser, name, options = {}, ...words) => {
  const server = await serve(name, ...words);
  const link = await server.next();
  const base = new URL(link).origin;
  const seen = await watched(browser, (url) => url.startsWith(`${base}/`), options);
  await seen.page.goto(link);
  return { ...seen, server, base, close: async () => { await seen.context.close(); return server.stop(); } };
};
