/** Where figures go, with what they were measured on. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

export function writeReport(folder: string, name: string, started: number, figures: object): void {
  const report = {
    name,
    seconds: Math.round((performance.now() - started) / 1000),
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    ...figures,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(report, spelled, 1)}\n`);
}

/** JSON knows neither Infinity nor NaN. */
function spelled(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
