// Draw the pages in docs/screenshots: desktop and phone, light and dark. With SCREENSHOTS=folder, all of them go there.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { folder, home, launch, run, threadId, visit } from "../tests/browser/words.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const all = process.env.SCREENSHOTS;
const into = all || join(root, "docs/screenshots");
const devices = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true },
};
const real = "019c511c-1d60-78d0-a6ea-737149623796";
const pages = [
  ["list", "many", "/"],
  ["thread", "long", `/thread/${threadId(1)}`],
  ["turn", "long", `/thread/${threadId(1)}?turn=14#turn-14`],
  ["search", "small", "/search?q=question"],
  ["real-0.100", "small", `/thread/${real}`],
  ["real-0.169", "small", "/thread/01a09f6f-1be4-7a93-8315-da04abfa60f7"],
  ["lineage", "small", "/thread/01a09f6f-1be4-7a93-8315-da04abfa60f7/family"],
  ["damage", "damaged", `/thread/${threadId(1)}`],
  ["empty", "empty", "/"],
];
const kept = new Set(["web-list-desktop-light", "web-thread-desktop-dark", "web-turn-phone-light", "web-search-desktop-light", "web-lineage-desktop-light"]);

mkdirSync(into, { recursive: true });
execFileSync(process.env.PYTHON || join(root, ".venv/bin/python"), [join(root, "tests/browser/homes.py"), join(folder, "homes"), "many"]);
const exported = join(folder, "exported.html");
run("--home", home("long"), "export", threadId(1), "-o", exported);
const browser = await launch();
const draw = async (page, name) => {
  if (!all && !kept.has(name)) return;
  await page.waitForTimeout(1200);
  const path = join(into, `${name}.png`);
  await page.screenshot({ path });
  console.log(`-- ${path}`);
};
for (const [device, options] of Object.entries(devices)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, threads, address] of pages) {
      const title = `web-${name}-${device}-${colorScheme}`;
      if (!all && !kept.has(title)) continue;
      const site = await visit(browser, threads, { ...options, colorScheme });
      await site.page.goto(site.base + address);
      await draw(site.page, title);
      await site.close();
    }
    const context = await browser.newContext({ ...options, colorScheme });
    const page = await context.newPage();
    await page.goto(`${pathToFileURL(exported).href}#turn-14`);
    await draw(page, `export-${device}-${colorScheme}`);
    await context.close();
  }
}
await browser.close();
