// Whatever a thread holds: nothing runs, nothing is fetched, nothing turns text around; on the server and in an exported page.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { folder, home, launch, nothing, run, threadId, visit, watched } from "./words.mjs";

const acting = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\u{e0041}/u;
const threads = readdirSync(join(home("hostile"), "sessions"), { recursive: true }).filter((name) => name.endsWith(".jsonl")).length;
let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

const provoke = async (page) => {
  await page.evaluate(() => {
    document.querySelectorAll("details").forEach((details) => { details.open = true; });
    document.querySelectorAll("main *").forEach((thing) => {
      for (const kind of ["mouseover", "focus", "load", "error", "toggle"]) thing.dispatchEvent(new Event(kind, { bubbles: true }));
    });
  });
  const links = await page.locator("main a[href]").evaluateAll((all) => all.map((link) => link.href));
  assert.deepEqual(links.filter((link) => !/^(http:\/\/127\.0\.0\.1:\d+\/|file:)/.test(link)), []);
  assert.deepEqual(links.filter((link) => link.includes("127.0.0.1:9/") && !link.includes("?")), []);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.equal(await page.locator("main script, main iframe, main style, main base, main meta, main link, main object, main form[action^=http]").count(), 0);
};

test("there are attacks", () => { assert.ok(threads > 20); });

test("no thread acts on the server's pages", async () => {
  const site = await visit(browser, "hostile", {}, "--allow-changes");
  try {
    for (let number = 1; number <= threads; number++) {
      await site.page.goto(`${site.base}/thread/${threadId(number)}?full=1`);
      await provoke(site.page);
      assert.ok(!acting.test(await site.page.evaluate(() => document.body.innerText)), `thread ${number}`);
    }
    assert.deepEqual(site.told, nothing);
  } finally {
    await site.close();
  }
});

test("no thread acts in lists and search", async () => {
  const site = await visit(browser, "hostile");
  try {
    for (const where of ["/?state=all&source=all", "/search?q=needle", "/search?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E", "/?text=%22%20onfocus%3D%22window.pwned%3D1%22%20autofocus%3D%22", "/thread/%3Cscript%3Ewindow.pwned=1%3C%2Fscript%3E"]) {
      await site.page.goto(site.base + where);
      await provoke(site.page);
      assert.ok(!acting.test(await site.page.evaluate(() => document.body.innerText)), where);
    }
    assert.deepEqual(site.told, nothing);
  } finally {
    await site.close();
  }
});

test("a line of 50 MB is a small page, and is had whole as text", async () => {
  const site = await visit(browser, "hostile");
  try {
    const began = Date.now();
    await site.page.goto(`${site.base}/thread/${threadId(threads)}`);
    const size = (await site.page.content()).length;
    assert.ok(size < 300_000, `${size} characters`);
    assert.ok(Date.now() - began < 10_000);
    const whole = await site.context.request.get(site.base + (await site.page.locator(".cut a").getAttribute("href")));
    assert.match(whole.headers()["content-type"], /^text\/plain/);
    assert.ok((await whole.body()).length > 49_000_000);
    assert.deepEqual(site.told, nothing);
  } finally {
    await site.close();
  }
});

test("no thread acts in an exported page", async () => {
  const ids = Array.from({ length: threads - 1 }, (_, at) => threadId(at + 1));
  run("--home", home("hostile"), "export", ...ids, "--format", "html", "--full", "-o", join(folder, "exported/"));
  const own = pathToFileURL(join(folder, "exported/")).href;
  const seen = await watched(browser, (url) => url.startsWith(own));
  for (const name of ["index", ...ids]) {
    await seen.page.goto(`${own}${name}.html`);
    await provoke(seen.page);
    assert.ok(!acting.test(await seen.page.evaluate(() => document.body.innerText)), name);
  }
  assert.deepEqual(seen.told, nothing);
  await seen.context.close();
});

test("the tests would notice", async () => {
  const seen = await watched(browser, (url) => url.startsWith("data:"));
  await seen.page.goto("data:text/html,<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"><script>window.pwned=1;alert(1)</script><img src=http://127.0.0.1:9/>");
  await seen.page.waitForFunction(() => window.pwned === 1);
  assert.deepEqual(seen.told.dialogs, ["1"]);
  assert.equal(seen.told.stopped.length, 1);
  seen.told.elsewhere.length = 0;
  await seen.page.goto("data:text/html,<img src=http://127.0.0.1:9/>");
  assert.deepEqual(seen.told.elsewhere, ["http://127.0.0.1:9/"]);
  await seen.context.close();
});
