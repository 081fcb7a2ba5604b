/** The command itself: what its processes find comes back, and decides how it ends. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { proveEvery } from "./every.js";

const out = mkdtempSync(join(tmpdir(), "simdloss-"));
const settings = { stride: 1_000_003, threads: 2, out };
const log = vi.spyOn(console, "log").mockImplementation(() => {});

beforeAll(() => log.mockClear());
afterAll(() => {
  log.mockRestore();
  rmSync(out, { recursive: true });
});

it("finds mae within its bound", { timeout: 60_000 }, async () => {
  expect(await proveEvery(["mae"], settings)).toBe(true);
  expect(log.mock.lastCall?.[0]).toMatch(/^mae: every 1000003th float32 in \d+ s; 0 results are beyond/);
});

it("does not lose an error that is infinite", { timeout: 60_000 }, async () => {
  const worker = new URL("./spoiledWorker.ts", import.meta.url);
  expect(await proveEvery(["mae"], settings, worker)).toBe(false);
  expect(log.mock.lastCall?.[0]).toMatch(/; 1 results are beyond/);
  const { verdicts } = JSON.parse(readFileSync(join(out, "mae.json"), "utf8"));
  expect(verdicts.map(({ worst, two }: { worst: unknown; two: number }) => [worst, two])).toEqual([
    [0, 0],
    ["Infinity", 1],
    [0, 0],
  ]);
});
