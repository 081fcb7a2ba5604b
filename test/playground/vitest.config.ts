import { defineConfig } from "vitest/config";

/** npm run test:playground: what needs Chromium. */
export default defineConfig({
  test: {
    include: ["test/playground/*.browser.ts"],
    globalSetup: "test/playground/site.ts",
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
