/** More exports of the f64 build: losses whose f32 arrays, too, go through f64 arithmetic. */
import { runWide } from "../batch";
import { Focal, FocalWithLogits } from "../losses/classification";

export { F64 } from "./f64";

export function focal(): void {
  runWide<Focal>();
}
export function focalWithLogits(): void {
  runWide<FocalWithLogits>();
}
