/** Runs the worker in workerd, Cloudflare's runtime, on this machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Served {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** At a port of 127.0.0.1; 0 for any that is free. */
export async function serve(port: number): Promise<Served> {
  const config = fileURLToPath(new URL("wrangler.jsonc", import.meta.url));
  const arguments_ = ["serve", config, "--socket-addr", `http=127.0.0.1:${port}`, "--control-fd", "1"];
  const child = spawn(workerd(), arguments_, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    const { port: listening } = JSON.parse(line);
    const { pid } = child;
    if (typeof listening !== "number" || pid === undefined) break;
    const close = async (): Promise<void> => {
      child.kill();
      await ended;
    };
    return { url: `http://127.0.0.1:${listening}`, pid, close };
  }
  throw new Error("workerd ended before it listened; it says why above");
}

function workerd(): string {
  try {
    return createRequire(new URL("../../test/runtimes/installed/package.json", import.meta.url))("workerd").default;
  } catch {
    throw new Error("workerd is not installed; npm run setup:runtimes installs it");
  }
}
