import type { Page } from "playwright-core";
import { charbonnier, huber, logCosh, mae, mse } from "simdloss/reference";
import { expect, it } from "vitest";
import { leastLine } from "../../playground/fit/fit.js";
import { drawPoints, heightOn, type Point } from "../../playground/fit/points.js";
import { expectAccessible, picture, visitor } from "./browser.js";
import { drawn } from "./drawn.js";

const { visit } = visitor();
const usual = { outliers: 3, noise: 0.6, seed: 1 };
const losses = { mse, mae, huber, logCosh, charbonnier };
const names = ["mse", "mae", "huber", "logCosh", "charbonnier"] as const;

/** The lines on the chart are those that the reference has for the points. */
async function expectFits(page: Page, points: readonly Point[], { delta = 1, epsilon = 0.1 } = {}): Promise<void> {
  const parameters = { mse: {}, mae: {}, huber: { delta }, logCosh: {}, charbonnier: { epsilon } };
  const [, ...curves] = await drawn(page, "scene"); // the first one is the truth
  expect(curves).toHaveLength(5);
  for (const [k, name] of names.entries()) {
    const line = leastLine({ loss: losses[name], parameters: parameters[name], corner: name === "mae" }, points);
    const curve = curves[k];
    if (curve === undefined) throw new Error(`${name} is not drawn`);
    expect(curve.x).toHaveLength(2);
    for (const [place, x] of curve.x.entries())
      expect(Math.abs((curve.y[place] ?? 0) - heightOn(line, x)), name).toBeLessThan(0.01 * curve.pixel.y);
  }
}

it("draws the lines of least loss", async () => {
  const page = await visit("fit.html?delta=0.3&epsilon=2");
  await expectFits(page, drawPoints(usual), { delta: 0.3, epsilon: 2 });
});

it("follows the sliders", async () => {
  const page = await visit("fit.html");
  await page.getByLabel("δ of huber").press("End");
  await page.waitForURL(/delta=20/);
  await expectFits(page, drawPoints(usual), { delta: 20 });
  await page.getByLabel("Outliers").press("ArrowRight");
  await page.waitForURL(/outliers=4/);
  await expectFits(page, drawPoints({ ...usual, outliers: 4 }), { delta: 20 });
});

it("lets points be dragged, and keeps them in the address", async () => {
  const page = await visit("fit.html");
  const handle = page.getByRole("button", { name: /^Point 22 of 24/ });
  const box = await handle.boundingBox();
  if (box === null) throw new Error("there is no point");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x - 100, y - 200, { steps: 5 });
  await page.mouse.up();
  await page.mouse.move(x, y); // no longer held
  await page.waitForURL(/moved=21/);
  const [place, ...to] = new URL(page.url()).searchParams.get("moved")?.split(",").map(Number) ?? [];
  const [movedX = 0, movedY = 0] = to;
  expect(place).toBe(21);
  const before = drawPoints(usual)[21] ?? { x: 0, y: 0 };
  const [curve] = await drawn(page, "scene");
  expect(Math.abs(movedX - before.x + 100 * (curve?.pixel.x ?? 0))).toBeLessThan(0.02);
  expect(Math.abs(movedY - before.y - 200 * (curve?.pixel.y ?? 0))).toBeLessThan(0.02);

  const points = drawPoints(usual).map((point, k) => (k === 21 ? { x: movedX, y: movedY } : point));
  await expectFits(page, points);
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await expectFits(page, points);
  await page.getByRole("button", { name: "Put them back" }).click();
  await expectFits(page, drawPoints(usual));
});

it("lets points be moved by the keyboard alone", async () => {
  const page = await visit("fit.html");
  await page.getByRole("button", { name: "New points" }).focus();
  await page.keyboard.press("Tab"); // to the points: there is nothing to put back yet
  const named = (): Promise<string | null | undefined> =>
    page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  expect(await named()).toContain("Point 24 of 24");
  await page.keyboard.press("PageUp");
  const before = drawPoints(usual)[22] ?? { x: 0, y: 0 };
  expect(await named()).toBe(`Point 23 of 24, x ${before.x}, y ${before.y}`);
  await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("ArrowLeft");
  const after = { x: Number((before.x - 0.1).toFixed(2)), y: Number((before.y + 1).toFixed(2)) };
  expect(await named()).toBe(`Point 23 of 24, x ${after.x}, y ${after.y}`);
  await expectFits(
    page,
    drawPoints(usual).map((point, k) => (k === 22 ? after : point)),
  );
});

it("hides lines, and draws other points", async () => {
  const page = await visit("fit.html");
  await page.getByRole("checkbox", { name: "mse" }).uncheck();
  expect(await drawn(page, "scene")).toHaveLength(5);
  await page.getByRole("button", { name: "New points" }).click();
  await page.getByRole("checkbox", { name: "mse" }).check();
  await expectFits(page, drawPoints({ ...usual, seed: 2 }));
});

it("takes from the address only what may be", async () => {
  const page = await visit("fit.html?delta=0&epsilon=x&outliers=1.5&seed=-1&noise=NaN&moved=1,1;2&hide=all");
  await expectFits(page, drawPoints(usual));
});

it.each(["light", "dark"] as const)("has no grave fault for those who use it otherwise, in %s", async (colorScheme) => {
  await expectAccessible(await visit("fit.html", { bypassCSP: true, colorScheme }));
});

it("is to be looked at", async () => {
  await picture(await visit("fit.html"), "fit");
});
