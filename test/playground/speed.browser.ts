import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { names } from "../../playground/speed/contestants.js";
import { expectAccessible, picture, visitor } from "./browser.js";

const { visit, complaints } = visitor();

const start = (page: Page): Promise<void> => page.getByRole("button", { name: "Time them" }).click();
const done = (page: Page): Promise<void> => page.getByRole("status").getByText("done").waitFor({ timeout: 60_000 });

/** Loss by loss, what stands in the table. */
function cells(page: Page): Promise<string[][]> {
  return page
    .locator("tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map(({ textContent }) => textContent ?? "")));
}

it("times every loss, and says how many times as fast it is", async () => {
  const page = await visit("speed.html?size=4,096");
  await start(page);
  await done(page);
  const table = await cells(page);
  expect(table.map(([name]) => name)).toEqual([...names]);
  for (const [name, plain, ...ours] of table) {
    const loop = Number(plain);
    expect(loop, name).toBeGreaterThan(0);
    expect(loop, name).toBeLessThan(1000);
    expect(ours).toHaveLength(2);
    for (const cell of ours) {
      const [time = Number.NaN, ratio = Number.NaN] = cell.replace("×", "").trim().split(" ").map(Number);
      expect(time, name).toBeGreaterThan(0);
      // Three digits of each time, and two of the ratio, or whole numbers from ten on.
      expect(Math.abs(ratio - loop / time), name).toBeLessThanOrEqual(0.01 * ratio + (ratio >= 10 ? 0.5 : 0.05));
    }
  }
  expect(await page.locator(".chart [data-mark=bar] rect").count()).toBe(2 * names.length);
});

it("draws bars as long as the ratios in the table", async () => {
  const page = await visit("speed.html?size=4,096&loss=mae");
  await start(page);
  await done(page);
  const said = (await cells(page))[0]?.slice(2).map((cell) => Number(cell.replace("×", "").trim().split(" ")[1]));
  const drawn = await page.evaluate(() => {
    interface Charted extends SVGElement {
      scale(name: string): { invert(pixel: number): number };
    }
    const scale = document.querySelector<Charted>(".chart svg")?.scale("x");
    return [...document.querySelectorAll(".chart [data-mark=bar] rect")].map((bar) => {
      const [x, width] = ["x", "width"].map((name) => Number(bar.getAttribute(name)));
      return scale?.invert((x ?? 0) + (width ?? 0));
    });
  });
  expect(drawn).toHaveLength(2);
  for (const [k, ratio] of drawn.entries()) {
    const told = said?.[k] ?? Number.NaN;
    expect(Math.abs((ratio ?? Number.NaN) - told)).toBeLessThanOrEqual(0.01 * told + (told >= 10 ? 0.5 : 0.05));
  }
});

it("loads TensorFlow.js when it is asked for, and not before", async () => {
  const page = await visit("speed.html?size=4,096&loss=mse");
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  await start(page);
  await done(page);
  expect(loaded.filter((url) => url.includes("tfjs"))).toEqual([]);
  await page.getByLabel("against TensorFlow.js").check();
  await start(page);
  await page.getByText("TensorFlow.js 4.22.0, wasm backend").waitFor({ timeout: 30_000 });
  await done(page);
  expect(loaded.some((url) => url.endsWith(".wasm"))).toBe(true);
  const [row] = await cells(page);
  expect(row).toHaveLength(5);
  expect(Number(row?.[4]?.split(" ")[0])).toBeGreaterThan(0);
  await expect.poll(() => new URL(page.url()).search).toContain("tfjs=yes");
});

it("stops when it is told to", async () => {
  const page = await visit("speed.html?size=1,048,576");
  await start(page);
  await expect.poll(async () => (await cells(page)).length, { timeout: 30_000 }).toBeGreaterThan(0);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("status").getByText("stopped").waitFor();
  await expect.poll(() => page.workers()).toHaveLength(0);
  const there = (await cells(page)).length;
  expect(there).toBeLessThan(names.length);
  await page.waitForTimeout(1000);
  expect(await cells(page)).toHaveLength(there);
});

it("says that there is nothing to time where WebAssembly may not run", async () => {
  const page = await visit("speed.html", { headers: { "Content-Security-Policy": "script-src 'self'" } });
  await page.getByText("There is nothing to time here").waitFor();
  expect(await page.getByRole("button", { name: "Time them" }).count()).toBe(0);
  expect(complaints().every((said) => said.includes("Content Security Policy"))).toBe(true);
});

it("keeps what is chosen in the address, and takes from it only what may be", async () => {
  const page = await visit("speed.html?size=7&loss=toString&tfjs=1");
  expect(await page.getByLabel("Elements").inputValue()).toBe("65,536");
  expect(await page.getByLabel("Of", { exact: true }).inputValue()).toBe("all losses");
  await page.getByLabel("Of", { exact: true }).selectOption("huber");
  await page.waitForURL(/loss=huber/);
  await page.reload();
  expect(await page.getByLabel("Of", { exact: true }).inputValue()).toBe("huber");
});

it("works by the keyboard alone", async () => {
  const page = await visit("speed.html?size=4,096&loss=mae");
  await page.getByRole("checkbox").focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await done(page);
});

it.each(["light", "dark"] as const)("has no grave fault for those who use it otherwise, in %s", async (colorScheme) => {
  const page = await visit("speed.html?size=4,096&loss=mae", { bypassCSP: true, colorScheme });
  await start(page);
  await done(page);
  await expectAccessible(page);
});

it("is to be looked at", async () => {
  const page = await visit("speed.html?size=4,096&tfjs=yes");
  await start(page);
  await done(page);
  await picture(page, "speed");
});
