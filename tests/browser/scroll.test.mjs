// A thread of 1 GB is read by pages: each is small and quick, and the server holds little. CAMPAIGN=full has all of it, else a part.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folder, home, launch, nothing, python, threadId, visit } from "./words.mjs";

const size = process.env.CAMPAIGN === "full" ? 1_073_741_824 : 67_108_864;
const mostBytes = 1_000_000;
const mostMemory = 160 * 1024; // kB
const patience = 10_000; // ms; a quiet machine needs a tenth of it

let browser;
before(async () => {
  execFileSync(python, [fileURLToPath(new URL("homes.py", import.meta.url)), join(folder, "homes"), "huge", String(size)]);
  browser = await launch();
});
after(async () => { await browser.close(); });

const memory = (pid) => Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
const rollout = () => readdirSync(home("huge"), { recursive: true }).map((name) => join(home("huge"), name)).find((name) => name.endsWith(".jsonl"));

test("a thread of 1 GB loads by page, forward, from its end, back, and in its middle", async (t) => {
  const { page, base, told, server, close } = await visit(browser, "huge");
  const address = `${base}/thread/${threadId(1)}`;
  const look = async (what, go) => {
    const began = performance.now();
    const [answer] = await Promise.all([page.waitForResponse((one) => one.url().startsWith(address) && one.request().resourceType() === "document"), go()]);
    const bytes = (await answer.body()).length;
    const took = performance.now() - began;
    await page.locator("footer").waitFor();
    t.diagnostic(`${what}: ${(bytes / 1e6).toFixed(2)} MB in ${took.toFixed(0)} ms`);
    assert.equal(answer.status(), 200, what);
    assert.ok(bytes <= mostBytes, `${what} has ${bytes} bytes`);
    assert.ok(took <= patience, `${what} took ${took} ms`);
  };
  const asked = () => page.locator("section.turn .user").allTextContents();
  try {
    t.diagnostic(`a thread of ${(statSync(rollout()).size / 1e6).toFixed(0)} MB`);
    await look("the end, before anything was counted", () => page.goto(`${address}?turn=last`));
    assert.match((await asked()).at(-1), /module 1000 /);
    for (const nth of [1, 2, 3]) {
      const first = (await asked())[0];
      await look(`back ${nth}`, () => page.click("a[rel=prev]"));
      assert.notEqual((await asked())[0], first);
    }
    await look("the beginning", () => page.goto(address));
    for (const nth of [1, 2, 3]) {
      await look(`onward ${nth}`, () => page.click("a[rel=next]"));
      assert.equal(await page.locator("section.turn").first().getAttribute("id"), `turn-${Number(/before=(\d+)/.exec(page.url())[1]) + 1}`);
    }
    const middle = Math.round(size / 20_000);
    await look("a line in its middle", () => page.goto(`${address}?line=${middle * 11}`));
    await look("onward from there", () => page.click("a[rel=next]"));
    await look("back from there", () => page.click("a[rel=prev]"));
    await look("the end again", () => page.click("a:text-is('End')"));
    await page.locator("#live.on").waitFor();
    const began = performance.now();
    const turn = JSON.stringify({ timestamp: "2026-02-08T08:00:00.000Z", type: "event_msg", payload: { type: "user_message", message: "written meanwhile" } });
    appendFileSync(rollout(), `${turn}\n`);
    await page.getByText("written meanwhile").waitFor();
    t.diagnostic(`what was written showed after ${(performance.now() - began).toFixed(0)} ms`);
    t.diagnostic(`the server held ${(memory(server.pid) / 1024).toFixed(0)} MB at most`);
    assert.ok(memory(server.pid) <= mostMemory, `${memory(server.pid)} kB`);
    assert.deepEqual(told, nothing);
  } finally {
    await close();
  }
});
