// A person opens, filters, searches, reads, folds, follows, acts, goes back, and meets errors.
import assert from "node:assert/strict";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { home, launch, nothing, run, threadId, visit } from "./words.mjs";

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

const visiting = (name, what, options = {}, ...words) => async () => {
  const site = await visit(browser, name, options, ...words);
  try {
    await what(site);
    assert.deepEqual(site.told, nothing);
  } finally {
    await site.context.close();
    assert.deepEqual(await site.server.stop(), { status: 0, signal: null });
  }
};
const titles = (page) => page.locator("li.row a.title").allTextContents();
const rollout = (where) => readdirSync(where, { recursive: true }).map((name) => join(where, name)).find((name) => name.endsWith(".jsonl"));

test("the link opens the list, and the token leaves the address", visiting("small", async ({ page, base }) => {
  assert.equal(page.url(), `${base}/`);
  assert.ok((await titles(page)).includes("Where do the cats sleep?"));
}));

test("a filter narrows, a click opens, back leads back", visiting("small", async ({ page }) => {
  await page.fill("input[name=text]", "cats");
  await page.press("input[name=text]", "Enter");
  await page.waitForURL(/text=cats/);
  assert.deepEqual(await titles(page), ["Where do the cats sleep?"]);
  await page.click("li.row a.title");
  await page.waitForURL(/thread/);
  assert.equal(await page.locator("h1").textContent(), "Where do the cats sleep?");
  await page.goBack();
  assert.deepEqual(await titles(page), ["Where do the cats sleep?"]);
}));

test("a search leads to the place", visiting("small", async ({ page }) => {
  await page.keyboard.press("/");
  await page.keyboard.type("stove");
  await page.keyboard.press("Enter");
  await page.waitForURL(/search/);
  assert.match(await page.locator("mark").first().textContent(), /stove/);
  await page.click("li.row a.title");
  await page.waitForURL(/#found/);
  assert.match(await page.locator("#found + *").textContent(), /On the warm stove/);
  assert.equal(await page.locator("#found + * b").textContent(), "warm");
}));

test("the keys go through a list and a transcript", visiting("small", async ({ page }) => {
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  const title = await page.locator("li.row.at a.title").textContent();
  await page.keyboard.press("Enter");
  await page.waitForURL(/thread/);
  assert.equal(await page.locator("h1").textContent(), title);
  await page.keyboard.press("?");
  assert.ok(await page.locator("dialog.keys").isVisible());
  await page.keyboard.press("?");
  await page.keyboard.press("u");
  await page.waitForURL(/\/$/);
  await page.goto(`${page.url()}thread/${threadId(1)}`);
  await page.keyboard.press("G");
  assert.equal(await page.locator("section.turn.at").getAttribute("id"), "turn-13");
  await page.keyboard.press("g");
  assert.equal(await page.locator("section.turn.at").getAttribute("id"), "turn-1");
}));

test("a long output is folded and unfolds", visiting("small", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(2)}`);
  const row = page.getByText("row 321");
  assert.ok(!(await row.isVisible()));
  await page.click("main summary");
  assert.ok(await row.isVisible());
  await page.keyboard.press("e");
  assert.ok(!(await row.isVisible()));
}));

test("the timeline leads to a turn", visiting("long", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(1)}`);
  await page.locator(".timeline a").nth(100).click();
  await page.waitForURL(/turn=/);
  const wanted = new URL(page.url());
  assert.equal(await page.locator("section.turn").first().getAttribute("id"), wanted.hash.slice(1));
}));

