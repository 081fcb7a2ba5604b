/** The exports: one line per loss. */
import { run } from "../batch";
import { Charbonnier, Huber, LogCosh, Mae, Mse, Rmse } from "../losses/regression";

export { REQUEST } from "../batch";
export { weigh } from "../check";

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
