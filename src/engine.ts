import type { Spec } from "./spec.js";

export type Floats = Float32Array | Float64Array;

/** One checked call of a loss. There is a single one, filled anew each time, so that calls allocate nothing. */
export interface Call {
  spec: Spec;
  prediction: Floats;
  target: Floats;
  weights: Floats | undefined;
  /** In the spec's order, rounded to the element type; NaN for `null`. */
  a: number;
  b: number;
  c: number;
  /** What the derivatives are multiplied by. */
  scale: number;
  /** What the weights are multiplied by, a power of two. */
  unit: number;
  /** The caller's buffers; where there is none, a sweep that wants one leaves a new array here. */
  value: Floats | undefined;
  grad: Floats | undefined;
  hess: Floats | undefined;
  /** The first offender that `open` found. */
  fault: "prediction" | "target" | "weights" | undefined;
  at: number;
}

/** What carries losses out: the kernels, or the reference. */
export interface Engine {
  /** Checks the values against the spec, before anything is written, and returns the total weight. */
  open(call: Call): number;
  /** Leaves what `want` says and returns the weighted sum of the losses, if that is wanted. */
  sweep(call: Call, want: number): number;
}
