import { execFileSync } from "node:child_process";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { sections } from "../../playground/losses/sections.js";
import { expectAccessible, picture, visitor } from "./browser.js";
import { drawn } from "./drawn.js";
import { heightsOf, type Settings } from "./expected.js";

const { visit, complaints } = visitor();
const orders = ["value", "grad", "hess"] as const;

/** The defaults, but for what the address tells. */
function settingsIn(page: Page, name: string, prefix = ""): Settings {
  const query = new URL(page.url()).searchParams;
  const settings = sections.find((section) => section.name === name)?.settings ?? {};
  return Object.fromEntries(
    Object.entries(settings).map(([key, { usual }]) => {
      const said = query.get(prefix + key);
      return [key, said === null ? usual : said === "off" ? null : Number(said)];
    }),
  );
}

/**
 * Every point of the curve that is drawn lies on what is expected, within a hundredth of a pixel: SVG has three decimals, so that its x is known
 * within a thousandth, over which a steep curve may climb.
 */
async function expectDrawn(page: Page, name: string, settings: Settings, place = 0): Promise<void> {
  const corners = [0, 1, settings.y ?? 0];
  for (const order of orders) {
    const curve = (await drawn(page, order))[place];
    const expected = (x: number): number | undefined => heightsOf(name, settings, x)[order];
    if (curve === undefined) {
      expect(expected(0.5), `${name} has no ${order}`).toBeUndefined();
      continue;
    }
    expect(curve.x.length, `points of ${name}'s ${order}`).toBeGreaterThan(300);
    const blur = 1e-3 * curve.pixel.x;
    const { from, to } = sections.find((section) => section.name === name) ?? { from: 0, to: 0 };
    const wrong = curve.x.filter((x, k) => {
      const near = [x - blur, x, x + blur, ...corners.filter((corner) => Math.abs(corner - x) <= blur)];
      const heights = near.filter((at) => at >= from && at <= to).map((at) => expected(at) ?? Number.NaN);
      const y = curve.y[k] ?? Number.NaN;
      const room = 0.01 * curve.pixel.y;
      return !(y >= Math.min(...heights) - room && y <= Math.max(...heights) + room);
    });
    expect(wrong, `where ${name}'s ${order} is wrong with ${JSON.stringify(settings)}`).toEqual([]);
  }
}

/** Presses a key on a slider, and waits until the address tells of it. */
async function press(page: Page, slider: number, key: string, times = 1): Promise<void> {
  const before = page.url();
  const input = page.locator(".settings input[type=range]").nth(slider);
  for (let k = 0; k < times; k++) await input.press(key);
  await page.waitForURL((now) => now.href !== before);
}

describe.each(sections.filter(({ name }) => name !== "ssim"))("$name", ({ name, settings }) => {
  it("is drawn as the reference has it, with every slider where it may stand", async () => {
    const page = await visit(`./?loss=${name}`);
    expect(await page.title()).toBe(`${name} · simdloss`);
    await expectDrawn(page, name, settingsIn(page, name));
    for (const [slider, { usual, from, step }] of Object.values(settings).entries()) {
      await press(page, slider, usual === from ? "ArrowRight" : "ArrowLeft", 3);
      await expectDrawn(page, name, settingsIn(page, name));
      await press(page, slider, usual === from && step === 1 ? "Home" : "End");
      await expectDrawn(page, name, settingsIn(page, name));
    }
    for (const box of await page.locator(".settings input[type=checkbox]").all()) {
      await box.check();
      await page.waitForURL(/=off/);
      await expectDrawn(page, name, settingsIn(page, name));
    }
  });

  it("tells its heights to seven digits", async () => {
    const page = await visit(`./?loss=${name}&x=0.3`);
    const expected = heightsOf(name, settingsIn(page, name), 0.3);
    for (const order of orders) {
      const cell = await page.locator(`td[data-order=${order}]`).textContent();
      const said = Number(cell?.replace("−", "-").replace("–", "NaN"));
      const wanted = expected[order] ?? Number.NaN;
      if (Number.isNaN(wanted)) expect(said).toBeNaN();
      else expect(Math.abs(said - wanted)).toBeLessThanOrEqual(5.1e-7 * Math.abs(wanted));
    }
  });
});

