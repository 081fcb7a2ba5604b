/** Noisy digits, and batches of them. */
import { pixels, seeded, shuffled } from "../mnist.js";

export const batchSize = 32;

/** The noise against pixels in [0, 1]. */
const deviation = 0.6;

/** The digits under Gaussian noise, clipped to [0, 1]. */
export function withNoise(clean: Float32Array, random: () => number): Float32Array {
  return clean.map((pixel) => Math.min(1, Math.max(0, pixel + deviation * gaussian(random))));
}

export interface Batch {
  readonly clean: Float32Array;
  readonly noisy: Float32Array;
}

/** Every digit once an epoch, in a new order and under new noise each time; all of it decided by the seed. */
export function* batches(all: Float32Array, epochs: number, seed: number): Generator<Batch> {
  const random = seeded(seed);
  const count = all.length / pixels;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffled(count, random);
    for (let first = 0; first + batchSize <= count; first += batchSize) {
      const clean = new Float32Array(batchSize * pixels);
      for (const [place, digit] of order.slice(first, first + batchSize).entries()) {
        clean.set(all.subarray(digit * pixels, (digit + 1) * pixels), place * pixels);
      }
      yield { clean, noisy: withNoise(clean, random) };
    }
  }
}

/** Box and Muller (1958). */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
