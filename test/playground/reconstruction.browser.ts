import type { Page } from "playwright-core";
import * as losses from "simdloss/reference";
import { expect, it } from "vitest";
import { digits } from "../../examples/mnist.js";
import { likeness } from "../../playground/reconstruction/denoiser.js";
import { noisyOf, pixels, side } from "../../playground/reconstruction/digits.js";
import { expectAccessible, picture, visitor } from "./browser.js";

const { visit, complaints } = visitor();
const clean = digits("t10k", 64);

async function figure(page: Page, name: string): Promise<string> {
  const figure = page.locator(".figures > div", { hasText: name });
  return (await figure.locator("dd").first().textContent()) ?? "";
}

const steps = async (page: Page): Promise<number> =>
  Number((await figure(page, "steps")).replace(",", "").replace("–", "0"));

async function trained(page: Page, count: number): Promise<void> {
  await page.getByRole("button", { name: "Train" }).click();
  await expect.poll(() => steps(page), { timeout: 60_000 }).toBeGreaterThan(count);
}

/** The grey of the first ten digits, as they are painted. */
function painted(page: Page, row: string): Promise<number[]> {
  return page.evaluate((row) => {
    const canvas = document.querySelector<HTMLCanvasElement>(`canvas[data-row=${row}]`);
    const context = new OffscreenCanvas(298, 28).getContext("2d", { willReadFrequently: true });
    if (canvas === null || context === null) throw new Error("there is no canvas");
    context.drawImage(canvas, 0, 0);
    const grey = (digit: number): number[] =>
      [...context.getImageData(30 * digit, 0, 28, 28).data].filter((_, k) => k % 4 === 0);
    return Array.from({ length: 10 }, (_, digit) => grey(digit)).flat();
  }, row);
}

const bytes = (numbers: Float32Array): number[] =>
  Array.from(numbers.subarray(0, 10 * pixels), (pixel) => Math.round(255 * pixel));

it("shows real digits, under the noise that is set", async () => {
  const page = await visit("reconstruction.html");
  await expect.poll(() => figure(page, "PSNR")).toBe("–");
  const slider = page.getByLabel("Noise");
  for (const [key, noise] of [
    ["", 0.6],
    ["Home", 0],
    ["ArrowRight", 0.05],
    ["End", 1],
  ] as const) {
    if (key !== "") await slider.press(key);
    const noisy = noisyOf(clean, noise);
    const { psnr, ssim } = likeness(losses, noisy, clean);
    const said = psnr === Infinity ? "noisy ∞ dB" : `noisy ${psnr.toFixed(2)} dB`;
    await page.locator(".figures").getByText(said).waitFor();
    await page
      .locator(".figures")
      .getByText(`noisy ${ssim.toFixed(3)}`)
      .waitFor();
    expect(await painted(page, "Clean")).toEqual(bytes(clean));
    expect(await painted(page, "Noisy")).toEqual(bytes(noisy));
  }
});

it("learns, and stays responsive while it does", async () => {
  const page = await visit("reconstruction.html");
  await trained(page, 30);
  const early = Number(await figure(page, "loss"));
  const longest = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let [last, longest, frames] = [performance.now(), 0, 0];
        requestAnimationFrame(function frame() {
          const now = performance.now();
          longest = Math.max(longest, now - last);
          last = now;
          if (++frames < 120) requestAnimationFrame(frame);
          else resolve(longest);
        });
      }),
  );
  expect(longest).toBeLessThan(1000); // two seconds of learning on the page itself would stop it for longer
  await expect.poll(() => steps(page), { timeout: 60_000 }).toBeGreaterThan(150);
  expect(Number(await figure(page, "loss"))).toBeLessThan(early);
  const { psnr } = likeness(losses, noisyOf(clean, 0.6), clean);
  expect(Number.parseFloat(await figure(page, "PSNR"))).toBeGreaterThan(psnr + 4);
  const restored = Float32Array.from(await painted(page, "Restored"), (grey) => grey / 255);
  const squares = restored.reduce((sum, pixel, k) => sum + (pixel - (clean[k] ?? 0)) ** 2, 0) / restored.length;
  expect(-10 * Math.log10(squares)).toBeGreaterThan(psnr + 3);
  expect(restored).toHaveLength(10 * side * side);
});

