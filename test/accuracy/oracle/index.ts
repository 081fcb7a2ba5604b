/** The exports: inputs by their bits, what they have in common, and the verdict on the results that a loss has of them. */
import { Bce, BceWithLogits, Charbonnier, Focal, FocalWithLogits, Formula, Huber, LogCosh, Mae, Mse } from "./formulas";
import {
  inputAt,
  INPUTS as inputs,
  judge as judgeResult,
  open,
  record as recordResults,
  RECORDS as records,
  RESULTS as results,
  SIZE as size,
  VERDICTS as verdicts,
} from "./judge";

export const SIZE: i32 = size;
export const INPUTS: usize = inputs;
export const RESULTS: usize = results;
export const VERDICTS: usize = verdicts;
export const RECORDS: usize = records;

export function record(on: bool): void {
  recordResults(on);
}

/** Leaves the float32s whose bits are `first` and every `stride`-th after it. */
export function fill(first: u32, stride: u32, n: i32): void {
  for (let k = 0; k < n; k++) store<u32>(INPUTS + (k << 2), first + k * stride);
}

function shareAll<F extends Formula>(n: i32): void {
  for (let k = 0; k < n; k++) changetype<F>(0).share(k, inputAt(k));
}

/** Losses go by their place in test/accuracy/cases.ts. */
export function share(loss: i32, n: i32): void {
  if (loss == 5) return shareAll<Bce>(n);
  if (loss == 6) return shareAll<BceWithLogits>(n);
  if (loss == 7) return shareAll<Focal>(n);
  if (loss == 8) return shareAll<FocalWithLogits>(n);
}

function judgeAll<F extends Formula>(n: i32, y: f64, a: f64, b: f64, c: f64): void {
  open();
  for (let k = 0; k < n; k++) changetype<F>(0).judge(k, inputAt(k), y, a, b, c);
}

/** Of n results, with the parameters in the spec's order, NaN for null. */
export function judge(loss: i32, n: i32, y: f64, a: f64, b: f64, c: f64): void {
  if (loss == 0) return judgeAll<Mae>(n, y, a, b, c);
  if (loss == 1) return judgeAll<Mse>(n, y, a, b, c);
  if (loss == 2) return judgeAll<Huber>(n, y, a, b, c);
  if (loss == 3) return judgeAll<LogCosh>(n, y, a, b, c);
  if (loss == 4) return judgeAll<Charbonnier>(n, y, a, b, c);
  if (loss == 5) return judgeAll<Bce>(n, y, a, b, c);
  if (loss == 6) return judgeAll<BceWithLogits>(n, y, a, b, c);
  if (loss == 7) return judgeAll<Focal>(n, y, a, b, c);
  if (loss == 8) return judgeAll<FocalWithLogits>(n, y, a, b, c);
  unreachable();
}

/** A function of assembly/math.ts, by its place in test/accuracy/cases.ts. */
function exact(which: i32, x: f64): f64 {
  if (which == 0) return Math.exp(x);
  if (which == 1) return Math.expm1(x);
  if (which == 2) return Math.log(x);
  if (which == 3) return Math.log1p(x);
  if (which == 4) return Math.log1p(-x);
  if (which == 5) return x / (1 + x);
  return x / ((1 + x) * (1 + x));
}

export function judgeFunction(which: i32, n: i32): void {
  open();
  for (let k = 0; k < n; k++) judgeResult(k, 0, exact(which, inputAt(k)), 0);
}
