/** Which calls threads are worth waking for. */
import { isShared } from "./memory.js";
import type { Part } from "./worker.js";

/**
 * Numbers in the prediction from which on two threads win. Waking and answering takes 100 µs, twice where numbers are looked at first; beside it a light
 * loss takes 1 ns an element, one with a logarithm for each element 4 to 13, one of rows 1.5 to 3. Copying takes 1.2 ns an element, on one thread: with
 * it light losses and those of rows lose at every size, 0.4 and 0.7 times as fast as one thread at 4 Mi.
 *
 * `npm run bench:parallel`, value and gradient, Node 20, two cores (Intel Xeon), times as fast as one thread at 2^17, 2^18, 2^19, 2^20, 2^22 elements:
 * mse 2^19: 0.86, 0.97, 1.28; huber 0.46, 0.74, 0.96, 1.13, 1.43; bce 1.00, 1.22, 1.40, 1.54, 1.76; bceWithLogits 0.99, 1.21, …, 1.78; logCosh 1.46, 1.65,
 * …, 1.90; focal 1.34, 1.64, …, 1.93; softmaxCrossEntropy of 10 classes 0.82, 1.08, …, 1.51, 1.70, of 1000 0.46, 0.76, …, 1.29, 1.70. In plain arrays
 * at 2^20 and 2^22 bce 0.99, 0.93, logCosh 1.31, 1.35.
 */
const least = {
  shared: { light: 2 ** 20, logarithms: 2 ** 18, rows: 2 ** 19 },
  copied: { light: Infinity, logarithms: 2 ** 20, rows: Infinity },
};

export function isWorthwhile({ kind, call }: Part): boolean {
  const { prediction, target, spec } = call;
  const numbers = least[isShared(prediction) && (target.length === 0 || isShared(target)) ? "shared" : "copied"];
  const heavy = /\blog\b/.test(spec.formula) ? numbers.logarithms : numbers.light;
  return prediction.length >= (kind === "rows" ? numbers.rows : heavy);
}
