import type { Page } from "playwright-core";
import * as reference from "simdloss/reference";
import { expect, it } from "vitest";
import { drawData } from "../../playground/boundaries/data.js";
import { Learner, type Name, names, type Settings } from "../../playground/boundaries/learner.js";
import { expectAccessible, picture, visitor } from "./browser.js";

const { visit } = visitor();
const usual: Settings = { gamma: 2, alpha: 0.75, smoothing: 0, rate: 0.01 };

async function score(page: Page, name: Name, what: string): Promise<string> {
  const panel = page.locator(`section[data-name=${name}] .scores > div`, { hasText: what });
  return (await panel.locator("dd").textContent()) ?? "";
}

/** What the reference comes to after as many steps of each settings. */
function learned(
  name: Name,
  draw: Parameters<typeof drawData>[0],
  ...course: readonly (readonly [number, Settings])[]
): Learner {
  const learner = new Learner(name, reference, drawData(draw), draw.seed);
  for (const [steps, settings] of course) for (let k = 0; k < steps; k++) learner.step(settings);
  return learner;
}

/** Within half a digit of what is shown. */
async function expectShown(page: Page, learner: Learner, settings: Settings): Promise<void> {
  const shown = Number(await score(page, learner.name, "loss"));
  const loss = learner.loss(settings);
  expect(Math.abs(shown - loss), learner.name).toBeLessThanOrEqual(0.0055 * loss);
  expect(await score(page, learner.name, "steps")).toBe(String(learner.steps));
  const { recall, accuracy } = learner.scores();
  expect(await score(page, learner.name, "recall")).toBe(`${(100 * recall).toFixed(recall < 0.995 ? 1 : 0)} %`);
  expect(await score(page, learner.name, "accuracy")).toBe(`${(100 * accuracy).toFixed(accuracy < 0.995 ? 1 : 0)} %`);
}

it("steps as the reference does, and takes changes of the losses as it goes", async () => {
  const page = await visit("boundaries.html?share=0.2&seed=3");
  const draw = { share: 0.2, noise: 0.25, seed: 3 };
  const step = page.getByRole("button", { name: "Step" });
  for (let k = 0; k < 5; k++) await step.click();
  for (const name of names) await expectShown(page, learned(name, draw, [5, usual]), usual);

  await page.getByLabel("γ of focal").press("End");
  await page.getByLabel("Label smoothing").press("End");
  await page.getByLabel("off: all weigh alike").check();
  await page.waitForURL(/alpha=off/);
  const other: Settings = { ...usual, gamma: 5, smoothing: 0.5, alpha: null };
  for (let k = 0; k < 3; k++) await step.click();
  for (const name of names) await expectShown(page, learned(name, draw, [5, usual], [3, other]), other);
});

it("learns while it plays, and stands still when it is paused", async () => {
  const page = await visit("boundaries.html?share=0.3&noise=0.1&rate=0.03");
  const first = Number(await score(page, "bce", "loss"));
  await page.getByRole("button", { name: "Play" }).click();
  await expect.poll(async () => Number(await score(page, "bce", "steps")), { timeout: 30_000 }).toBeGreaterThan(80);
  await page.getByRole("button", { name: "Pause" }).click();
  const steps = await score(page, "bce", "steps");
  for (const name of names) expect(Number(await score(page, name, "loss")), name).toBeLessThan(first / 3);
  for (const name of names) expect(Number.parseFloat(await score(page, name, "recall")), name).toBeGreaterThan(60);
  await page.waitForTimeout(300);
  expect(await score(page, "bce", "steps")).toBe(steps);
  await page.getByRole("button", { name: "Reset" }).click();
  expect(await score(page, "bce", "steps")).toBe("0");
  expect(Number(await score(page, "bce", "loss"))).toBe(first);
});

it("draws the curves of the losses, and the boundary", async () => {
  const page = await visit("boundaries.html?share=0.3&noise=0.1&rate=0.1");
  for (let k = 0; k < 30; k++) await page.getByRole("button", { name: "Step" }).click();
  for (const name of names) {
    const points = (await page.locator(`.curve-${name} path`).getAttribute("d"))?.match(/[ML]/g) ?? [];
    expect(points).toHaveLength(30);
    expect(await page.locator(`section[data-name=${name}] .chart [data-mark=contour] path`).count()).toBeGreaterThan(0);
    expect(await page.locator(`section[data-name=${name}] .chart image`).count()).toBe(1);
  }
});