it("draws ssim as 1 where nothing differs, with a gradient that is the slope of its values", async () => {
  const page = await visit("./?loss=ssim&x=0");
  expect(await page.locator("td[data-order=value]").textContent()).toBe("1");
  const [[value], [grad]] = [await drawn(page, "value"), await drawn(page, "grad")];
  const slopes =
    value?.x.slice(2).map((x, k) => ((value.y[k + 2] ?? 0) - (value.y[k] ?? 0)) / (x - (value.x[k] ?? 0))) ?? [];
  const largest = Math.max(...slopes.map(Math.abs));
  // A difference over two steps of 0.003 is off by h²/6 times the third derivative, of the order of the slope over 0.1².
  const off = slopes.map((slope, k) => Math.abs(slope - (grad?.y[k + 1] ?? Number.NaN)));
  expect(slopes.length).toBeGreaterThan(300);
  expect(Math.max(...off)).toBeLessThan(5e-3 * largest);
});

it("draws the tangent with the slope that the gradient tells", async () => {
  const page = await visit("./?loss=logCosh&x=1");
  const ends = await page.locator("[data-order=value] .tangent path").getAttribute("d");
  const [curve] = await drawn(page, "value");
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = ends?.match(/-?[\d.]+/g)?.map(Number) ?? [];
  const { x = 0, y = 0 } = curve?.pixel ?? {};
  expect(((y1 - y2) * y) / ((x2 - x1) * x)).toBeCloseTo(Math.tanh(1), 4);
});

it("compares two losses, each with its own sliders", async () => {
  const page = await visit("./?loss=huber&delta=2&x=3");
  await page.getByLabel("Compare with").selectOption("charbonnier");
  await page.waitForURL(/against=charbonnier/);
  await press(page, 2, "End");
  expect(new URL(page.url()).searchParams.get("against.epsilon")).toBe("1");
  await expectDrawn(page, "huber", settingsIn(page, "huber"), 0);
  await expectDrawn(page, "charbonnier", settingsIn(page, "charbonnier", "against."), 1);
});

it("reads the curves where the pointer is", async () => {
  const page = await visit("./?loss=mse");
  const box = await page.locator("[data-order=value] .chart svg").boundingBox();
  if (box === null) throw new Error("there is no chart");
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const wanted = await page.evaluate(
    ([half]) =>
      document
        .querySelector<SVGElement & { scale(name: string): { invert(pixel: number): number } }>(
          "[data-order=value] .chart svg",
        )
        ?.scale("x")
        .invert(half ?? 0),
    [box.width / 2],
  );
  await page.waitForURL(/x=/);
  const x = Number(new URL(page.url()).searchParams.get("x"));
  expect(Math.abs(x - (wanted ?? Number.NaN))).toBeLessThanOrEqual(0.5e-2);
  expect(Number((await page.locator("td[data-order=value]").textContent())?.replace("−", "-"))).toBeCloseTo(x * x, 6);
});

const placeOf = async (page: Page): Promise<number> => Number(await page.locator(".sweep input").inputValue());

it("sweeps along until it is paused", async () => {
  const page = await visit("./?x=0");
  await page.getByRole("button", { name: "Sweep" }).click();
  await page.waitForTimeout(500);
  await page.getByRole("button", { name: "Pause" }).click();
  const there = await placeOf(page);
  expect(there).toBeGreaterThan(0.1); // a unit a second
  expect(there).toBeLessThan(2);
  await page.waitForTimeout(200);
  expect(await placeOf(page)).toBe(there);
});

