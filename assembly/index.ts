/** The exports: one line per loss. */
import { request, run } from "./batch";
import { Bce, BceWithLogits, WeightedBceWithLogits } from "./losses/classification";
import { SoftmaxCrossEntropy } from "./losses/divergence";
import { Charbonnier, Huber, LogCosh, Mae, Mse, Rmse } from "./losses/regression";
import { runRows } from "./rows";

export { REQUEST } from "./batch";
export { notClass, outside, unlabelled, weigh, weighRows } from "./check";

export function mae(): void {
  run<Mae, real>();
}
export function mse(): void {
  run<Mse, real>();
}
export function rmse(): void {
  run<Rmse, real>();
}
export function huber(): void {
  run<Huber, real>();
}
export function logCosh(): void {
  run<LogCosh, real>();
}
export function charbonnier(): void {
  run<Charbonnier, real>();
}
export function bce(): void {
  run<Bce, real>();
}
export function bceWithLogits(): void {
  if (request.a == 1 && request.b == 0) run<BceWithLogits, real>();
  else run<WeightedBceWithLogits, real>();
}
export function softmaxCrossEntropy(): void {
  runRows<SoftmaxCrossEntropy, real>();
}
