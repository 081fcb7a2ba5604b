/** The same loss by each of those that are timed: value and gradient of Float32Arrays. */
import { Arena, type Loss } from "simdloss";
import { inputs } from "../../bench/inputs.js";
import { naive } from "../../bench/naive.js";
import type { Losses } from "../shell/losses.js";

export type Name = keyof typeof naive;
const isName = (name: string): name is Name => name in naive;
export const names: readonly Name[] = Object.keys(naive).filter(isName);

export const whos = ["plain JavaScript", "simdloss", "simdloss in an Arena", "TensorFlow.js"] as const;
export type Who = (typeof whos)[number];

/** Gives the value, and writes the gradient into an array that is always the same. */
export interface Contestant {
  readonly run: () => number;
  /** As it is after a run. */
  readonly grad: () => ArrayLike<number>;
  readonly end?: () => void;
}

export const kindOf = (name: Name): Parameters<typeof inputs>[0] =>
  name === "bce" || name === "focal" ? "probability" : name.endsWith("WithLogits") ? "logit" : "residual";

function lossesOf(losses: Losses): Readonly<Record<Name, Loss>> {
  return losses;
}

export function contestants(losses: Losses, name: Name, size: number): Map<Who, Contestant> {
  const { prediction, target } = inputs(kindOf(name), size);
  const loss = lossesOf(losses)[name];
  const ours = (x: Float32Array, y: Float32Array, grad: Float32Array): Contestant => {
    const options = { out: { grad } };
    return { run: () => Number(loss.valueAndGrad(x, y, options).value), grad: () => grad };
  };

  const arena = new Arena({ bytes: 3 * 4 * size + 4096 });
  const [x, y, gradient] = [arena.float32(size), arena.float32(size), arena.float32(size)];
  x.set(prediction);
  y.set(target);

  const plain = new Float32Array(size);
  return new Map<Who, Contestant>([
    ["plain JavaScript", { run: () => naive[name].valueAndGrad(prediction, target, plain), grad: () => plain }],
    ["simdloss", ours(prediction, target, new Float32Array(size))],
    ["simdloss in an Arena", ours(x, y, gradient)],
  ]);
}

/** Plain sums in Float32 are off by some 1e-5 of all; a faulty one by more than this. */
const tolerance = 1e-3;

/** Whether two come to the same: value and gradient, to a thousandth. */
export function agree(one: Contestant, other: Contestant): boolean {
  const [a, b] = [one.run(), other.run()];
  if (!(Math.abs(a - b) <= tolerance * Math.abs(a))) return false;
  const [g, h] = [Float64Array.from(one.grad()), Float64Array.from(other.grad())];
  const largest = g.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  return g.length === h.length && g.every((each, k) => Math.abs(each - (h[k] ?? Number.NaN)) <= tolerance * largest);
}