it("pauses, goes on, and is reset", async () => {
  const page = await visit("reconstruction.html?loss=mae");
  await trained(page, 10);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(600); // what was under way arrives
  const there = await steps(page);
  await page.waitForTimeout(1000);
  expect(await steps(page)).toBe(there);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect.poll(() => steps(page), { timeout: 30_000 }).toBeGreaterThan(there);
  await page.getByRole("button", { name: "Reset" }).click();
  expect(await figure(page, "steps")).toBe("–");
  await expect.poll(() => page.workers()).toHaveLength(0);
  expect(Math.max(...(await painted(page, "Restored")))).toBe(0);
});

it("keeps the curves of other losses, and none of other noise", async () => {
  const page = await visit("reconstruction.html");
  const legend = page.locator("[data-measure=psnr] .legend li");
  await trained(page, 5);
  await page.getByLabel("Loss").selectOption("bce");
  await expect.poll(() => page.workers()).toHaveLength(0);
  await trained(page, 5);
  expect(await legend.allTextContents()).toEqual(["mse", "bce"]);
  await page.getByLabel("Noise").press("End");
  expect(await legend.count()).toBe(0);
  await expect.poll(() => page.workers()).toHaveLength(0);
});

it("says so when the digits are not to be had, and asks for them again", async () => {
  const page = await visit("reconstruction.html");
  await page.route("**/digits-train.bin", (route) => route.fulfill({ status: 503 }));
  await page.getByRole("button", { name: "Train" }).click();
  await page.getByRole("alert").getByText("503").waitFor();
  await page.unroute("**/digits-train.bin");
  await trained(page, 3);
  expect(await page.getByRole("alert").count()).toBe(0);
  expect(complaints().filter((said) => !said.includes("503"))).toEqual([]);
});

it("keeps what is set in the address, and takes from it only what may be", async () => {
  const page = await visit("reconstruction.html?loss=bce&noise=0.3&seed=7");
  expect(await page.getByLabel("Loss").inputValue()).toBe("bce");
  await page.getByText("Seed 7.").waitFor();
  await page
    .locator(".figures")
    .getByText(`noisy ${likeness(losses, noisyOf(clean, 0.3), clean).psnr.toFixed(2)} dB`)
    .waitFor();
  const other = await visit("reconstruction.html?loss=constructor&noise=-1&seed=x");
  expect(await other.getByLabel("Loss").inputValue()).toBe("mse");
  await other.getByText("Seed 1.").waitFor();
});

it("learns without WebAssembly too", async () => {
  const page = await visit("reconstruction.html", { headers: { "Content-Security-Policy": "script-src 'self'" } });
  await page.getByRole("alert").getByText("'wasm-unsafe-eval'").waitFor();
  await trained(page, 3);
  expect(complaints().every((said) => said.includes("Content Security Policy"))).toBe(true);
});

it("works by the keyboard alone", async () => {
  const page = await visit("reconstruction.html");
  await page.getByRole("button", { name: "Train" }).waitFor();
  await page.getByRole("button", { name: "Share" }).focus();
  const reached: string[] = [];
  for (let k = 0; k < 6; k++) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate(() =>
        document.activeElement?.id ? document.activeElement.tagName : (document.activeElement?.textContent ?? ""),
      ),
    );
  }
  expect(reached.slice(1)).toEqual(["SELECT", "INPUT", "Train", "Reset", "New seed"]);
});

it.each(["light", "dark"] as const)("has no grave fault for those who use it otherwise, in %s", async (colorScheme) => {
  await expectAccessible(await visit("reconstruction.html", { bypassCSP: true, colorScheme }));
});

it("is to be looked at", async () => {
  const page = await visit("reconstruction.html");
  await trained(page, 200);
  await page.getByLabel("Loss").selectOption("1 − ssim");
  await trained(page, 100);
  await page.getByRole("button", { name: "Pause" }).click();
  await picture(page, "reconstruction");
});
