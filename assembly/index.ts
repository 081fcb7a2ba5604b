/** The exports: one line per loss. */
import { request, run, runWide } from "./batch";
import { Bce, BceWithLogits, Focal, FocalWithLogits } from "./losses/classification";
import { Charbonnier, Huber, LogCosh, Mae, Mse, Rmse } from "./losses/regression";

/** Where the request lies. */
export const REQUEST: usize = changetype<usize>(request);

export function mae(): void { run<Mae, real>(); }
export function mse(): void { run<Mse, real>(); }
export function rmse(): void { run<Rmse, real>(); }
export function huber(): void { run<Huber, real>(); }
export function logCosh(): void { run<LogCosh, real>(); }
export function charbonnier(): void { run<Charbonnier, real>(); }
export function bce(): void { run<Bce, real>(); }
export function bceWithLogits(): void { run<BceWithLogits, real>(); }
export function focal(): void { runWide<Focal>(); }
export function focalWithLogits(): void { runWide<FocalWithLogits>(); }
