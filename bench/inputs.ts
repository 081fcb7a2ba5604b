/** Seeded arrays, the same on every machine. */

/** Numerical Recipes' linear congruential generator: the next of 2³² states, as a number in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A sum of three uniform numbers, near enough to a normal one of deviation 1. */
export function bell(next: () => number): number {
  return 2 * (next() + next() + next() - 1.5);
}

export interface Inputs {
  readonly prediction: Float32Array;
  readonly target: Float32Array;
}

/** Residuals around ±1, logits around ±2, probabilities in (0, 1); labels are 0 or 1, other targets as spread as the predictions. */
export function inputs(kind: "residual" | "logit" | "probability", n: number): Inputs {
  const next = uniform(n);
  const prediction = new Float32Array(n);
  const target = new Float32Array(n);
  for (let k = 0; k < n; k++) {
    prediction[k] = kind === "probability" ? 0.01 + 0.98 * next() : kind === "logit" ? 2 * bell(next) : bell(next);
    target[k] = kind === "residual" ? bell(next) : Math.round(next());
  }
  return { prediction, target };
}

/** Rows and classes. */
export type Shape = readonly [rows: number, classes: number];

/** Logits as above. */
export function logits([rows, classes]: Shape, seed: number): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length: rows * classes }, () => 2 * bell(next));
}

/** The classes of the rows. */
export function labels([rows, classes]: Shape, seed: number): Int32Array {
  const next = uniform(seed);
  return Int32Array.from({ length: rows }, () => Math.floor(classes * next()));
}

/** Rows of probabilities that add up to 1, by softmax of such logits. */
export function distributions(shape: Shape, seed: number): Float32Array {
  const numbers = logits(shape, seed).map(Math.exp);
  const [rows, classes] = shape;
  for (let row = 0; row < rows; row++) {
    const own = numbers.subarray(row * classes, (row + 1) * classes);
    const sum = own.reduce((before, u) => before + u, 0);
    own.forEach((u, k) => {
      own[k] = u / sum;
    });
  }
  return numbers;
}