it("steps, and moves nothing by itself, where that is preferred", async () => {
  const page = await visit("./?x=0", { reducedMotion: "reduce" });
  await page.getByRole("button", { name: "Step" }).click();
  await page.waitForTimeout(200);
  expect(await placeOf(page)).toBe(0.4);
});

it("gives a line of code that gives what the page shows", async () => {
  const page = await visit("./?loss=bceWithLogits&x=1.5&posWeight=3&y=0.25", {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await page.getByRole("button", { name: "Copy" }).click();
  const code = await page.evaluate(() => navigator.clipboard.readText());
  const printing = code.replace(/^(bceWithLogits.*);$/m, "const r = $1; console.log(r.value, r.grad[0], r.hess[0])");
  const out = execFileSync(process.execPath, ["--input-type=module", "--eval", printing], { encoding: "utf8" });
  const shown = await page.locator("td.number").allTextContents();
  expect(
    out
      .trim()
      .split(" ")
      .map((number) => Number(Number(number).toPrecision(7))),
  ).toEqual(shown.map(Number));
});

it("takes from the address only what may be", async () => {
  const page = await visit("./?loss=<img src=x>&against=toString&delta=-1&x=1e999&y=Infinity&against.delta=");
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("huber");
  await expectDrawn(page, "huber", { delta: 1, y: 0 });
});

it("works by the keyboard alone", async () => {
  const page = await visit("./");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
  await page.keyboard.press("Enter");
  const seen = new Set<string>();
  for (let k = 0; k < 60; k++) {
    await page.keyboard.press("Tab");
    seen.add(
      await page.evaluate(
        () => `${document.activeElement?.tagName} ${document.activeElement?.textContent?.slice(0, 12)}`,
      ),
    );
  }
  for (const reached of ["A mse", "BUTTON Sweep", "BUTTON Copy"]) expect(seen).toContain(reached);
  expect([...seen].filter((name) => name.startsWith("INPUT") || name.startsWith("SELECT"))).toHaveLength(2);
});

it("says so where WebAssembly may not run, and computes all the same", async () => {
  const page = await visit("./?loss=logCosh", { headers: { "Content-Security-Policy": "script-src 'self'" } });
  expect(await page.getByRole("alert").textContent()).toContain("'wasm-unsafe-eval'");
  await expectDrawn(page, "logCosh", { y: 0 });
  expect(complaints().every((said) => said.includes("Content Security Policy"))).toBe(true);
});

it.each(["light", "dark"] as const)("has no grave fault for those who use it otherwise, in %s", async (colorScheme) => {
  const page = await visit("./?loss=focal&against=huber", { bypassCSP: true, colorScheme });
  await expectAccessible(page);
});

it.each([360, 820, 1281, 1920])("draws no formula over a chart, nor beyond its panel, at %i pixels", async (width) => {
  const page = await visit("./?loss=focal&against=ssim", { viewport: { width, height: 1000 } });
  for (const order of orders) {
    const panel = page.locator(`section[data-order=${order}]`);
    const [outer, chart] = [await panel.boundingBox(), await panel.locator(".chart").boundingBox()];
    const formulas = await panel.locator(".formula .base").all();
    expect(formulas.length).toBeGreaterThan(2);
    for (const formula of formulas) {
      const box = await formula.boundingBox();
      if (box === null || outer === null || chart === null) throw new Error("there is nothing to be seen");
      expect(box.x + box.width, `right of a ${order}`).toBeLessThanOrEqual(outer.x + outer.width);
      expect(box.y + box.height, `bottom of a ${order}`).toBeLessThanOrEqual(chart.y);
    }
  }
});

it("is to be looked at", async () => {
  await picture(await visit("./?loss=huber&against=logCosh&x=0.8"), "losses");
  await picture(await visit("./?loss=focalWithLogits&x=-1"), "losses-focal");
  await picture(await visit("./?loss=charbonnier"), "losses-charbonnier");
});
