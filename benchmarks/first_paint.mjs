// Of each page: what it weighs as far as it is there, and when something of it is seen. first_paint.mjs [--enter LINK] ROUNDS URL…; JSON on standard output.
import { createRequire } from "node:module";

const { chromium } = createRequire(`${process.env.BROWSER_MODULES}/`)("playwright-core");
const words = process.argv.slice(2);
const link = words[0] === "--enter" ? words.splice(0, 2)[1] : "";
const [rounds, ...pages] = words;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
if (link) await page.goto(link);
const found = {};
for (const url of pages) {
  const times = [];
  for (let round = 0; round < Number(rounds); round++) {
    await page.goto("about:blank");
    await page.goto(url, { waitUntil: "commit", timeout: 120_000 });
    times.push(await page.evaluate(() => new Promise((resolve) => {
      const paint = performance.getEntriesByName("first-contentful-paint")[0];
      if (paint) resolve(paint.startTime);
      else new PerformanceObserver((list) => resolve(list.getEntries()[0].startTime)).observe({ type: "paint", buffered: true });
    })));
  }
  if (url.startsWith("http")) await page.waitForLoadState("load");
  const bytes = await page.evaluate(() => performance.getEntries()
    .filter((entry) => entry.entryType === "navigation" || entry.entryType === "resource")
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0));
  found[url] = { bytes, paint: times.sort((one, other) => one - other)[Math.floor(times.length / 2)] / 1000, quickest: times[0] / 1000 };
}
console.log(JSON.stringify(found));
await browser.close();
