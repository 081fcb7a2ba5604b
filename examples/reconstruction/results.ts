/** What came of the losses, as a table. */
import Table from "cli-table3";
import type { Trained } from "./model.js";

/** Of restored digits against the clean ones. */
export interface Likeness {
  readonly psnr: number;
  readonly ssim: number;
}

export type Run = Trained & Likeness;

/** A row for the noisy digits and one for each loss, of all its runs. */
export function tableOf(noisy: Likeness, runs: ReadonlyMap<string, readonly Run[]>): string {
  const table = new Table({
    head: ["loss", "training value", "PSNR, dB", "SSIM", "ms a step", "within the loss"],
    colAligns: ["left", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  table.push(["(noisy input)", "", noisy.psnr.toFixed(2), noisy.ssim.toFixed(3), "", ""]);
  for (const [name, own] of runs) {
    const all = (measure: keyof Run): number[] => own.map((run) => run[measure]);
    table.push([
      name,
      mean(all("value")).toPrecision(3),
      spread(all("psnr"), 2),
      spread(all("ssim"), 3),
      mean(all("stepTime")).toFixed(1),
      mean(all("lossTime")).toFixed(2),
    ]);
  }
  return table.toString();
}

/** The mean, and of several values their sample standard deviation. */
function spread(values: readonly number[], digits: number): string {
  const middle = mean(values);
  if (values.length === 1) return middle.toFixed(digits);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return `${middle.toFixed(digits)} ± ${Math.sqrt(squares / (values.length - 1)).toFixed(digits)}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
