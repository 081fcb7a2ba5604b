import type { RowSpec, Spec } from "./spec.js";
import type { Reduction, Total } from "./types.js";

export type Floats = Float32Array | Float64Array;

/** Class indices: integers, in a Float64Array those that came as BigInts. */
export type Labels =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float64Array;

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
  /** Where there is one, each round of `open` and `sweep` leaves its sum and what that rounds away here, for who adds them up elsewhere. */
  rounds: number[] | undefined;
}

/** Losses whose kernels come together: who uses no other need not have the others'. */
export type Kind = "regression" | "classification" | "rows";

/** What compiles their binaries; f32's lacks the losses that are worked out in f64 for both types. */
export interface Family<K extends Kind = Kind> {
  readonly kind: K;
  readonly f32: () => WebAssembly.Module;
  readonly f64: () => WebAssembly.Module;
}

/** Of a binary that nobody has given. */
export class Missing extends Error {}

/** The same compiled, for other threads. */
export interface Modules<K extends Kind = Kind> {
  readonly kind: K;
  f32: WebAssembly.Module;
  f64: WebAssembly.Module;
}

/** What carries losses out: the kernels, or the reference. */
export interface Engine {
  /** What other threads carry parts of a call out with; without it, there are no jobs. */
  readonly modules?: () => Modules<"regression" | "classification">;
  /** Checks the values against the spec, before anything is written, and returns the total weight. */
  open(call: Call): number;
  /** Leaves what `want` says and returns the weighted sum of the losses, if that is wanted. */
  sweep(call: Call, want: number): number;
}

/** One checked call of a row loss: `rows` rows of `length` numbers. There is a single one, too. */
export interface RowCall {
  spec: RowSpec;
  rows: number;
  length: number;
  prediction: Floats;
  /** The other array of the rows' shape; empty where there are labels instead. */
  target: Floats;
  /** One a row. */
  labels: Labels | undefined;
  /** The label of rows that do not count; NaN for none. */
  ignore: number;
  /** One a row. */
  weights: Floats | undefined;
  /** One a class. */
  classWeights: Floats | undefined;
  /** The spec's parameter, rounded to the element type. */
  a: number;
  /** What the derivatives are multiplied by. */
  scale: number;
  /** What the weights are multiplied by, a power of two. */
  unit: number;
  /** What `open` has divided the class weights by, a power of two. */
  classUnit: number;
  /** The caller's buffers; where there is none, a sweep that wants one leaves a new array here. */
  value: Floats | undefined;
  grad: Floats | undefined;
  hess: Floats | undefined;
  /** By the other array, of a loss that has both derivatives. */
  gradOther: Floats | undefined;
  hessOther: Floats | undefined;
  /** The first offender that `open` found. */
  fault: "prediction" | "target" | "labels" | "weights" | undefined;
  at: number;
  /** As of a `Call`; of the rows' weights before they are multiplied by `classUnit`. */
  rounds: number[] | undefined;
}

/** A call that was checked but for the values of its arrays, to be carried out elsewhere. */
export type Job = {
  readonly reduction: Reduction;
  readonly modules: Modules;
  /** Carries it out here and now; returns the reduced value, and leaves outputs in the call. */
  run(want: number): number;
  total(): Total;
} & (
  | { readonly kind: "regression" | "classification"; readonly call: Call }
  | { readonly kind: "rows"; readonly call: RowCall }
);

/** A loss's method that makes a job of its arguments, or throws what the loss would. */
export const JOB = Symbol.for("simdloss.job");

/** What carries row losses out. */
export interface RowEngine {
  readonly modules?: () => Modules<"rows">;
  /** Checks the values against the spec, before anything is written, and returns Σ over the rows that count of weight · class weight. */
  open(call: RowCall): number;
  /** Leaves what `want` says and returns the weighted sum of the rows' losses, if that is wanted. */
  sweep(call: RowCall, want: number): number;
}

/** Images of one size to be compared, the channels of a pixel side by side. */
export interface ImageCall {
  prediction: Floats;
  target: Floats;
  images: number;
  width: number;
  height: number;
  channels: number;
  peak: number;
  /** The derivative of the mean by the prediction, if it is wanted. */
  grad: Floats | undefined;
}

/** What compares images: returns the mean of 1 − SSIM over all windows of all images and channels. */
export type ImageEngine = (call: ImageCall) => number;
