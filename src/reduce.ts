/** Means and sums of the losses of a call. */
import { EACH, SUM } from "../assembly/want.js";
import type { Floats } from "./engine.js";
import type { Reduction } from "./types.js";

interface Weighted {
  readonly prediction: Floats;
  scale: number;
  unit: number;
}

/** The mean or sum of the losses, with "none" nothing, but one value each; `weight` is the total weight. */
export function runSum<C extends Weighted>(
  engine: { sweep(call: C, want: number): number },
  call: C,
  weight: number,
  want: number,
  reduction: Reduction,
): number {
  const total = prepareSum(call, weight, reduction);
  return reduced(engine.sweep(call, reducing(want, reduction)), total);
}

/** Before the sweep: sets what derivatives are multiplied by; returns what a mean is to be divided by. */
export function prepareSum(call: Weighted, weight: number, reduction: Reduction): number {
  const total = reduction === "mean" ? weigh(call, weight) : 1;
  call.scale = total === 0 ? 0 : 1 / total;
  return total;
}

/** What a sweep is to leave. */
export function reducing(want: number, reduction: Reduction): number {
  return reduction === "none" && want & SUM ? (want ^ SUM) | EACH : want;
}

/** After the sweep: the mean or sum. */
export function reduced(sum: number, total: number): number {
  return total === 0 ? Number.NaN : sum / total;
}

/**
 * Chooses the weights' unit for a mean, a power of two that their total is near to where it is extreme, so that its inverse and the
 * weighted losses are normal numbers; returns the total in that unit.
 */
export function weigh(call: Weighted, weight: number): number {
  if (weight === 0 || (weight > 2 ** -100 && weight < 2 ** 100)) return weight;
  const most = call.prediction.BYTES_PER_ELEMENT === 4 ? 126 : 1000;
  call.unit = 2 ** -Math.max(-most, Math.min(most, Math.round(Math.log2(weight))));
  return weight * call.unit;
}
