/** The exports: one line per loss. */
import { request, run } from "../batch";
import { Bce, BceWithLogits, WeightedBceWithLogits } from "../losses/classification";

export { REQUEST } from "../batch";
export { outside, unlabelled, weigh } from "../check";

export function bce(): void {
  run<Bce, real>();
}
export function bceWithLogits(): void {
  if (request.a == 1 && request.b == 0) run<BceWithLogits, real>();
  else run<WeightedBceWithLogits, real>();
}
