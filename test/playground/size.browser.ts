import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { visitor } from "./browser.js";

const { visit } = visitor();
const most = 300 * 1024;
const pages = ["", "boundaries.html", "fit.html", "reconstruction.html", "speed.html"];

/** As a server would send it. */
const sent = (body: Buffer): number => Math.min(body.length, gzipSync(body, { level: 9 }).length);

it.each(pages)("loads no more than 300 KiB, compressed, before one asks for more: ./%s", async (path) => {
  const sizes = new Map<string, number>();
  const reading: Promise<unknown>[] = [];
  const page = await visit(path, {}, (opened) => {
    opened.on("response", (response) => {
      reading.push(response.body().then((body) => sizes.set(new URL(response.url()).pathname, sent(body))));
    });
  });
  await page.waitForLoadState("networkidle");
  await Promise.all(reading);
  const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 4);
  console.log(`./${path}: ${(all / 1024).toFixed(0)} KiB in ${sizes.size} files`, largest);
  expect(sizes.size).toBeGreaterThan(3);
  expect(all).toBeLessThanOrEqual(most);
});
