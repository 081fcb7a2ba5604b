import { expect, it } from "vitest";
import { expectAccessible, picture, visitor } from "./browser.js";

const { visit } = visitor();

it("opens", async () => {
  const page = await visit("./", { bypassCSP: true });
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("losses");
  await expectAccessible(page);
  await picture(page, "losses");
});
