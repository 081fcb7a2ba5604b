/** Builds the playground, and serves it to this machine alone while its tests run. */
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    address: string;
  }
}

export default async function serve({ provide }: TestProject): Promise<() => Promise<void>> {
  const configFile = fileURLToPath(new URL("../../playground/vite.config.ts", import.meta.url));
  await build({ configFile, logLevel: "warn" });
  const server = await preview({ configFile, logLevel: "warn", preview: { port: 0, strictPort: true } });
  const [address] = server.resolvedUrls?.local ?? [];
  if (address === undefined) throw new Error("the site is not served");
  provide("address", address);
  return () => server.close();
}
