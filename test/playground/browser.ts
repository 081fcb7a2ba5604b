/** A visitor of the playground: Chromium, of which nothing that goes wrong may pass unseen. */
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium as driver, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";
import { chromium } from "../runtimes/programs.js";

const pictures = fileURLToPath(new URL("../../out/playground-pictures/", import.meta.url));
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** The widths that a person should look at. */
export const widths = { phone: 360, tablet: 820, desktop: 1920 } as const;

type Circumstances = BrowserContextOptions & {
  /** In place of the server's. */
  readonly headers?: Record<string, string>;
};

export interface Visitor {
  /** A page of the site once its content is there, such as `fit.html?seed=2`; `opened` has it before. */
  visit(path: string, options?: Circumstances, opened?: (page: Page) => void): Promise<Page>;
  /** What has gone wrong so far, for a test that expects it: it is then forgotten. */
  complaints(): readonly string[];
}

/** Opens a browser for the tests of a file. After each test the pages are closed, and must not have complained. */
export function visitor(): Visitor {
  let browser: Browser | undefined;
  const complaints: string[] = [];
  beforeAll(async () => {
    const executablePath = chromium.file();
    if (executablePath === undefined) throw new Error("there is no chromium; npm run setup:runtimes installs it");
    // Its own sandbox is not to be had in containers, nor for root.
    const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"];
    browser = await driver.launch({ executablePath, args });
  });
  const drained = (): readonly string[] => complaints.splice(0);
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    expect(drained()).toEqual([]);
  });
  afterAll(() => browser?.close());

  return {
    complaints: drained,
    async visit(path, { headers, ...options } = {}, opened) {
      if (browser === undefined) throw new Error("visit within a test");
      const context = await browser.newContext({ viewport: { width: widths.desktop, height: 1080 }, ...options });
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
      if (headers !== undefined) {
        await page.route("**/*", async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, headers: { ...response.headers(), ...headers } });
        });
      }
      opened?.(page);
      await page.goto(new URL(path, inject("address")).href);
      await page.getByRole("heading", { level: 1 }).waitFor();
      return page;
    },
  };
}

/** No fault that axe-core calls serious or critical. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.addScriptTag({ path: axe }).catch(async () => {
    throw new Error("axe-core was not let in; visit with bypassCSP");
  });
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}

/** Pictures at three widths and in both themes, for a person to look at; nothing may be wider than the window. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [device, width] of Object.entries(widths)) {
      await page.setViewportSize({ width, height: 1000 });
      await page.waitForTimeout(200); // charts follow the width
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth),
        `${name} at ${width}`,
      ).toBeLessThanOrEqual(width);
      await page.screenshot({ path: `${pictures}${name}-${device}-${colorScheme}.png`, fullPage: true });
    }
  }
}
