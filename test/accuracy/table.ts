/** How measurements show their progress and their results. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import type { Settings } from "./cases.js";

/** Runs a measurement of so many inputs behind a bar. */
export async function withBar<R>(
  name: string,
  count: number,
  inputs: string,
  measure: (onDone: (inputs: number) => void) => Promise<R>,
): Promise<R> {
  const format = `${name} {bar} {percentage} % of ${count.toLocaleString("en")} ${inputs}, {eta_formatted} left`;
  const bar = new SingleBar({ format, stream: process.stdout });
  bar.start(count, 0);
  const result = await measure((done) => bar.increment(done));
  bar.stop();
  return result;
}

/** Columns are aligned to the right, but for those of text. */
export function print(head: readonly string[], text: readonly string[], rows: readonly (readonly string[])[]): void {
  const table = new Table({
    head: [...head],
    colAligns: head.map((title) => (text.includes(title) ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  console.log(table.toString());
}

export function show(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

export function share(part: number, count: number): string {
  if (part === 0) return "0";
  const percent = (100 * part) / count;
  return percent < 1e-4 ? `${part} of ${count}` : `${Number(percent.toPrecision(2))} %`;
}
