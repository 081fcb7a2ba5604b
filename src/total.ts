/** Sums that can be added over shards, workers and machines. */
import { show } from "./arrays.js";
import type { Total } from "./types.js";

/**
 * Adds totals of the same loss: those of shards, workers or machines.
 *
 * @throws TypeError for what is not a total.
 * @example
 * const t = mergeTotals(mse.total([1, 2], [0, 0]), mse.total([3], [0]));
 * mse.fromTotal(t); // 14 / 3
 */
export function mergeTotals(...totals: readonly Total[]): Total {
  let sum = 0;
  let weight = 0;
  for (const total of totals) {
    const part = check("mergeTotals", total);
    sum += part.sum;
    weight += part.weight;
  }
  return { sum, weight };
}

export function fromTotal(spec: { readonly name: string; readonly root?: true | undefined }, total: unknown): number {
  const { sum, weight } = check(spec.name, total);
  if (weight === 0) return Number.NaN;
  return spec.root ? Math.sqrt(sum / weight) : sum / weight;
}

function check(who: string, total: unknown): Total {
  if (isTotal(total)) return total;
  throw new TypeError(`${who}: a total must be { sum, weight }, both numbers, got ${show(total)}`);
}

function isTotal(thing: unknown): thing is Total {
  if (typeof thing !== "object" || thing === null) return false;
  return "sum" in thing && typeof thing.sum === "number" && "weight" in thing && typeof thing.weight === "number";
}
