/** The exports: one line per loss. */
import { SoftmaxCrossEntropy } from "../losses/divergence";
import { runRows } from "../rows";

export { REQUEST } from "../batch";
export { notClass, outside, weigh, weighRows } from "../check";

export function softmaxCrossEntropy(): void {
  runRows<SoftmaxCrossEntropy, real>();
}
