import { defineConfig } from "vitest/config";

/** npm run test:edge: what needs workerd, which npm run setup:runtimes installs. */
export default defineConfig({ test: { include: ["test/examples/*.workerd.ts"], testTimeout: 120_000 } });
