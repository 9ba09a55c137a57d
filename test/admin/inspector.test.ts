import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { sparkline } from "../../sidecar/admin/inspector/graphics.ts";
import { ShareHistory } from "../../sidecar/admin/share-history.ts";
import { html } from "../../xds/common/html.ts";
import { AdminBed, clusterView, endpointView } from "../support/admin-bed.ts";
import { attemptFacts, exchangeFacts } from "../support/exchange-facts.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { call } from "../support/http-call.ts";

const HOSTILE = `<img src=x onerror="document.title='pwned'">`;

async function hostileBed(): Promise<AdminBed> {
  const bed = await AdminBed.start({
    clusters: [clusterView(HOSTILE, endpointView(HOSTILE, { locality: HOSTILE }))],
  });
  const attempts = [attemptFacts({ address: HOSTILE, candidateAddresses: () => [HOSTILE, HOSTILE] })];
  bed.recorder.end(
    exchangeFacts({
      status: 500,
      cluster: HOSTILE,
      route: HOSTILE,
      authority: HOSTILE,
      requestId: HOSTILE,
      target: `/${HOSTILE}`,
      attempts,
    }),
  );
  bed.recorder.onBalancerEvent(HOSTILE, {
    kind: "ejected",
    address: HOSTILE,
    reason: HOSTILE,
    durationMs: 1,
  });
  return bed;
}

test("hostile names of endpoints, clusters, routes and requests are shown and never obeyed", async () => {
  const bed = await hostileBed();
  for (const path of [
    "/",
    "/?part=live",
    "/decisions/1",
    "/decisions/1?part=1",
    `/?cluster=${encodeURIComponent(HOSTILE)}`,
  ]) {
    const { status, body } = await call({
      port: bed.port,
      host: "localhost",
      path,
      headers: { accept: "text/html" },
    });
    assert.equal(status, 200);
    assert.ok(body.includes("&lt;img src=x onerror=&quot;"), path);
    assert.ok(!body.includes("<img"), path);
  }
  await bed.admin.close();
});

test("templates escape every value but HTML they made themselves", () => {
  const inner = html`<b>${"a & b"}</b>`;
  assert.equal(
    html`<i title="${'"><x>'}">${inner}${[inner, undefined, false, 0]}</i>`.text,
    '<i title="&quot;&gt;&lt;x&gt;"><b>a &amp; b</b><b>a &amp; b</b>0</i>',
  );
});

test("the page holds no inline script or style, which its own policy would refuse", async () => {
  const bed = await AdminBed.start({ clusters: [clusterView("orders", endpointView("10.0.0.1:80"))] });
  const { body } = await call({ port: bed.port, host: "localhost", path: "/" });
  assert.doesNotMatch(body, /<style|style=|<script(?![^>]*src=)|\son\w+=/);
  await bed.admin.close();
});

test("of a large mesh the page shows a part: what was asked for, what is in trouble, and how many are left", async () => {
  const clusters = Array.from({ length: 2_000 }, (_, i) =>
    clusterView(`c${i}.`, endpointView("10.0.0.1:80", { state: i === 1_500 ? "ejected" : "healthy" })),
  );
  const bed = await AdminBed.start({ clusters });
  const { body } = await call({ port: bed.port, host: "localhost", path: "/?part=live&cluster=c1900." });
  const shown = [...body.matchAll(/<section class="cluster">\s*<header><h2>(\S+)<\/h2>/g)].map(
    ([, name]) => name,
  );
  assert.deepEqual(shown.slice(0, 3), ["c1900.", "c1500.", "c0."]);
  assert.equal(shown.length, 30);
  assert.match(body, /and 1970 more clusters/);
  await bed.admin.close();
});

test("share history keeps five minutes and forgets endpoints that left", () => {
  const clock = new FakeClock();
  let clusters = [clusterView("orders", endpointView("a"), endpointView("b"))];
  const history = new ShareHistory(clock, () => clusters);
  history.start();
  clock.advance(1_000_000);
  assert.equal(history.of("orders", "a").length, history.length);
  clusters = [clusterView("orders", endpointView("a"))];
  clock.advance(2_000);
  assert.deepEqual(history.of("orders", "b"), []);
  history.stop();
  assert.equal(clock.pending, 0);
});

test("a curve of odd values has only finite points", () => {
  const { text } = sparkline([0, 1, 0, 0.5], 150, "good");
  assert.match(text, /points="[\d., -]+"/);
  assert.doesNotMatch(text, /NaN|Infinity/);
  assert.doesNotMatch(sparkline([], 150, "good").text, /polyline/);
});

const CHROMIUM = "/usr/bin/chromium";
const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`;

test("in a browser the page lives: new decisions appear, details open, nothing is refused", {
  skip,
}, async (t) => {
  const bed = await hostileBed();
  const profile = mkdtempSync(join(tmpdir(), "dashpot-chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-sync",
    ],
  });
  t.after(async () => {
    await browser.close();
    await bed.admin.close();
    rmSync(profile, { recursive: true });
  });
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  const following = page.waitForResponse(/follow=1/);
  await page.goto(`http://127.0.0.1:${bed.port}/`);
  await following;
  bed.recorder.end(exchangeFacts({ status: 503, authority: "fresh.example" }));
  await page.waitForSelector("#decisions .decision:has-text('fresh.example')");
  await page.click("#d1 a");
  await page.waitForSelector("#panel[open] .detail");
  assert.equal(await page.title(), "web-1 · Dashpot");
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(complaints, []);
});