test("pages lead through a long thread", visiting("long", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(1)}`);
  let seen = await page.locator("section.turn").count();
  while (await page.locator("a[rel=next]").count()) {
    const onward = new URL(await page.locator("a[rel=next]").getAttribute("href"), base).href;
    await page.click("a[rel=next]");
    await page.waitForURL(onward);
    seen += await page.locator("section.turn").count();
  }
  assert.equal(seen, 1000);
}));

test("what is written shows by itself", visiting("growing", async ({ page, base }) => {
  const path = rollout(home("growing"));
  await page.goto(`${base}/thread/${threadId(1)}`);
  await page.locator("#live.on").waitFor();
  const turn = readFileSync(path, "utf8").split("\n").filter((line) => line.includes("question 2") || line.includes("answer 2")).join("\n");
  appendFileSync(path, `${turn.replaceAll("question 2", "a new <b>question</b>").replaceAll("answer 2", "a new answer")}\n`);
  await page.locator("#turn-3").waitFor();
  await page.getByText("a new answer").waitFor();
  assert.equal(await page.locator("#turn-3 .user").textContent(), "a new <b>question</b>");
  assert.equal(await page.locator("#turn-3 .user b").count(), 0);
  assert.equal(await page.locator("section.turn").count(), 3);
  await page.locator('.turns li[value="3"]').waitFor();
}));

test("a thread is renamed, archived and brought back", visiting("small", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(3)}`);
  await page.fill("input[name=name]", "Renamed <here>");
  await page.click("button:text-is('Rename')");
  await page.getByRole("heading", { name: "Renamed <here>" }).waitFor();
  await page.click("button:text-is('Archive')");
  await page.locator("button:text-is('Unarchive')").waitFor();
  await page.goto(base);
  assert.ok(!(await titles(page)).includes("Renamed <here>"));
  await page.goto(`${base}/?state=archived`);
  assert.ok((await titles(page)).includes("Renamed <here>"));
  await page.click("text=Renamed <here>");
  await page.click("button:text-is('Unarchive')");
  await page.locator("button:text-is('Archive')").waitFor();
}, {}, "--allow-changes"));

test("a thread is forked, its family is a tree that leads to each", visiting("small", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(1)}`);
  await page.click("button:text-is('Fork')");
  await page.waitForURL((url) => url.pathname.startsWith("/thread/") && !url.pathname.includes(threadId(1)));
  const fork = page.url();
  await page.click("a:text-is('lineage')");
  await page.waitForURL(/family/);
  assert.equal(await page.locator("a[aria-current]").getAttribute("href"), new URL(fork).pathname);
  await page.locator("ul.family > li > a").click();
  await page.waitForURL(`${base}/thread/${threadId(1)}`);
}, {}, "--allow-changes"));

test("a thread is exported", visiting("small", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(1)}`);
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(".exports a:text-is('html')")]);
  assert.equal(file.suggestedFilename(), `rollout-${threadId(1)}.html`);
  assert.match(readFileSync(await file.path(), "utf8"), /Where do the cats sleep\?/);
}));

test("without permission there is nothing to act with", visiting("small", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(3)}`);
  assert.equal(await page.locator("form[method=post]").count(), 0);
}));

test("an empty home says so", visiting("empty", async ({ page }) => {
  assert.equal(await page.locator(".empty").textContent(), "There are no threads here yet.");
}));

test("an unknown thread says so and leads back", visiting("small", async ({ page, base }) => {
  const answer = await page.goto(`${base}/thread/${threadId(99)}`);
  assert.equal(answer.status(), 404);
  await page.click("text=All threads");
  await page.waitForURL(`${base}/`);
}));

test("a damaged thread shows what is good, and where it is not", visiting("damaged", async ({ page, base }) => {
  await page.goto(`${base}/thread/${threadId(1)}`);
  assert.match(await page.locator(".mark.bad").textContent(), /^Damage:/);
  assert.deepEqual(await page.locator("section.turn .user").allTextContents(), ["before the damage", "behind the damage"]);
  await page.goto(`${base}/?source=all&state=all`);
  assert.equal(await page.locator("li.row .exit").count(), 1);
}));

test("a list says that the threads have changed, and stands still until it is asked", visiting("growing", async ({ page, base }) => {
  await page.goto(`${base}/`);
  await page.locator("main.on").waitFor();
  run("--home", home("growing"), "rename", threadId(1), "named meanwhile");
  await page.locator(".changed[role=status]").waitFor();
  assert.equal(await page.locator("text=named meanwhile").count(), 0);
  await page.click(".changed a");
  await page.locator("li.row", { hasText: "named meanwhile" }).waitFor();
}));

test("it is usable on a phone", visiting("small", async ({ page, base }) => {
  for (const where of ["/", `/thread/${threadId(1)}`, "/search?q=stove"]) {
    await page.goto(base + where);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${where} is ${wide} pixels too wide`);
  }
}, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }));

test("a server that ends lets its followers go at once", async () => {
  const site = await visit(browser, "small");
  await site.page.goto(`${site.base}/thread/${threadId(1)}`);
  await site.page.locator("#live.on").waitFor();
  const began = Date.now();
  assert.deepEqual(await site.server.stop(), { status: 0, signal: null });
  assert.ok(Date.now() - began < 5000);
  await site.context.close();
});
