/** Seeded draws from the domain that a spec states. */
import type { Spec } from "../src/spec.js";
import type { Floats, FloatsConstructor } from "./implementations.js";

/** Numbers in [0, 1), the same for the same seed. Mulberry32. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `n` numbers of a type, each a function of its index. */
export function fill(Type: FloatsConstructor, n: number, at: (k: number) => number): Floats {
  const array = new Type(n);
  for (let k = 0; k < n; k++) array[k] = at(k);
  return array;
}

/** A multiple of 2⁻¹⁰ in ±8: a difference of two of them is exact in either type. */
const grid = (draw: () => number): number => Math.round((draw() - 0.5) * 2 ** 14) / 2 ** 10;

/** Within the interval, a sixteenth of all draws at its ends. */
function between([low, high]: readonly [number, number], draw: () => number): number {
  const end = draw() * 32;
  if (end < 1) return low;
  if (end < 2) return high;
  return low + (high - low) * draw();
}

export function drawPrediction({ predictions }: Spec, draw: () => number): number {
  return predictions === undefined ? grid(draw) : between(predictions, draw);
}

export function drawTarget({ targets, labels }: Spec, draw: () => number): number {
  if (targets === undefined) return grid(draw);
  if (labels) return draw() < 0.5 ? targets[0] : targets[1];
  return between(targets, draw);
}

export interface Data {
  readonly prediction: Floats;
  readonly target: Floats;
  /** Eighths up to 2, every fifth or so 0. */
  readonly weights: Floats;
}

export function drawData(spec: Spec, Type: FloatsConstructor, n: number, seed = 1): Data {
  const draw = random(seed);
  return {
    prediction: fill(Type, n, () => drawPrediction(spec, draw)),
    target: fill(Type, n, () => drawTarget(spec, draw)),
    weights: fill(Type, n, () => (draw() < 0.2 ? 0 : Math.ceil(16 * draw()) / 8)),
  };
}
