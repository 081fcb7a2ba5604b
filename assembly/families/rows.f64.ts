/** More exports of the f64 build: losses whose f32 arrays, too, go through f64 arithmetic. */
import { Distillation, GaussianKl, KlDivergence, KlDivergenceWithLogits } from "../losses/divergence";
import { runRowsWide } from "../rows";

export { STRIP, ssim } from "../ssim";
export { F64 } from "./f64";

export function klDivergence(): void {
  runRowsWide<KlDivergence>();
}
export function klDivergenceWithLogits(): void {
  runRowsWide<KlDivergenceWithLogits>();
}
export function distillation(): void {
  runRowsWide<Distillation>();
}
export function gaussianKl(): void {
  runRowsWide<GaussianKl>();
}
