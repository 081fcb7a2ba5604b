/** What the networks learn from: noisy digits with what they were, and digits with their labels. */
import { classes, pixels } from "../mnist.js";
import { gaussian, seeded, shuffled } from "../random.js";

export const batchSize = 32;

/** Rows of inputs and as many of targets, one after another. */
export interface Batch {
  readonly input: Float32Array;
  readonly target: Float32Array;
}

/** Everything a network is shown, every example once an epoch, in an order that a seed decides. */
export interface Course {
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly batches: Iterable<Batch>;
}

/** To give digits back without their noise, which is new each time. */
export function restoring(digits: Float32Array, epochs: number, seed: number): Course {
  const random = seeded(seed);
  return course(digits.length / pixels, epochs, random, (chosen) => {
    const clean = gathered(digits, chosen);
    return { input: withNoise(clean, random), target: clean };
  });
}

/** To tell digits apart. */
export function reading(digits: Float32Array, labels: Uint8Array, epochs: number, seed: number): Course {
  return course(labels.length, epochs, seeded(seed), (chosen) => {
    const oneHot = new Float32Array(chosen.length * classes);
    for (const [row, digit] of chosen.entries()) oneHot[row * classes + (labels[digit] ?? 0)] = 1;
    return { input: gathered(digits, chosen), target: oneHot };
  });
}

function course(count: number, epochs: number, random: () => number, batchOf: (chosen: Int32Array) => Batch): Course {
  const stepsPerEpoch = Math.floor(count / batchSize);
  function* batches(): Generator<Batch> {
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = shuffled(count, random);
      for (let step = 0; step < stepsPerEpoch; step++) {
        yield batchOf(order.subarray(step * batchSize, (step + 1) * batchSize));
      }
    }
  }
  return { steps: epochs * stepsPerEpoch, stepsPerEpoch, batches: batches() };
}

function gathered(digits: Float32Array, chosen: Int32Array): Float32Array {
  const rows = new Float32Array(chosen.length * pixels);
  for (const [row, digit] of chosen.entries()) {
    rows.set(digits.subarray(digit * pixels, (digit + 1) * pixels), row * pixels);
  }
  return rows;
}

/** The noise against pixels in [0, 1]. */
const deviation = 0.6;

/** The digits under Gaussian noise, clipped to [0, 1]. */
export function withNoise(clean: Float32Array, random: () => number): Float32Array {
  return clean.map((pixel) => Math.min(1, Math.max(0, pixel + deviation * gaussian(random))));
}