/** Of a field as it is drawn, the colour at a point of the data; blue is the common class, orange the rare one. */
async function rednessAt(page: Page, name: Name, x: number, y: number): Promise<number> {
  return page.evaluate(
    async ([name, x, y]) => {
      const image = document.querySelector<SVGImageElement>(`section[data-name=${name}] .chart image`);
      if (image === null) throw new Error("there is no field");
      const picture = new Image();
      picture.src = image.href.baseVal;
      await picture.decode();
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const context = canvas.getContext("2d");
      context?.drawImage(picture, 0, 0);
      // As the image stands: turned over, if its frame says so.
      const turned = /scale\(\s*1[ ,]+-1/.test(image.getAttribute("transform") ?? "");
      const down = turned ? (y + 1.75) / 4 : (2.25 - y) / 4;
      const [red = 0, , blue = 0] =
        context?.getImageData(Math.floor(((x + 2) / 5) * picture.width), Math.floor(down * picture.height), 1, 1)
          .data ?? [];
      return red - blue;
    },
    [name, x, y] as const,
  );
}

it("colours the field where the classes are", async () => {
  const page = await visit("boundaries.html?share=0.5&noise=0.1&rate=0.1");
  for (let k = 0; k < 60; k++) await page.getByRole("button", { name: "Step" }).click();
  for (const name of names) {
    expect(await rednessAt(page, name, 1, -0.6), name).toBeGreaterThan(50);
    expect(await rednessAt(page, name, 0, 1.1), name).toBeLessThan(-50);
  }
});

it("redraws seldom where that is preferred, and moves on at each step", async () => {
  const page = await visit("boundaries.html", { reducedMotion: "reduce" });
  await page.getByRole("button", { name: "Play" }).click();
  const seen = new Set<string>();
  for (let k = 0; k < 40; k++) {
    seen.add(await score(page, "bce", "steps"));
    await page.waitForTimeout(25);
  }
  expect(seen.size).toBeLessThanOrEqual(4);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Step" }).click();
  expect(seen).not.toContain(await score(page, "bce", "steps"));
});

it("keeps what is set in the address, and takes from it only what may be", async () => {
  const page = await visit("boundaries.html?share=2&gamma=-1&alpha=x&seed=1e9&smoothing=0.6&rate=0&noise=");
  expect(new Set(await page.locator(".slider output").allTextContents())).toEqual(
    new Set(["10.0 %", "0.25", "2", "0.75", "0", "0.01"]),
  );
  await page.getByRole("button", { name: "New seed" }).click();
  await page.getByLabel("Noise").press("Home");
  await page.waitForURL(/noise=0/);
  await page.reload();
  await page.getByText("Seed 2.").waitFor();
  expect(await page.getByLabel("Noise").inputValue()).toBe("0");
});

it("works by the keyboard alone", async () => {
  const page = await visit("boundaries.html");
  await page.getByRole("button", { name: "Share" }).focus();
  const reached: string[] = [];
  for (let k = 0; k < 13; k++) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate(() => document.activeElement?.textContent || (document.activeElement?.tagName ?? "")),
    );
  }
  expect(reached.slice(1, 5)).toEqual(["Play", "Step", "Reset", "New seed"]);
  expect(reached.filter((name) => name === "INPUT")).toHaveLength(7);
});

it.each(["light", "dark"] as const)("has no grave fault for those who use it otherwise, in %s", async (colorScheme) => {
  await expectAccessible(await visit("boundaries.html", { bypassCSP: true, colorScheme }));
});

it("is to be looked at", async () => {
  const page = await visit("boundaries.html?rate=0.05");
  await page.getByRole("button", { name: "Play" }).click();
  await expect.poll(async () => Number(await score(page, "bce", "steps")), { timeout: 30_000 }).toBeGreaterThan(150);
  await page.getByRole("button", { name: "Pause" }).click();
  await picture(page, "boundaries");
});
