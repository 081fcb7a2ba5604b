/** What is timed, and what every contestant has to answer before it is. */
import * as kernels from "simdloss";
import * as elementSpecs from "../../src/losses/index.js";
import { kindOf } from "../../test/accuracy/points.js";
import { type ElementName, elementNames, type RowName } from "../contestants.js";
import { distributions, inputs, labels, logits, type Shape } from "../inputs.js";

const specs = { ...elementSpecs };

export type Name = ElementName | RowName;

/** Value and gradient of one loss, of the mean, with its default parameters; `distillation` at the temperature of ../rows.ts. */
export type Task = {
  /** Elements, or rows×numbers a row. */
  readonly size: string;
  readonly rows: number;
  /** Numbers a row; 1 for losses of elements. */
  readonly length: number;
  readonly prediction: Float32Array;
} & (
  | { readonly loss: "softmaxCrossEntropy"; readonly target: Int32Array }
  | { readonly loss: Exclude<Name, "softmaxCrossEntropy">; readonly target: Float32Array }
);

/** The target as tensors want it: labels one-hot. */
export function denseTarget({ loss, target, rows, length }: Task): Float32Array {
  if (loss !== "softmaxCrossEntropy") return target;
  const oneHot = new Float32Array(rows * length);
  for (const [row, label] of target.entries()) oneHot[row * length + label] = 1;
  return oneHot;
}

/** klDivergence's bound of predictions. */
export const epsilon = kernels.klDivergence.parameters.epsilon.default;

/** A contestant at a task. */
export interface Runner {
  /** What it makes of the task, to be compared; of gaussianKl both gradients. */
  readonly value: number;
  readonly grads: readonly Float32Array[];
  /** Nanoseconds a call, by calls one after the other for so many milliseconds, or one. */
  time(milliseconds: number): Promise<number>;
  close(): void;
}

export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** How far a value of so many elements may be from ours, relatively; a gradient's entry may be by GRADIENT, and of rmse by as much more. */
  readonly tolerance: (elements: number) => number;
  /** Throws where it has no such loss. */
  start(task: Task): Promise<Runner> | Runner;
  close(): Promise<void> | void;
}

export function isElementName(name: Name): name is ElementName {
  return elementNames.some((own) => own === name);
}

export function elementTask(loss: ElementName, n: number): Task {
  return { loss, size: String(n), rows: n, length: 1, ...inputs(kindOf(specs[loss]), n) };
}

export function rowTask(loss: RowName, shape: Shape): Task {
  const [rows, length] = shape;
  const own = { size: `${rows}×${length}`, rows, length, prediction: logits(shape, 1) };
  switch (loss) {
    case "softmaxCrossEntropy":
      return { ...own, loss, target: labels(shape, 2) };
    case "klDivergence":
      return { ...own, loss, prediction: distributions(shape, 1), target: distributions(shape, 2) };
    case "klDivergenceWithLogits":
      return { ...own, loss, target: distributions(shape, 2) };
    case "distillation":
    case "gaussianKl":
      return { ...own, loss, target: logits(shape, 2) };
  }
}

/** Nanoseconds: a sample is of as many calls as take this long, so that reading the clock does not count. As in ../native/main.c and speed.py. */
const SAMPLE = 50e3;

/** Nanoseconds a call: the median of samples taken for so many milliseconds, of one at least. */
export async function nanoseconds(repeat: Repeat, milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  const of = async (calls: number): Promise<number> => {
    const start = performance.now();
    const done = repeat(calls);
    if (done !== undefined) await done;
    return ((performance.now() - start) * 1e6) / calls;
  };
  const first = await of(1);
  const calls = Math.ceil(SAMPLE / first);
  const samples = calls > 1 ? [] : [first];
  while (samples.length === 0 || performance.now() < end) samples.push(await of(calls));
  return quantile(samples, 0.5);
}

/** Makes so many calls. */
export type Repeat = (calls: number) => Promise<void> | void;

export function repeat(run: () => unknown): Repeat {
  return (calls) => {
    for (let call = 0; call < calls; call++) run();
  };
}

export function quantile(numbers: readonly number[], share: number): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(share * (numbers.length - 1))] ?? Number.NaN;
}

/** Nothing: simdloss gives the same bits wherever its arrays lie. */
export const same = (): number => 0;

/** Of who adds losses in f64 or in pairs: f32 results of several roundings, most of which cancel. */
export const wellAdded = (): number => 1e-6;

/**
 * Of who adds f32 losses one after the other: 1/32 of the bound n·2⁻²⁴; TensorFlow.js wasm and jax-js come to 1/64. And TensorFlow.js adds
 * 1e-7 to probabilities, of which the smallest here is 0.01; jax-js' powers are off by 2.5e-5.
 */
export const plainlyAdded = (elements: number): number => 5e-5 + elements * 2 ** -29;

/** Relative to the largest entry, for the same reasons. */
export const GRADIENT = 5e-5;

/** How far an answer is from ours. */
export interface Deviation {
  /** Relative. */
  readonly value: number;
  /** Of the gradient's entries, the furthest, relative to the largest entry of ours. */
  readonly grad: number;
}

export function deviation(task: Task, ours: Runner, other: Runner): Deviation {
  const grads = ours.grads.map((own, which) => furthest(task, own, other.grads[which]));
  return { value: Math.abs(other.value - ours.value) / Math.abs(ours.value), grad: Math.max(...grads) };
}

/** Where klDivergence bounds a prediction, ours is the gradient at the bound, that of others is 0: it does not count. */
function furthest({ loss, prediction }: Task, ours: Float32Array, other: Float32Array = new Float32Array(0)): number {
  if (other.length !== ours.length) return Number.POSITIVE_INFINITY;
  const least = loss === "klDivergence" ? epsilon : Number.NEGATIVE_INFINITY;
  let largest = 0;
  let far = 0;
  for (let k = 0; k < ours.length; k++) {
    if ((prediction[k] ?? Number.NaN) <= least) continue;
    const own = ours[k] ?? Number.NaN;
    const off = Math.abs((other[k] ?? Number.NaN) - own);
    if (!(off <= far)) far = off; // a NaN is the furthest
    largest = Math.max(largest, Math.abs(own));
  }
  return far / largest;
}
