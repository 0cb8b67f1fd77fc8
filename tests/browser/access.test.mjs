// Everybody can read the pages, and they come soon: axe-core, weight and first paint.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { axe, launch, threadId, visit } from "./words.mjs";

const MOST_BYTES = 1_000_000;
const MOST_MS = 1000;
const script = readFileSync(axe, "utf8");
let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

const where = { list: "/", transcript: `/thread/${threadId(1)}`, search: "/search?q=stove", family: `/thread/${threadId(1)}/family`, trouble: "/nowhere" };
for (const colorScheme of ["light", "dark"]) {
  for (const [device, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } })) {
    test(`axe finds nothing serious: ${colorScheme}, ${device}`, async () => {
      const site = await visit(browser, "small", { colorScheme, viewport, bypassCSP: true }, "--allow-changes");
      try {
        for (const address of Object.values(where)) {
          await site.page.goto(site.base + address);
          await site.page.evaluate(script);
          const found = await site.page.evaluate(() => window.axe.run());
          const serious = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
          assert.deepEqual(serious.map((one) => [address, one.id, one.nodes.map((node) => node.html)]), []);
          assert.ok(found.passes.length > 10);
        }
      } finally {
        await site.close();
      }
    });
  }
}

test("a page of a thread of 1,000 turns is light and comes soon", async (told) => {
  const site = await visit(browser, "long");
  try {
    await site.page.goto(`${site.base}${where.transcript}`);
    const times = [];
    for (let count = 0; count < 5; count++) {
      await site.page.goto("about:blank");
      await site.page.goto(`${site.base}${where.transcript}`);
      times.push(await site.page.evaluate(() => new Promise((resolve) => {
        const paint = performance.getEntriesByName("first-contentful-paint")[0];
        if (paint) resolve(paint.startTime);
        else new PerformanceObserver((list) => resolve(list.getEntries()[0].startTime)).observe({ type: "paint", buffered: true });
      })));
    }
    const html = Buffer.byteLength(await (await site.context.request.get(`${site.base}${where.transcript}`)).body());
    const parts = await Promise.all(["page.css", "app.css", "app.js"].map(async (name) => (await (await site.context.request.get(`${site.base}/static/${name}`)).body()).length));
    const weight = html + parts.reduce((sum, part) => sum + part, 0);
    const [quickest, , median] = times.sort((one, other) => one - other);  // the others tell how busy the machine is
    told.diagnostic(`weight ${weight} bytes, first paint ${quickest.toFixed(0)} ms, median of 5 ${median.toFixed(0)} ms`);
    assert.ok(weight <= MOST_BYTES, `${weight} bytes`);
    assert.ok(quickest <= MOST_MS, `${quickest} ms`);
  } finally {
    await site.close();
  }
});
